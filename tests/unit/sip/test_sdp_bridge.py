"""What crosses from one leg's description to the other's."""

import pytest

from sip.sdp import Direction, Session, parse
from sip.sdp_bridge import (
    Anchor,
    Direct,
    OwnDescription,
    Rejected,
    acceptable,
    carry,
    event_payloads,
    main_codec,
    refused_answer,
)

LINPHONE = (
    b"v=0\r\no=105 1 1 IN IP4 192.0.2.31\r\ns=Talk\r\nc=IN IP4 192.0.2.31\r\nt=0 0\r\n"
    b"a=rtcp-xr:rcvr-rtt=all:10000 stat-summary=loss,dup\r\na=ice-pwd:secret\r\na=ice-ufrag:abc\r\n"
    b"m=audio 7078 RTP/AVP 96 8 101\r\na=rtpmap:96 opus/48000/2\r\na=fmtp:96 useinbandfec=1\r\n"
    b"a=rtpmap:101 telephone-event/48000\r\na=candidate:1 1 UDP 1 192.0.2.31 7078 typ host\r\n"
    b"a=rtcp:7079\r\na=rtcp-fb:* trr-int 1000\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:x\r\na=ptime:20\r\n"
    b"m=video 9078 RTP/AVPF 97\r\na=rtpmap:97 H264/90000\r\na=fmtp:97 profile-level-id=42801F\r\n"
    b"a=rtcp-fb:97 nack pli\r\n"
    b"m=message 5000 TCP/MSRP *\r\n"
)
ANSWER = (
    b"v=0\r\no=- 5 5 IN IP4 192.0.2.40\r\ns=-\r\nc=IN IP4 192.0.2.40\r\nt=0 0\r\n"
    b"m=audio 4000 RTP/AVP 8 101\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=recvonly\r\n"
)
OURS = (Anchor("203.0.113.1", 30000), Anchor("203.0.113.1", 30002), Anchor("203.0.113.1", 30004))


def test_an_anchored_offer_names_only_us_and_keeps_the_codecs():
    media = carry(parse(LINPHONE), OURS)
    body = OwnDescription("203.0.113.1").render(media).decode()
    assert "192.0.2.31" not in body
    assert not any(word in body for word in ("ice", "candidate", "crypto", "rtcp", "secret"))
    assert "m=audio 30000 RTP/AVP 96 8 101" in body
    assert "a=fmtp:96 useinbandfec=1" in body
    assert "a=fmtp:97 profile-level-id=42801F" in body
    assert "m=message 0 TCP/MSRP *" in body  # the relay cannot carry it; count and order stay


def test_a_direct_line_passes_with_its_own_address():
    media = carry(parse(LINPHONE), (OURS[0], Direct.DIRECT, Rejected.REJECTED))
    assert media[0].host == "203.0.113.1"
    assert (media[1].host, media[1].port) == ("192.0.2.31", 9078)
    assert media[1].named("rtcp-fb")
    assert media[2].rejected


def test_an_answer_has_the_lines_of_its_offer_whatever_came():
    offer = parse(LINPHONE)
    media = carry(parse(ANSWER), OURS, like=offer)
    assert [(m.kind, m.rejected) for m in media] == [("audio", False), ("video", True), ("message", True)]
    assert media[0].direction is Direction.RECVONLY
    assert media[1].formats == ("97",)
    swapped = Session(tuple(reversed(offer.media)))
    assert all(m.rejected for m in carry(swapped, OURS, like=offer) if m.kind != "video")


def test_hold_by_address_becomes_a_direction():
    held = parse(ANSWER.replace(b"c=IN IP4 192.0.2.40", b"c=IN IP4 0.0.0.0").replace(b"a=recvonly\r\n", b""))
    assert carry(held, OURS[:1])[0].direction is Direction.SENDONLY


def test_what_is_refused_keeps_lines_and_order():
    assert [(m.kind, m.port) for m in refused_answer(parse(LINPHONE))] == [("audio", 0), ("video", 0), ("message", 0)]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (b"", b"", True),
        (b"m=audio 4000", b"m=audio 0", False),
        (b"RTP/AVP", b"RTP/SAVP", False),
        (b"m=audio", b"m=image", False),
    ],
)
def test_nothing_that_can_be_carried_is_not_acceptable(old: bytes, new: bytes, expected: bool):
    assert acceptable(parse(ANSWER.replace(old, new))) is expected


def test_events_are_read_on_the_number_that_we_gave():
    ours, theirs = parse(LINPHONE).media[0], parse(ANSWER.replace(b"101", b"96")).media[0]
    assert event_payloads(ours, parse(ANSWER).media[0]) == {101}
    assert event_payloads(ours, theirs) == {101}  # 96 is opus in what we said: not an event
    assert event_payloads(parse(ANSWER).media[0], theirs) == {101, 96}


def test_the_main_codec_is_no_telephone_event():
    codec = main_codec(parse(ANSWER.replace(b"8 101", b"101 8")).media[0])
    assert codec is not None
    assert codec.name == "PCMA"


def test_the_version_rises_only_with_a_change():
    own = OwnDescription("203.0.113.1")
    media = carry(parse(ANSWER), OURS[:1])
    first, again = own.render(media), own.render(media)
    changed = own.render(refused_answer(parse(ANSWER)))
    assert first == again
    assert parse(first).version == "1"
    assert parse(changed).version == "2"
    assert parse(first).session_id == parse(changed).session_id
