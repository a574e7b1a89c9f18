import pytest

from sip.media.webrtc_sdp import Unusable, agree, answer, parameter_sets
from sip.sdp import parse

HEAD = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
DOOR = (
    HEAD + "m=audio 4000 RTP/AVP 18 8 0 101\r\na=rtpmap:101 telephone-event/8000\r\n"
    "m=video 4002 RTP/AVP 99 97\r\na=rtpmap:99 VP8/90000\r\na=rtpmap:97 H264/90000\r\n"
    "a=fmtp:97 profile-level-id=42e01f;packetization-mode=1;sprop-parameter-sets=Z0I=,aM4=\r\na=sendonly\r\n"
).encode()


def test_the_first_codec_of_the_door_that_apps_have() -> None:
    agreed = agree(DOOR)
    assert (agreed.mime, agreed.audio.port, agreed.audio.rtcp) == ("audio/pcma", 4000, ("127.0.0.1", 4001))
    assert agreed.video is not None
    assert (agreed.video.codec.payload, agreed.video.sends) == (97, True)
    assert parameter_sets(agreed.video) == (b"\x67\x42", b"\x68\xce")


def test_the_answer_has_the_lines_of_the_offer() -> None:
    audio, video = parse(answer(agree(DOOR), "127.0.0.1", 6000, 6002)).media
    assert (audio.port, audio.formats, audio.direction.value) == (6000, ("8",), "sendrecv")
    assert (video.port, video.formats, video.direction.value) == (6002, ("97",), "recvonly")
    assert "packetization-mode=1" in video.codecs[0].fmtp


def test_a_line_that_no_app_can_show_is_refused_and_the_call_goes_on() -> None:
    offer = HEAD + "m=audio 4000 RTP/AVP 0\r\nm=video 4002 RTP/AVP 31\r\nm=application 4004 RTP/AVP 100\r\n"
    agreed = agree(offer.encode())
    assert agreed.video is None
    assert [media.port for media in parse(answer(agreed, "127.0.0.1", 6000, 6002)).media] == [6000, 0, 0]


@pytest.mark.parametrize("offer", [b"", b"rubbish", HEAD.encode(), (HEAD + "m=audio 4000 RTP/AVP 18\r\n").encode()])
def test_without_a_sound_there_is_no_call(offer: bytes) -> None:
    with pytest.raises(Unusable):
        agree(offer)


def test_rubbish_instead_of_parameter_sets_is_none() -> None:
    for text in ("!!", "Z0I=,", "A" * 4000):
        line = agree(DOOR.replace(b"Z0I=,aM4=", text.encode())).video
        assert line is not None
        assert parameter_sets(line) == ()
