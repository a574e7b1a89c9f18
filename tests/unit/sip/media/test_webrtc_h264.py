from hypothesis import given
from hypothesis import strategies as st

from sip.media.webrtc_h264 import (
    CACHED_UNITS_MAX,
    UNIT_BYTES_MAX,
    AccessUnit,
    Depacketizer,
    KeyFrameCache,
    byte_stream,
    nal_types,
    packetize,
)

SPS, PPS, IDR, SLICE = b"\x67sps", b"\x68pps", b"\x65idr", b"\x41p"


def test_key_frames_are_seen_in_every_packing() -> None:
    assert nal_types(IDR) == (5,)
    assert nal_types(b"\x7c\x85start of an IDR") == (5,)
    assert nal_types(b"\x78\x00\x04\x67sps\x00\x04\x65idr") == (7, 5)
    assert nal_types(b"\x78\x00") == ()
    assert nal_types(b"\x7c") == ()
    assert nal_types(b"") == ()


def test_a_picture_ends_with_the_marker_or_with_another_stamp() -> None:
    pictures = Depacketizer()
    assert list(pictures.feed(1, 0, False, SPS)) == []
    assert list(pictures.feed(2, 0, True, IDR)) == [AccessUnit((SPS, IDR), 0, True)]
    assert list(pictures.feed(3, 100, False, SLICE)) == []
    assert list(pictures.feed(4, 200, True, SLICE)) == [
        AccessUnit((SLICE,), 100, False),
        AccessUnit((SLICE,), 200, False),
    ]
    assert not pictures.take_loss()


def test_what_lost_a_packet_is_dropped_whole_and_told_once() -> None:
    pictures = Depacketizer()
    list(pictures.feed(65535, 0, False, SPS))
    assert list(pictures.feed(1, 0, True, IDR)) == []
    assert pictures.take_loss()
    assert not pictures.take_loss()
    assert list(pictures.feed(1, 0, True, IDR)) == [], "repeated"
    assert list(pictures.feed(0, 0, True, IDR)) == [], "late"
    assert [unit.payloads for unit in pictures.feed(2, 9, True, SLICE)] == [(SLICE,)]
    assert not pictures.take_loss()


def test_a_picture_without_an_end_is_bounded() -> None:
    pictures = Depacketizer()
    for number in range(UNIT_BYTES_MAX // 1000 + 2):
        assert list(pictures.feed(number, 0, False, b"\x41" + bytes(999))) == []
    assert pictures.take_loss()


def test_a_new_watcher_gets_everything_since_the_key_frame_at_once() -> None:
    cache = KeyFrameCache()
    cache.take(AccessUnit((SLICE,), 0, False))
    assert cache.catch_up() == []
    for number, key in enumerate((True, False, False)):
        cache.take(AccessUnit((IDR if key else SLICE,), 3000 * number, key))
    assert cache.catch_up() == [((IDR,), 6000 - 180), ((SLICE,), 6000 - 90), ((SLICE,), 6000)]
    cache.take(AccessUnit((IDR,), 9000, True))
    assert cache.catch_up() == [((IDR,), 9000)]
    cache.forget()
    cache.take(AccessUnit((SLICE,), 12000, False))
    assert cache.catch_up() == []


def test_parameter_sets_of_the_description_go_before_a_key_frame_that_has_none() -> None:
    cache = KeyFrameCache((SPS, PPS))
    assert cache.take(AccessUnit((IDR,), 0, True)).payloads == (SPS, PPS, IDR)
    assert cache.take(AccessUnit((SPS, IDR), 0, True)).payloads == (SPS, IDR)


def test_the_cache_is_bounded() -> None:
    cache = KeyFrameCache()
    cache.take(AccessUnit((IDR,), 0, True))
    for number in range(CACHED_UNITS_MAX):
        cache.take(AccessUnit((SLICE,), number, False))
    assert cache.catch_up() == []


def test_a_byte_stream_becomes_payloads_that_carry_the_same_units() -> None:
    long = b"\x65" + bytes(range(1, 256)) * 10
    stream = b"\x00\x00\x00\x01\x09\xf0" + b"".join(b"\x00\x00\x01" + unit for unit in (SPS, PPS, long)) + b"\x00"
    sps, pps, *parts = packetize(stream, 1000)
    assert (sps, pps) == (SPS, PPS), "without the delimiter and the zeros around"
    assert [part[:2].hex() for part in parts] == ["7c85", "7c05", "7c45"]
    assert all(len(part) <= 1000 for part in parts)
    assert b"\x65" + b"".join(part[2:] for part in parts) == long
    assert all(nal_types(part) == (5,) for part in parts)


@given(st.binary(max_size=4000), st.integers(16, 1500))
def test_no_stream_breaks_the_packing(stream: bytes, most: int) -> None:
    for payload in packetize(b"\x00\x00\x01" + stream, most):
        assert 0 < len(payload) <= most
    assert packetize(b"\x01" + stream) == ()


@given(st.lists(st.binary(min_size=1, max_size=300).map(lambda rest: b"\x65" + rest.replace(b"\0", b"\1"))))
def test_payloads_become_the_stream_that_they_came_from(units: list[bytes]) -> None:
    stream = b"".join(b"\x00\x00\x00\x01" + unit for unit in units)
    assert byte_stream(packetize(stream, 100)) == stream


def test_what_is_not_whole_is_not_in_the_stream() -> None:
    begun, middle, ended = packetize(b"\x00\x00\x01\x65" + bytes(range(1, 250)), 100)
    together = b"\x78" + b"".join(bytes((0, len(unit))) + unit for unit in (SPS, PPS))
    assert byte_stream((together, b"", b"\x7c", begun, middle)) == b"\0\0\0\1" + SPS + b"\0\0\0\1" + PPS
    assert byte_stream((middle, ended)) == b""


@given(st.lists(st.binary(max_size=60)))
def test_no_payload_breaks_the_unpacking(payloads: list[bytes]) -> None:
    assert byte_stream(payloads)[:4] in (b"", b"\0\0\0\1")
