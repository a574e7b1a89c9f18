"""RTP headers and a receiver's count."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sip.media.rtcp import is_rtcp
from sip.media.rtp import Receiver, parse_header


def packet(sequence: int = 7, *, first: int = 0x80, payload: bytes = b"x", timestamp: int = 1) -> bytes:
    return struct.pack("!BBHII", first, 0x80 | 101, sequence, timestamp, 9) + payload


def test_header():
    header = parse_header(packet())
    assert header is not None
    assert (header.payload_type, header.marker, header.sequence, header.timestamp, header.ssrc) == (101, True, 7, 1, 9)
    assert header.payload_at == 12


def test_contributing_sources_and_extension_are_passed_over():
    header = parse_header(packet(first=0x92, payload=bytes(8) + struct.pack("!HH", 0xBEDE, 1) + bytes(4) + b"x"))
    assert header is not None
    assert header.payload_at == 12 + 8 + 4 + 4


@pytest.mark.parametrize("data", [b"", packet()[:11], packet(first=0x40), packet(first=0x8F), packet(first=0x90)])
def test_no_header(data: bytes):
    assert parse_header(data) is None


@given(st.binary(max_size=80))
def test_arbitrary_bytes(data: bytes):
    header = parse_header(data)
    assert header is None or header.payload_at <= len(data)
    assert is_rtcp(data) in (True, False)


def received(*sequences: int, ssrc: int = 1) -> Receiver:
    receiver = Receiver()
    for count, sequence in enumerate(sequences):
        receiver.note(sequence, 160 * count, ssrc, 0.02 * count)
    return receiver


@pytest.mark.parametrize(
    ("sequences", "lost"),
    [((1, 2, 3), 0), ((1, 2, 5), 2), ((65534, 65535, 0, 1), 0), ((65534, 1), 2), ((1, 3, 2), 0), ((1, 2, 2), -1)],
)
def test_loss(sequences: tuple[int, ...], lost: int):
    assert received(*sequences).lost == lost


def test_a_restarted_sender_is_not_loss():
    assert received(1, 2, 40_000, 40_001).lost == 0
    receiver = received(1, 2, 4)
    receiver.note(9000, 0, 77, 1.0)
    receiver.note(9001, 160, 77, 1.02)
    assert receiver.lost == 1


def test_an_even_stream_has_no_jitter_and_a_late_packet_has():
    receiver = received(1, 2, 3)
    assert receiver.jitter_s == pytest.approx(0, abs=1e-6)
    receiver.note(4, 480, 1, 0.06 + 0.016)
    assert receiver.jitter_s == pytest.approx(0.001, rel=0.01)  # 16 ms / 16
    receiver.note(5, 480, 1, 5.0, timed=False)
    assert receiver.jitter_s == pytest.approx(0.001, rel=0.01)


def test_rtcp_is_told_from_rtp():
    assert is_rtcp(struct.pack("!BBHI", 0x80, 200, 1, 5))
    assert not is_rtcp(struct.pack("!BBHI", 0x80, 200, 9, 5))
    assert not is_rtcp(packet())
