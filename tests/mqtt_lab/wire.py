"""A client that speaks MQTT 3.1.1 byte by byte, so that it can misbehave where a library would not."""

import asyncio
import contextlib
import struct
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Self

CONNACK, PUBLISH, PUBACK, SUBACK = 2, 3, 4, 9


@dataclass(frozen=True)
class Heard:
    topic: str
    payload: bytes
    qos: int
    retain: bool
    dup: bool
    mid: int


def text(value: str | bytes) -> bytes:
    raw = value.encode() if isinstance(value, str) else value
    return struct.pack("!H", len(raw)) + raw


def packet(first: int, body: bytes) -> bytes:
    length, out = len(body), bytearray((first,))
    while True:
        length, low = divmod(length, 128)
        out.append(low | (128 if length else 0))
        if not length:
            return bytes(out) + body


def connect_packet(
    client_id: str,
    user: str | None,
    password: str | None,
    *,
    clean: bool = True,
    keepalive_s: int = 60,
    will: tuple[str, bytes, bool] | None = None,
    level: int = 4,
) -> bytes:
    flags = (2 if clean else 0) | (0x80 if user is not None else 0) | (0x40 if password is not None else 0)
    body = text(client_id)
    if will is not None:
        topic, payload, retain = will
        flags |= 4 | 8 | (0x20 if retain else 0)
        body += text(topic) + text(payload)
    for value in (user, password):
        if value is not None:
            body += text(value)
    properties = b"\0" if level == 5 else b""
    return packet(0x10, text("MQTT") + bytes((level, flags)) + struct.pack("!H", keepalive_s) + properties + body)


@dataclass
class Wire:
    """One connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    auto_ack: bool = True
    heard: list[Heard] = field(default_factory=list)
    closed: asyncio.Event = field(default_factory=asyncio.Event)
    _answers: dict[tuple[int, int], asyncio.Future[int]] = field(default_factory=dict)
    _changed: asyncio.Event = field(default_factory=asyncio.Event)
    _next_mid: int = 0
    _task: asyncio.Task[None] | None = None

    @classmethod
    async def open(cls, address: tuple[str, int], *, auto_ack: bool = True) -> Self:
        wire = cls(*await asyncio.open_connection(*address), auto_ack=auto_ack)
        wire._task = asyncio.ensure_future(wire._read())
        return wire

    async def close(self) -> None:
        """As if the cable were cut."""
        self.writer.transport.abort()
        if self._task is not None:
            await asyncio.gather(self._task, return_exceptions=True)

    def stop_reading(self) -> None:
        self.writer.transport.pause_reading()  # type: ignore[attr-defined]  # both directions are one transport

    def send(self, raw: bytes) -> None:
        self.writer.write(raw)

    # --- requests ---------------------------------------------------------------------------------------------------

    async def login(self, client_id: str, user: str | None, password: str | None, **options: object) -> int | str:
        """The CONNACK's code, or ``closed``."""
        self.send(connect_packet(client_id, user, password, **options))  # type: ignore[arg-type]  # passed through
        return await self._answer(CONNACK, 0)

    async def subscribe(self, wanted: str, qos: int = 1) -> int | str:
        """The granted QoS, 128 for a refusal, or ``closed``."""
        mid = self._mid()
        self.send(packet(0x82, struct.pack("!H", mid) + text(wanted) + bytes((qos,))))
        return await self._answer(SUBACK, mid)

    async def publish(self, topic: str, payload: bytes, *, qos: int = 1, retain: bool = False) -> int | str:
        """0 when the broker took it, or ``closed``."""
        first = 0x30 | qos << 1 | int(retain)
        if not qos:
            self.send(packet(first, text(topic) + payload))
            return 0
        mid = self._mid()
        self.send(packet(first, text(topic) + struct.pack("!H", mid) + payload))
        return await self._answer(PUBACK, mid)

    def disconnect(self) -> None:
        self.send(b"\xe0\0")

    def ack(self, heard: Heard) -> None:
        self.send(packet(0x40, struct.pack("!H", heard.mid)))

    def _mid(self) -> int:
        self._next_mid += 1
        return self._next_mid

    async def _answer(self, kind: int, mid: int) -> int | str:
        answer = asyncio.get_running_loop().create_future()
        self._answers[kind, mid] = answer
        closed = asyncio.ensure_future(self.closed.wait())
        try:
            async with asyncio.timeout(10):
                await asyncio.wait({answer, closed}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            closed.cancel()
            self._answers.pop((kind, mid), None)
        return answer.result() if answer.done() else "closed"

    # --- waiting ----------------------------------------------------------------------------------------------------

    async def until(self, condition: Callable[[], bool], within_s: float = 10.0) -> None:
        """Wait until *condition* holds; it is looked at after each packet."""
        async with asyncio.timeout(within_s):
            while not condition():
                self._changed.clear()
                await self._changed.wait()

    async def until_closed(self, within_s: float) -> None:
        async with asyncio.timeout(within_s):
            await self.closed.wait()

    async def echo(self, topic: str) -> None:
        """Everything the broker had for us before now has arrived; *topic* must be one we write and read."""
        token = f"echo-{self._mid()}".encode()
        await self.publish(topic, token)
        await self.until(lambda: any(heard.payload == token for heard in self.heard))

    # --- reading ----------------------------------------------------------------------------------------------------

    async def _read(self) -> None:
        try:
            while True:
                first = (await self.reader.readexactly(1))[0]
                length = shift = 0
                while True:
                    byte = (await self.reader.readexactly(1))[0]
                    length |= (byte & 127) << shift
                    shift += 7
                    if byte < 128:
                        break
                self._take(first, await self.reader.readexactly(length))
        except (OSError, asyncio.IncompleteReadError):
            return
        finally:
            self.closed.set()
            self._changed.set()
            self.writer.transport.abort()

    def _take(self, first: int, body: bytes) -> None:
        kind = first >> 4
        if kind == PUBLISH:
            end = 2 + struct.unpack_from("!H", body)[0]
            qos = first >> 1 & 3
            mid = struct.unpack_from("!H", body, end)[0] if qos else 0
            heard = Heard(
                body[2:end].decode(), body[end + (2 if qos else 0) :], qos, bool(first & 1), bool(first & 8), mid
            )
            self.heard.append(heard)
            if qos and self.auto_ack:
                self.ack(heard)
        elif kind == CONNACK:
            self._give(CONNACK, 0, body[1])
        elif kind in (PUBACK, SUBACK):
            self._give(kind, struct.unpack_from("!H", body)[0], body[2] if kind == SUBACK else 0)
        self._changed.set()

    def _give(self, kind: int, mid: int, code: int) -> None:
        answer = self._answers.get((kind, mid))
        if answer is not None and not answer.done():
            answer.set_result(code)


@contextlib.asynccontextmanager
async def wires(address: tuple[str, int]) -> AsyncIterator[Callable[..., object]]:
    """Opens connections that are all cut at the end: ``wire = await opening()``."""
    opened: list[Wire] = []

    async def opening(*, auto_ack: bool = True) -> Wire:
        wire = await Wire.open(address, auto_ack=auto_ack)
        opened.append(wire)
        return wire

    try:
        yield opening
    finally:
        for wire in opened:
            await wire.close()
