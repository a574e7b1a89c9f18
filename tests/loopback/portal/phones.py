"""A resident's phone without a browser: its key, its WebSocket, the words of docs/app-protocol.md."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from tests.unit.edge.portal.browser import BrowserKey

WITHIN_S: Final = 20.0


class App:
    """One connection. Heartbeats are answered while `listen` runs, unless the phone is `dead`."""

    def __init__(self, key: BrowserKey, session: str, origin: str, socket: ClientConnection) -> None:
        self._key, self._session, self._origin, self._socket = key, session, origin, socket
        self._number = 0
        self._came: asyncio.Queue[dict[str, Any] | ConnectionClosed] = asyncio.Queue()
        self.dead = False
        self.welcome: Mapping[str, Any] = {}
        self.state: Mapping[str, Any] = {}  # as it was told last

    async def say(self, type: str, **fields: Any) -> str:
        self._number += 1
        await self._socket.send(json.dumps({"v": 1, "type": type, "id": f"a{self._number}", **fields}))
        return f"a{self._number}"

    async def listen(self) -> None:
        """Until the connection is over."""
        try:
            async for text in self._socket:
                message: dict[str, Any] = json.loads(text)
                if message["type"] != "ping":
                    self._came.put_nowait(message)
                elif not self.dead:
                    await self.say("pong", re=message["id"])
            self._came.put_nowait(self._socket.protocol.close_exc)
        except ConnectionClosed as error:
            self._came.put_nowait(error)

    async def hear(self, type: str, **wanted: Any) -> dict[str, Any]:
        """The next message of this type and these fields. Raises ConnectionClosed."""
        return await self.hear_one_of(type, **wanted)

    async def hear_one_of(self, *types: str, **wanted: Any) -> dict[str, Any]:
        async with asyncio.timeout(WITHIN_S):
            while True:
                message = await self._came.get()
                if isinstance(message, ConnectionClosed):
                    raise message
                if message["type"] == "state":
                    self.state = message["state"]
                if message["type"] in types and wanted.items() <= message.items():
                    return message

    async def shows(self, what: Callable[[Mapping[str, Any]], object]) -> None:
        """Return once the state is so."""
        while not what(self.state):
            await self.hear("state")

    async def asked(self, what: str, **fields: Any) -> Mapping[str, Any]:
        """The data that answer a question, or the refusal."""
        identity = await self.say("ask", what=what, **fields)
        told = await self.hear_one_of("told", "refused", re=identity)
        data: Mapping[str, Any] = told["data"] if told["type"] == "told" else told
        return data

    async def hello(self, **more: Any) -> dict[str, Any]:
        nonce = (await self.hear("challenge"))["nonce"]
        signature = self._key.sign("intercom-edge/1/ws", self._origin, nonce, self._session)
        await self.say("hello", session=self._session, signature=signature, **more)
        self.welcome = await self.hear("welcome")
        self.state = self.welcome["state"]
        return dict(self.welcome)


@contextlib.asynccontextmanager
async def listening(app: App) -> AsyncIterator[App]:
    task = asyncio.get_running_loop().create_task(app.listen())
    try:
        yield app
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@dataclass(frozen=True, slots=True)
class Handset:
    """A phone that was let in; it connects when it is used."""

    session: str
    key: BrowserKey
    origin: str

    @contextlib.asynccontextmanager
    async def connected(self, **hello: Any) -> AsyncIterator[App]:
        where = f"ws{self.origin.removeprefix('http')}/ws"
        # websockets' own type wants its Origin, which is a str
        async with connect(where, origin=self.origin, proxy=None) as socket:  # type: ignore[arg-type]
            app = App(self.key, self.session, self.origin, socket)
            async with listening(app):
                await app.hello(**hello)
                yield app
