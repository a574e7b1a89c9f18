import pytest
from hypothesis import given
from hypothesis import strategies as st

from sip.framer import MAX_BODY_BYTES, StreamFramer
from sip.parser import MAX_HEAD_BYTES, ParseError, parse
from tests.fakes.sip import request

ONE = request("INVITE", body=b"v=0\r\n\r\n").render()
TWO = request("OPTIONS").render()


def refused(data: bytes) -> ParseError:
    framer = StreamFramer()
    assert framer.feed(data) == []
    assert framer.broken is not None
    assert framer.feed(ONE) == []
    return framer.broken


@given(st.lists(st.sampled_from([ONE, TWO]), max_size=4), st.lists(st.integers(0, 2000), max_size=12))
def test_messages_are_cut_out_whatever_the_segments(messages, cuts):
    stream = b"".join(messages)
    framer, got = StreamFramer(), []
    edges = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    for start, end in zip(edges, edges[1:], strict=False):
        got += framer.feed(stream[start:end])
    assert got == messages
    assert not framer.unfinished


@given(st.lists(st.sampled_from([b"\r\n\r\n", b"\r\n", ONE]), max_size=8))
def test_keep_alives_between_messages_are_taken_out(parts):
    stream, framer, got = b"".join(parts), StreamFramer(), []
    for at in range(len(stream)):
        got += framer.feed(stream[at : at + 1])
    assert got == [part for part in parts if part is ONE]


def test_a_double_line_end_wants_a_single_one_back():
    framer = StreamFramer()
    framer.feed(b"\r\n\r\n")
    framer.feed(b"\r\n")
    assert framer.pongs == 1
    assert not framer.unfinished
    framer.feed(b"\r\n")
    assert framer.pongs == 2
    assert framer.feed(b"\r\n" + ONE) == [ONE]  # somebody's answer to one of ours, and a message
    assert framer.pongs == 2


def test_half_a_message_is_unfinished():
    framer = StreamFramer()
    assert framer.feed(ONE[:100]) == []
    assert framer.unfinished
    assert framer.feed(ONE[100:]) == [ONE]
    assert not framer.unfinished


@pytest.mark.parametrize("spelling", [b"Content-Length: ", b"l:", b"CONTENT-LENGTH \t: ", b"L : "])
def test_the_length_is_found_in_any_spelling(spelling):
    assert StreamFramer().feed(TWO.replace(b"Content-Length: ", spelling)) == [
        TWO.replace(b"Content-Length: ", spelling)
    ]


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (TWO.replace(b"Content-Length: 0\r\n", b""), 400),
        (TWO.replace(b"Content-Length: 0", b"Content-Length: -1"), 400),
        (TWO.replace(b"Content-Length: 0", b"Content-Length: 0\r\nl: 5"), 400),
        (TWO.replace(b"Content-Length: 0", b"Content-Length: %d" % (MAX_BODY_BYTES + 1)), 413),
    ],
)
def test_a_broken_stream_is_refused_with_an_answer(data, status):
    error = refused(data)
    assert error.status == status
    assert error.request is not None
    assert error.request.method == "OPTIONS"


def test_a_header_without_end_is_cut_off():
    assert refused(b"OPTIONS sip:a SIP/2.0\r\n" + b"X: y\r\n" * (MAX_HEAD_BYTES // 6 + 1)).status == 513


def test_messages_before_a_fault_are_good():
    framer = StreamFramer()
    assert framer.feed(ONE + b"nonsense\r\n\r\n" + TWO) == [ONE]
    assert framer.broken is not None


def test_a_length_in_the_body_is_not_the_length():
    message = request("INVITE", body=b"\r\nContent-Length: 9999\r\n\r\n").render()
    assert StreamFramer().feed(message) == [message]


@given(st.binary(max_size=300))
def test_arbitrary_bytes_raise_parse_error_and_nothing_else(data):
    framer = StreamFramer()
    try:
        for message in framer.feed(data) + framer.feed(TWO):
            parse(message, stream=True)
    except ParseError:
        return
