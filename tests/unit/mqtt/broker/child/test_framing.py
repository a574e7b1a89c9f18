import asyncio
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mqtt.broker.child.framing import MAX_PACKET_BYTES, Frame, Malformed, parse, read_frame


def text(value: bytes | str) -> bytes:
    raw = value.encode() if isinstance(value, str) else value
    return struct.pack("!H", len(raw)) + raw


def stream(data: bytes) -> asyncio.StreamReader:
    reader = asyncio.StreamReader()
    reader.feed_data(data)
    reader.feed_eof()
    return reader


async def read(data: bytes) -> Frame:
    return await read_frame(stream(data))


async def test_a_packet_is_cut_out_whole() -> None:
    assert await read(b"\x30\x05\x00\x01ahixx") == Frame(3, 0, b"\x00\x01ahi")
    assert await read(b"\xc0\x00") == Frame(12, 0, b"")
    long = b"\x30\x80\x80\x01" + b"\x00\x01a" + b"x" * 16381
    assert len((await read(long)).body) == 16384


@pytest.mark.parametrize(
    "data",
    [
        b"\x10\xff\xff\xff\xff\xff",
        b"\x30\xff\xff\xff\x7f",
        b"\x00\x00",
        b"\xf0\x00",
        b"\x20\x02\x00\x00",
        b"\x80\x00",
        b"\xc1\x00",
        b"\x62\x80\x80\x80\x80\x01",
    ],
    ids=["length5", "256MB", "reserved0", "reserved15", "connack", "subscribe flags", "ping flags", "length"],
)
async def test_a_header_that_breaks_the_rules_is_malformed(data: bytes) -> None:
    with pytest.raises(Malformed):
        await read(data)


async def test_the_largest_packet_is_read_and_one_byte_more_is_not() -> None:
    def of(length: int) -> bytes:
        head = bytes((length & 127 | 128, length >> 7 & 127 | 128, length >> 14))
        return b"\x30" + head + b"x" * length

    assert len((await read(of(MAX_PACKET_BYTES))).body) == MAX_PACKET_BYTES
    with pytest.raises(Malformed):
        await read(of(MAX_PACKET_BYTES + 1))


async def test_a_peer_that_goes_in_the_middle_is_gone() -> None:
    with pytest.raises(asyncio.IncompleteReadError):
        await read(b"\x30\x05\x00\x01a")


async def test_a_good_publish_is_parsed() -> None:
    packet = await parse(Frame(3, 0b0010, text("a/b") + b"\x00\x07payload"))
    assert (packet.topic_name, packet.packet_id, packet.data, packet.qos) == ("a/b", 7, b"payload", 1)


async def test_a_good_subscribe_is_parsed() -> None:
    packet = await parse(Frame(8, 2, b"\x00\x05" + text("a/#") + b"\x01" + text("b") + b"\x00"))
    assert packet.payload.topics == [("a/#", 1), ("b", 0)]


@pytest.mark.parametrize(
    "frame",
    [
        Frame(3, 0b0110, text("a") + b"\x00\x01z"),
        Frame(3, 0b1000, text("a")),
        Frame(3, 0, text(b"\xff\xfe") + b"x"),
        Frame(3, 0, text("a\0b") + b"x"),
        Frame(3, 0, text("") + b"x"),
        Frame(3, 0, text("a/#") + b"x"),
        Frame(3, 0, text("a/+/b") + b"x"),
        Frame(3, 0, b"\x00\x20ab\x00"),
        Frame(3, 0, b"\x00"),
        Frame(3, 0b0010, text("a")),
        Frame(3, 0b0010, text("a") + b"\x00\x00"),
        Frame(8, 2, b"\x00\x01"),
        Frame(8, 2, b"\x00\x01" + text("a") + b"\x03"),
        Frame(8, 2, b"\x00\x01" + text("a")),
        Frame(8, 2, b"\x00\x01" + text("") + b"\x00"),
        Frame(8, 2, b"\x00\x01" + text("a\0") + b"\x00"),
        Frame(8, 2, b"\x00\x01" + (text("a") + b"\x00") * 65),
        Frame(10, 2, b"\x00\x01"),
        Frame(4, 0, b"\x00"),
        Frame(4, 0, b"\x00\x01\x02"),
        Frame(12, 0, b"x"),
        Frame(14, 0, b"x"),
    ],
)
async def test_a_body_that_breaks_the_rules_is_malformed(frame: Frame) -> None:
    with pytest.raises(Malformed):
        await parse(frame)


@given(st.sampled_from([1, 3, 4, 6, 8, 10, 12, 14]), st.integers(0, 15), st.binary(max_size=60))
def test_any_body_is_a_packet_or_malformed(kind: int, flags: int, body: bytes) -> None:
    async def attempt() -> None:
        try:
            await parse(Frame(kind, flags, body))
        except (Malformed, UnicodeDecodeError):
            return

    asyncio.run(attempt())
