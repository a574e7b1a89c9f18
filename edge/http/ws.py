"""`/ws`: the WebSocket of residents' apps. Here are limits, origin and heartbeat; what is said stands behind a port."""

import asyncio
import contextlib
import itertools
import json
from collections.abc import Mapping
from typing import Any, Final, Protocol

from fastapi import APIRouter, WebSocket, WebSocketDisconnect

MESSAGE_CHARS_MAX: Final = 65_536
MESSAGES_A_SECOND: Final = 30
CONNECTIONS_MAX: Final = 600
OF_A_SOURCE_MAX: Final = 64  # a house behind one address of a provider's
UNSENT_MAX: Final = 256
HELLO_S: Final = 10.0
HEARTBEAT_S: Final = 3.0
SILENT_S: Final = 9.0
BAD_MESSAGES_MAX: Final = 10
SEND_S: Final = 9.0

POLICY: Final = 1008
RESTART: Final = 1012
BAD_HELLO: Final = 4401
REVOKED: Final = 4403
SILENT: Final = 4408
REPLACED: Final = 4409

Message = Mapping[str, Any]


class BadFrame(Exception):
    """Not a message; *re*: its id, where it had one."""

    def __init__(self, re: str = "") -> None:
        super().__init__(re)
        self.re = re


class Link:
    """One connection, as the far side of the port uses it. On the event loop only."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)
        self._unsent: asyncio.Queue[str] = asyncio.Queue(UNSENT_MAX)
        self.closing: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    def send(self, message: Message, re: str = "") -> None:
        """Queue *message*; *re*: the id that it answers. An app that does not read is closed."""
        document = {"v": 1, "id": f"e{next(self._numbers)}", **({"re": re} if re else {}), **message}
        try:
            self._unsent.put_nowait(json.dumps(document, ensure_ascii=False, separators=(",", ":")))
        except asyncio.QueueFull:
            self.close(SILENT)

    def close(self, code: int) -> None:
        if not self.closing.done():
            self.closing.set_result(code)

    async def next_text(self) -> str:
        return await self._unsent.get()

    def rest(self) -> list[str]:
        """What was queued before the end."""
        found = []
        while not self._unsent.empty():
            found.append(self._unsent.get_nowait())
        return found


class Visitor(Protocol):
    """An app that proved its key."""

    async def receive(self, document: object) -> None:
        """Raises BadFrame."""
        ...

    def left(self, *, in_order: bool) -> None:
        """The connection is over; *in_order*: the app closed it."""
        ...


class AppDoor(Protocol):
    """Who lets apps in."""

    @property
    def origin(self) -> str:
        """The only Origin that pages come from."""
        ...

    def challenge(self) -> Message:
        """The first message, with a fresh nonce."""
        ...

    def enter(self, document: object, challenge: Message, link: Link) -> Visitor | None:
        """The answer to *challenge*; None: not let in. Raises BadFrame."""
        ...


def ws_routes(door: AppDoor) -> APIRouter:
    """`/ws`."""
    routes = APIRouter()
    sources: dict[str, int] = {}

    @routes.websocket("/ws")
    async def app(socket: WebSocket) -> None:
        source = socket.client.host if socket.client is not None else ""
        if socket.headers.get("origin") != door.origin or sum(sources.values()) >= CONNECTIONS_MAX:
            await socket.close(POLICY)  # before it was accepted: 403
            return
        if sources.get(source, 0) >= OF_A_SOURCE_MAX:
            await socket.close(POLICY)
            return
        sources[source] = sources.get(source, 0) + 1
        try:
            await _Connection(socket, door).serve()
        finally:
            sources[source] -= 1
            if not sources[source]:
                del sources[source]

    return routes


class _Connection:
    def __init__(self, socket: WebSocket, door: AppDoor) -> None:
        self._socket = socket
        self._door = door
        self._link = Link()
        self._visitor: Visitor | None = None
        self._heard_at = 0.0
        self._budget = float(MESSAGES_A_SECOND)
        self._counted_at = 0.0
        self._bad = 0

    async def serve(self) -> None:
        await self._socket.accept()
        loop = asyncio.get_running_loop()
        self._heard_at = self._counted_at = loop.time()
        in_order = False
        tasks = [loop.create_task(one) for one in (self._receive(), self._send(), self._beat())]
        ends: list[asyncio.Future[Any]] = [*tasks, self._link.closing]
        try:
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            in_order = tasks[0].done() and not tasks[0].cancelled() and tasks[0].exception() is None
        finally:
            if self._visitor is not None:
                self._visitor.left(in_order=in_order)
            for task in tasks:
                task.cancel()
            outcomes = await asyncio.gather(*tasks, return_exceptions=True)
            await self._close()
        for outcome in outcomes:
            if isinstance(outcome, Exception) and not isinstance(outcome, WebSocketDisconnect | RuntimeError | OSError):
                raise outcome

    async def _receive(self) -> None:
        """Until the app closes; a limit that is passed closes the link."""
        challenge = self._door.challenge()
        self._link.send(challenge)
        while not self._link.closing.done():
            try:
                if self._visitor is None:
                    async with asyncio.timeout(HELLO_S):
                        text = await self._text()
                else:
                    text = await self._text()
            except TimeoutError:
                self._link.close(BAD_HELLO)
                return
            if text is None:
                return
            await self._take(text, challenge)

    async def _take(self, text: str, challenge: Message) -> None:
        now = asyncio.get_running_loop().time()
        self._heard_at = now
        self._budget = min(MESSAGES_A_SECOND, self._budget + (now - self._counted_at) * MESSAGES_A_SECOND) - 1
        self._counted_at = now
        if self._budget < 0 or len(text) > MESSAGE_CHARS_MAX:
            self._link.close(POLICY)
            return
        try:
            document = _parsed(text)
            if self._visitor is None:
                self._visitor = self._door.enter(document, challenge, self._link)
                if self._visitor is None:
                    self._link.close(BAD_HELLO)
            else:
                await self._visitor.receive(document)
        except BadFrame as error:
            self._bad += 1
            self._link.send({"type": "error", "reason": "bad_message"}, error.re)
            if self._bad >= BAD_MESSAGES_MAX:
                self._link.close(POLICY)

    async def _text(self) -> str | None:
        """None: the app closed."""
        message = await self._socket.receive()
        if message["type"] == "websocket.disconnect":
            return None
        text = message.get("text")
        return text if isinstance(text, str) else ""  # a binary frame is none of ours

    async def _send(self) -> None:
        while True:
            text = await self._link.next_text()
            async with asyncio.timeout(SEND_S):
                await self._socket.send_text(text)

    async def _beat(self) -> None:
        """Pings, and the end of a link that died without a word: `SILENT_S` after the last message, to the moment."""
        loop = asyncio.get_running_loop()
        ping_at = loop.time() + HEARTBEAT_S
        while (silent_at := self._heard_at + SILENT_S) > loop.time():
            await asyncio.sleep(max(0.0, min(ping_at, silent_at) - loop.time()))
            if loop.time() >= ping_at:
                ping_at += HEARTBEAT_S
                if self._visitor is not None:
                    self._link.send({"type": "ping"})
        self._link.close(SILENT)

    async def _close(self) -> None:
        code = self._link.closing.result() if self._link.closing.done() else RESTART
        with contextlib.suppress(RuntimeError, WebSocketDisconnect, OSError, TimeoutError):  # it is closed already
            async with asyncio.timeout(1.0):
                for text in self._link.rest():
                    await self._socket.send_text(text)
                await self._socket.close(code)


def _parsed(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise BadFrame from None
