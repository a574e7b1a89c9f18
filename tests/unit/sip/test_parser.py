import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sip.message import Request, Response
from sip.parser import MAX_HEADERS, ParseError, check, parse
from tests.fakes.sip import request

INVITE = (
    b"INVITE sip:101@edge SIP/2.0\r\n"
    b"Via: SIP/2.0/UDP 192.0.2.50:5060;branch=z9hG4bK1\r\n"
    b"From: <sip:10000001@edge>;tag=a\r\n"
    b"To: <sip:101@edge>\r\n"
    b"Call-ID: c1\r\n"
    b"CSeq: 1 INVITE\r\n"
    b"Contact: <sip:10000001@192.0.2.50>\r\n"
    b"Content-Length: 4\r\n\r\nbody"
)


def refused(data: bytes, stream: bool = False) -> ParseError:
    with pytest.raises(ParseError) as caught:
        check(parse(data, stream))
    return caught.value


def test_a_request_and_its_fields():
    message = parse(INVITE)
    check(message)
    assert isinstance(message, Request)
    assert (message.method, message.uri, message.body) == ("INVITE", "sip:101@edge", b"body")
    assert (message.call_id, message.cseq, message.from_tag, message.to_tag) == ("c1", (1, "INVITE"), "a", "")
    assert message.via.sent_by == ("192.0.2.50", 5060)


def test_a_response():
    message = parse(INVITE.replace(b"INVITE sip:101@edge SIP/2.0", b"SIP/2.0 180 Ringing  now"))
    assert isinstance(message, Response)
    assert (message.status, message.reason, message.final) == (180, "Ringing  now", False)


def test_line_ends_before_the_message_are_skipped():
    assert parse(b"\r\n\r\n" + INVITE).call_id == "c1"


def test_a_datagram_may_be_longer_than_its_message_but_not_shorter():
    assert parse(INVITE + b"more").body == b"body"
    assert refused(INVITE[:-1]).status == 400
    assert refused(INVITE + b"more", stream=True).status == 400


def test_without_content_length_the_datagram_ends_the_body():
    assert parse(INVITE.replace(b"Content-Length: 4\r\n", b"")).body == b"body"


@pytest.mark.parametrize(
    ("old", "new", "status"),
    [
        (b"SIP/2.0\r\nVia", b"SIP/3.0\r\nVia", 505),
        (b"SIP/2.0\r\nVia", b"HTTP/1.1\r\nVia", 400),
        (b"INVITE sip:101@edge", b"INVITE 101", 400),
        (b"Call-ID: c1\r\n", b"", 400),
        (b"Call-ID: c1\r\n", b"Call-ID: \r\n", 400),
        (b"CSeq: 1 INVITE", b"CSeq: 1 BYE", 400),
        (b"CSeq: 1 INVITE", b"CSeq: 2147483648 INVITE", 400),
        (b"CSeq: 1 INVITE", "CSeq: ¹ INVITE".encode(), 400),
        (b"CSeq: 1 INVITE", b"CSeq: -1 INVITE", 400),
        (b"Content-Length: 4", b"Content-Length: +4", 400),
        (b"Content-Length: 4", b"Content-Length: 4\r\nl: 4", 400),
        (b"Contact: ", b"Con tact: ", 400),
        (b"Contact: ", b"Contact", 400),
        (b"Contact: <sip:10000001@192.0.2.50>", b"Contact: *", 400),
        (b"Contact: <", b"Max-Forwards: 256\r\nContact: <", 400),
        (b"Contact: <", b"Route: sip:a b\r\nContact: <", 400),
        (b"tag=a", b"tag=a\nX: y", 400),
        (b"tag=a", b"tag=a\rX: y", 400),
        (b"tag=a", b"tag=" + b"a" * 9000, 400),
        (b"Contact: <", b"X: y\r\n" * MAX_HEADERS + b"Contact: <", 400),
    ],
)
def test_what_is_malformed_is_refused_with_a_status(old, new, status):
    assert old in INVITE
    error = refused(INVITE.replace(old, new, 1))
    assert error.status == status


def test_a_refusal_can_be_answered_when_enough_is_left():
    assert refused(INVITE.replace(b"CSeq: 1 INVITE", b"CSeq: 1 BYE")).request is not None
    assert refused(INVITE.replace(b"From", b"Fram")).request is None
    assert refused(INVITE.replace(b"Via: SIP", b"Via: XXX")).request is None


@pytest.mark.parametrize("method", [b"ACK"])
def test_an_ack_is_never_answered(method):
    assert refused(INVITE.replace(b"INVITE", method).replace(b"Length: 4", b"Length: 9")).request is None
    assert refused(INVITE.replace(b"INVITE", method).replace(b"To: <", b"To: ><")).request is None


def test_a_header_beyond_its_limit():
    assert refused(INVITE.replace(b"Contact: <", b"X: y\r\n" * 20_000 + b"Contact: <")).status == 513


def test_register_may_name_all_contacts():
    register = INVITE.replace(b"INVITE", b"REGISTER").replace(b"<sip:10000001@192.0.2.50>", b"*")
    check(parse(register))


@given(st.binary(max_size=2000))
def test_arbitrary_bytes_raise_parse_error_and_nothing_else(data):
    try:
        check(parse(data))
    except ParseError:
        return


@settings(max_examples=300)
@given(st.data())
def test_a_spoilt_message_raises_parse_error_and_nothing_else(data):
    raw = bytearray(INVITE)
    for _ in range(data.draw(st.integers(1, 5))):
        at = data.draw(st.integers(0, len(raw) - 1))
        what = data.draw(st.sampled_from(("delete", "double", "replace", "cut")))
        if what == "delete":
            del raw[at]
        elif what == "double":
            raw[at:at] = raw[at : at + 1]
        elif what == "replace":
            raw[at] = data.draw(st.integers(0, 255))
        else:
            del raw[max(10, at) :]
    try:
        message = parse(bytes(raw))
        check(message)
    except ParseError:
        return
    twin = parse(message.render())  # whatever was taken can be sent on
    check(twin)
    assert twin.render() == message.render()


_words = st.text(st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="\r\n"), max_size=40).map(str.strip)


@given(st.dictionaries(st.from_regex(r"X-[A-Za-z0-9]{1,12}", fullmatch=True), _words), st.binary(max_size=200))
def test_headers_and_body_survive_the_wire(extra, body):
    message = request("INVITE", headers=extra, body=body)
    twin = parse(message.render())
    assert isinstance(twin, Request)
    assert twin.body == body
    for name in extra:
        assert twin.headers.get(name) == message.headers.get(name)
