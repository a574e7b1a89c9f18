"""The checker of what we send must find each fault, and have no false alarm."""

import pytest

from tests.peers.sipcheck import problems, sdp_problems, split_stream

SDP = (
    b"v=0\r\no=- 1 2 IN IP4 127.0.0.2\r\ns=-\r\nc=IN IP4 127.0.0.2\r\nt=0 0\r\n"
    b"m=audio 4000 RTP/AVP 8 101\r\na=rtpmap:101 telephone-event/8000\r\n"
)
INVITE = (
    b"INVITE sip:101@127.0.0.1 SIP/2.0\r\n"
    b"Via: SIP/2.0/UDP 127.0.0.2:5060;rport;branch=z9hG4bK1\r\n"
    b"Max-Forwards: 70\r\n"
    b'From: "Gate, north" <sip:gate@127.0.0.1>;tag=a\r\n'
    b"To: <sip:101@127.0.0.1>\r\n"
    b"Call-ID: one\r\nCSeq: 1 INVITE\r\nContact: <sip:gate@127.0.0.2:5060;ob>\r\n"
    b"Content-Type: application/sdp\r\nContent-Length: %d\r\n\r\n%s" % (len(SDP), SDP)
)
RINGING = (
    b"SIP/2.0 180 Ringing\r\nVia: SIP/2.0/UDP 127.0.0.2:5060;branch=z9hG4bK1;received=127.0.0.2\r\n"
    b"From: <sip:gate@127.0.0.1>;tag=a\r\nTo: <sip:101@127.0.0.1>;tag=b\r\nCall-ID: one\r\nCSeq: 1 INVITE\r\n"
    b"Content-Length: 0\r\n\r\n"
)
SPOILED = {
    "bare LF": (INVITE, b"Call-ID: one\r\n", b"Call-ID: one\n"),
    "no branch cookie": (INVITE, b"branch=z9hG4bK1", b"branch=1"),
    "no Via": (INVITE, b"Via: SIP/2.0/UDP 127.0.0.2:5060;rport;branch=z9hG4bK1\r\n", b""),
    "no Max-Forwards": (INVITE, b"Max-Forwards: 70\r\n", b""),
    "Max-Forwards too big": (INVITE, b"Max-Forwards: 70", b"Max-Forwards: 700"),
    "CSeq of another method": (INVITE, b"1 INVITE", b"1 ACK"),
    "two Call-IDs": (INVITE, b"Call-ID: one\r\n", b"Call-ID: one\r\ni: two\r\n"),
    "no tag in From": (INVITE, b";tag=a", b""),
    "unbalanced bracket": (INVITE, b"To: <sip:101@127.0.0.1>", b"To: <sip:101@127.0.0.1"),
    "no Contact": (INVITE, b"Contact: <sip:gate@127.0.0.2:5060;ob>\r\n", b""),
    "short Content-Length": (INVITE, b"Content-Length: %d" % len(SDP), b"Content-Length: 3"),
    "no Content-Type": (INVITE, b"Content-Type: application/sdp\r\n", b""),
    "folded line": (INVITE, b"Call-ID: one\r\n", b"Call-ID:\r\n one\r\n"),
    "space before SIP": (INVITE, b"101@127.0.0.1 SIP", b"101@127.0.0.1  SIP"),
    "no tag in To of a response": (RINGING, b";tag=b", b""),
    "unknown status": (RINGING, b"180", b"700"),
    "challenge without a header": (RINGING, b"180 Ringing", b"401 Unauthorized"),
    "no Content-Length over TCP": (RINGING, b"Content-Length: 0\r\n", b""),
}


@pytest.mark.parametrize("message", [INVITE, RINGING], ids=["invite", "ringing"])
def test_a_good_message_has_no_problem(message: bytes) -> None:
    assert problems(message, udp=False) == []


@pytest.mark.parametrize("case", SPOILED)
def test_each_fault_is_found(case: str) -> None:
    message, good, bad = SPOILED[case]
    assert good in message
    assert problems(message.replace(good, bad), udp=False)


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        (b"t=0 0\r\n", b""),
        (b"s=-\r\nc=IN IP4 127.0.0.2\r\n", b"c=IN IP4 127.0.0.2\r\ns=-\r\n"),
        (b"a=rtpmap:101 telephone-event/8000\r\n", b""),
        (b"m=audio 4000", b"m=audio"),
        (b"c=IN IP4 127.0.0.2\r\n", b""),
        (b"v=0\r\n", b"v=0\n"),
    ],
)
def test_each_fault_of_a_session_description_is_found(good: bytes, bad: bytes) -> None:
    assert sdp_problems(SDP) == []
    assert sdp_problems(SDP.replace(good, bad))


def test_a_stream_is_split_at_content_length() -> None:
    found = list(split_stream(b"\r\n\r\n" + INVITE + RINGING + INVITE[:-5]))
    assert [whole for _, whole in found] == [True, True, False]
    assert found[0][0] == INVITE
