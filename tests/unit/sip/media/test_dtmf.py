"""Digits out of RFC 4733 packets and INFO bodies."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sip.media.dtmf import EventReader, is_info_dtmf, parse_event, parse_info


def event(code: int, duration: int, *, end: bool = False) -> bytes:
    return struct.pack("!BBH", code, (0x80 if end else 0) | 10, duration)


def key(code: int, timestamp: int) -> list[tuple[bytes, int]]:
    """A key as phones send it: updates every 20 ms, the end three times."""
    updates = [(event(code, d), timestamp) for d in (160, 320, 480)]
    return updates + [(event(code, 640, end=True), timestamp)] * 3


def digits(packets: list[tuple[bytes, int]]) -> str:
    reader = EventReader()
    return "".join(d for payload, timestamp in packets if (d := reader.feed(payload, timestamp)))


def test_each_key_is_one_digit():
    assert digits(key(1, 1000) + key(2, 3000) + key(2, 5000) + key(11, 7000)) == "122#"


def test_any_packets_of_a_key_may_be_lost():
    one, two = key(1, 1000), key(1, 3000)
    for left in range(1, 6):
        assert digits(one[left:] + two[left:]) == "11"
    assert digits(one[:3] + two[:3]) == "11"  # no end packet at all


def test_late_packets_of_an_earlier_key_are_no_digit():
    one, two = key(1, 1000), key(2, 3000)
    assert digits(one[:3] + two[:2] + one[3:] + two[2:]) == "12"


def test_the_next_segment_of_a_long_event_is_no_digit():
    assert (
        digits([(event(5, 0xFFFF), 100), (event(5, 160), 100 + 0xFFFF), (event(5, 320, end=True), 100 + 0xFFFF)]) == "5"
    )


def test_a_timestamp_that_wrongly_moves_with_each_packet_is_no_digit():
    assert digits([(event(5, d), 100 + d) for d in (160, 320, 480)] + [(event(5, 640, end=True), 740)]) == "5"


def test_flash_and_short_payloads_are_no_digits():
    assert digits([(event(16, 160), 1), (b"\x01\x00\x00", 2), (b"", 3)]) == ""
    assert parse_event(b"\x0b\x8a\x01\x40").end  # type: ignore[union-attr]  # a value is what is asserted


@given(st.lists(st.tuples(st.binary(max_size=12), st.integers(0, 2**32 - 1))))
def test_arbitrary_payloads_do_no_harm(packets: list[tuple[bytes, int]]):
    assert len(digits(packets)) <= len(packets)


@pytest.mark.parametrize(
    ("content_type", "body", "digit"),
    [
        ("application/dtmf-relay", b"Signal=5\r\nDuration=160", "5"),
        ("application/dtmf-relay", b"Signal= 5\r\nDuration= 160\r\n", "5"),
        ("Application/DTMF-Relay;x=y", b"signal = #\r\n", "#"),
        ("application/dtmf-relay", b"Signal=10\r\nDuration=160", "*"),
        ("application/dtmf-relay", b"Signal=11\r\n", "#"),
        ("application/dtmf", b"5", "5"),
        ("application/dtmf", b" d\r\n", "D"),
        ("application/dtmf", b"Signal=7", "7"),
        ("application/dtmf-relay", b"Duration=160", None),
        ("application/dtmf-relay", b"Signal=16", None),
        ("application/dtmf", b"16", None),
        ("application/dtmf", "５".encode(), None),
        ("text/plain", b"5", None),
        ("application/dtmf", b"", None),
    ],
)
def test_info_bodies(content_type: str, body: bytes, digit: str | None):
    assert parse_info(content_type, body) == digit
    assert is_info_dtmf(content_type) is (content_type != "text/plain")
