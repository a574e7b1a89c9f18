"""MQTT 3.1.1 packets, cut out of the stream and checked before amqtt parses them.

amqtt parses straight off the socket, so an inner length could eat the next packet; here a packet is read whole, within
a size, and what breaks the specification ends the connection.
"""

import asyncio
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from amqtt.adapters import ReaderAdapter
from amqtt.mqtt import packet_dict
from amqtt.mqtt.packet import CONNECT, PUBLISH, SUBSCRIBE, UNSUBSCRIBE, MQTTFixedHeader

MAX_PACKET_BYTES: Final = 262_144
MAX_TOPIC_BYTES: Final = 4096
MAX_FILTERS: Final = 64

# MQTT 3.1.1 §2.2.2: the flags of every packet a client may send; PUBLISH has its own.
CLIENT_PACKETS: Final[Mapping[int, int]] = {1: 0, 3: 0, 4: 0, 5: 0, 6: 2, 7: 0, 8: 2, 10: 2, 12: 0, 14: 0}


class Malformed(Exception):
    """The peer broke the protocol: its connection ends."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One whole packet, not looked into."""

    kind: int
    flags: int
    body: bytes


async def read_frame(stream: asyncio.StreamReader) -> Frame:
    """The next packet. Raises Malformed, or IncompleteReadError when the peer is gone."""
    first = (await stream.readexactly(1))[0]
    kind, flags = first >> 4, first & 0x0F
    if kind not in CLIENT_PACKETS:
        raise Malformed(f"packet type {kind} from a client")
    if kind != PUBLISH and flags != CLIENT_PACKETS[kind]:
        raise Malformed("reserved flags")
    length, shift = 0, 0
    while True:  # §2.2.3: at most four bytes of length
        byte = (await stream.readexactly(1))[0]
        length |= (byte & 0x7F) << shift
        if not byte & 0x80:
            break
        shift += 7
        if shift > 21:
            raise Malformed("remaining length")
    if length > MAX_PACKET_BYTES:
        raise Malformed("too large")
    return Frame(kind, flags, await stream.readexactly(length))


async def parse(frame: Frame) -> Any:
    """*frame* as amqtt's packet. Raises Malformed."""
    try:
        check = _CHECKS.get(frame.kind)
        if check is not None:
            check(frame)
        header = MQTTFixedHeader(frame.kind, frame.flags, len(frame.body))
        body = _Body(frame.body)
        packet = await packet_dict[frame.kind].from_stream(body, fixed_header=header)
    except Malformed:
        raise
    except Exception as error:  # amqtt's parser met bytes it did not expect; whatever it raises, they are the peer's
        raise Malformed(repr(error)) from error
    if body.left and frame.kind != CONNECT:
        raise Malformed("bytes behind the packet's end")
    return packet


def connect_bytes(frame: Frame) -> "Whole":
    """A CONNECT as a stream, for amqtt's own handshake, which reads from one. Raises Malformed."""
    if frame.kind != CONNECT:
        raise Malformed("the first packet is no CONNECT")
    return Whole(bytes((CONNECT << 4,)) + _length(len(frame.body)) + frame.body)


def _length(number: int) -> bytes:
    out = bytearray()
    while True:
        number, low = divmod(number, 128)
        out.append(low | (0x80 if number else 0))
        if not number:
            return bytes(out)


# --- what amqtt does not check --------------------------------------------------------------------------------------


def check_text(raw: bytes) -> str:
    """§1.5.3. Raises Malformed, or UnicodeDecodeError."""
    text = raw.decode("utf-8")
    if "\0" in text or not text or len(raw) > MAX_TOPIC_BYTES:
        raise Malformed("text")
    return text


def check_topic(topic: str) -> str:
    """§3.3.2.1: a topic name has no wildcards. Raises Malformed."""
    if "#" in topic or "+" in topic:
        raise Malformed("wildcard in a topic name")
    return topic


def _counted(body: bytes, at: int) -> tuple[bytes, int]:
    (length,) = struct.unpack_from("!H", body, at)
    end = at + 2 + length
    if end > len(body):
        raise Malformed("length runs past the packet")
    return body[at + 2 : end], end


def _publish(frame: Frame) -> None:
    qos = (frame.flags >> 1) & 3
    if qos == 3 or (qos == 0 and frame.flags & 8):  # §3.3.1
        raise Malformed("QoS")
    topic, end = _counted(frame.body, 0)
    check_topic(check_text(topic))
    if qos and struct.unpack_from("!H", frame.body, end)[0] == 0:  # §2.3.1
        raise Malformed("packet id 0")


def _filters(frame: Frame) -> None:
    at, count = 2, 0
    while at < len(frame.body):
        text, at = _counted(frame.body, at)
        check_text(text)
        if frame.kind == SUBSCRIBE:
            if frame.body[at] > 2:
                raise Malformed("QoS")
            at += 1
        count += 1
    if not 1 <= count <= MAX_FILTERS:
        raise Malformed("number of filters")


_CHECKS: Final[Mapping[int, Callable[[Frame], None]]] = {
    PUBLISH: _publish,
    SUBSCRIBE: _filters,
    UNSUBSCRIBE: _filters,
}


class Whole(ReaderAdapter):  # type: ignore[misc]  # amqtt has no types
    """Bytes that are all there, as amqtt likes to read them. Reading past them is Malformed."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    @property
    def left(self) -> int:
        return len(self._data) - self._at

    async def read(self, n: int = -1) -> bytes:
        n = self.left if n < 0 else n
        if n > self.left:
            raise Malformed("length runs past the packet")
        self._at += n
        return self._data[self._at - n : self._at]

    def feed_eof(self) -> None:
        self._at = len(self._data)


_Body = Whole
