import pytest
from hypothesis import given
from hypothesis import strategies as st

from sip.media.bencode import DEPTH_MAX, BencodeError, decode, encode

VALUES = st.recursive(
    st.integers(-(10**15), 10**15) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)


def test_a_message_as_rtpengine_wants_it() -> None:
    assert encode({"command": "offer", "flags": ["a", "bc"], "n": -3, "raw": b"\xff"}) == (
        b"d7:command5:offer5:flagsl1:a2:bce1:ni-3e3:raw1:\xffe"
    )


@given(VALUES)
def test_what_is_written_is_read_back(value: object) -> None:
    assert decode(encode(value)) == value  # type: ignore[arg-type]  # made of what it takes


@given(st.binary(max_size=60))
def test_any_bytes_are_a_value_or_refused(data: bytes) -> None:
    try:
        decode(data)
    except BencodeError:
        return


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"i",
        b"ie",
        b"i1",
        b"5:abc",
        b"-1:a",
        b"l",
        b"d",
        b"d1:a",
        b"d1:ae",
        b"di1e1:ae",
        b"i1ei2e",
        b"1" * 30,
        b"x",
    ],
)
def test_what_is_no_value_is_refused(data: bytes) -> None:
    with pytest.raises(BencodeError):
        decode(data)


def test_depth_is_bounded() -> None:
    assert decode(b"l" * (DEPTH_MAX - 1) + b"e" * (DEPTH_MAX - 1))
    with pytest.raises(BencodeError):
        decode(b"l" * 10_000)
