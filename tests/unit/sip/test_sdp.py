"""Session descriptions: what is read, what is written, what is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sip.sdp import MEDIA_LINES_MAX, Attribute, Direction, Media, SdpError, Session, parse, render

OFFER = (
    b"v=0\r\no=alice 2890844526 2890844527 IN IP4 192.0.2.10\r\ns=-\r\nc=IN IP4 192.0.2.10\r\nt=0 0\r\n"
    b"a=sendonly\r\n"
    b"m=audio 49170 RTP/AVP 0 8 97 101\r\na=rtpmap:97 opus/48000/2\r\na=fmtp:97 useinbandfec=1\r\n"
    b"a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\na=rtcp:49175 IN IP4 192.0.2.11\r\n"
    b"m=video 51372 RTP/AVP 99\r\nc=IN IP6 2001:db8::9\r\nb=AS:512\r\na=rtpmap:99 H264/90000\r\n"
    b"a=fmtp:99 profile-level-id=42e01f;packetization-mode=1\r\na=inactive\r\n"
    b"m=application 0 UDP/BFCP *\r\n"
)


def test_connection_and_direction_are_settled_for_each_line():
    audio, video, bfcp = parse(OFFER).media
    assert (audio.host, audio.port, audio.direction) == ("192.0.2.10", 49170, Direction.SENDONLY)
    assert (video.host, video.port, video.direction) == ("2001:db8::9", 51372, Direction.INACTIVE)
    assert bfcp.rejected
    assert audio.rtcp == ("192.0.2.11", 49175)
    assert video.rtcp == ("2001:db8::9", 51373)


def test_codecs_are_named_by_map_or_by_their_static_number():
    audio, video, bfcp = parse(OFFER).media
    assert [(c.payload, c.name, c.clock_hz) for c in audio.codecs] == [
        (0, "PCMU", 8000),
        (8, "PCMA", 8000),
        (97, "opus", 48000),
        (101, "telephone-event", 8000),
    ]
    assert audio.codecs[3].is_telephone_event
    assert video.codecs[0].fmtp == "profile-level-id=42e01f;packetization-mode=1"
    assert bfcp.codecs == ()


def test_what_is_written_reads_the_same():
    session = parse(OFFER)
    again = parse(render(session))
    assert [m for m in again.media if not m.rejected] == [m for m in session.media if not m.rejected]
    assert [m.kind for m in again.media] == ["audio", "video", "application"]


def test_bare_line_feeds_and_a_missing_last_line_end_are_read():
    assert parse(OFFER.replace(b"\r\n", b"\n").rstrip()) == parse(OFFER)


def test_one_connection_line_where_all_agree():
    media = (
        Media("audio", 4000, "RTP/AVP", ("0",), "192.0.2.1"),
        Media("video", 4002, "RTP/AVP", ("99",), "192.0.2.1"),
    )
    assert render(Session(media, origin_host="192.0.2.1")).count(b"\r\nc=") == 1


BAD = {
    "empty": b"",
    "not SDP": b"hello",
    "no origin": b"v=0\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nm=audio 4000 RTP/AVP 0\r\n",
    "version": OFFER.replace(b"v=0", b"v=1"),
    "origin": OFFER.replace(b"o=alice 2890844526", b"o=alice x"),
    "port": OFFER.replace(b"49170", b"70000"),
    "negative port": OFFER.replace(b"49170", b"-1"),
    "no address": OFFER.replace(b"c=IN IP4 192.0.2.10\r\n", b""),
    "address": OFFER.replace(b"c=IN IP4 192.0.2.10", b"c=IN IP4 192.0.2.10 x"),
    "address kind": OFFER.replace(b"c=IN IP4 192.0.2.10", b"c=IN IP5 192.0.2.10"),
    "no format": OFFER.replace(b" 0 8 97 101", b""),
    "line": OFFER + b"nonsense\r\n",
    "zero byte": OFFER + b"a=x:\x00\r\n",
    "too many lines": OFFER + b"m=audio 4000 RTP/AVP 0\r\n" * MEDIA_LINES_MAX,
    "too many formats": OFFER + b"m=audio 4000 RTP/AVP" + b" 0" * 65 + b"\r\n",
    "too many attributes": OFFER + b"m=audio 4000 RTP/AVP 0\r\n" + b"a=x\r\n" * 201,
    "too long": OFFER + b"a=x:" + b"y" * 40_000 + b"\r\n",
}


@pytest.mark.parametrize("body", BAD.values(), ids=BAD.keys())
def test_bad_descriptions_are_refused(body: bytes):
    with pytest.raises(SdpError):
        parse(body)


@given(st.binary(max_size=300))
def test_arbitrary_bytes_are_read_or_refused(body: bytes):
    for attempt in (body, OFFER + body, b"v=0\r\n" + body):
        try:
            session = parse(attempt)
        except SdpError:
            continue
        render(session)


@given(st.integers(0, len(OFFER) - 1), st.booleans())
def test_each_byte_lost_or_doubled_is_read_or_refused(at: int, lost: bool):
    spoilt = OFFER[:at] + (b"" if lost else OFFER[at : at + 1] * 2) + OFFER[at + 1 :]
    try:
        session = parse(spoilt)
    except SdpError:
        return
    assert render(session).startswith(b"v=0\r\n")


def test_an_attribute_cannot_smuggle_a_line():
    session = parse(OFFER + b"a=note:x\ra=fingerprint:y\r\n")
    assert Attribute("fingerprint", "y") in session.media[-1].attributes  # a lone CR ends a line, as in any reader
    assert b"\r\na=note:x\r\n" not in render(session)  # of a rejected line nothing is repeated
