import pytest

from sip.media.choose import make_engine
from sip.media.engine import PeerLine
from sip.media.recordings import parse_wav, wav_of
from sip.media.relay import RtpRelay
from sip.media.rtpengine import Rtpengine
from sip.media.rtpengine_pair import description
from sip.media.settings import MediaSettings
from sip.sdp import Direction, parse

URL = "udp://127.0.0.1:2223"


@pytest.mark.parametrize(
    ("settings", "made"),
    [
        (MediaSettings(), RtpRelay),
        (MediaSettings(rtpengine_url=URL), Rtpengine),
        (MediaSettings(engine="python", rtpengine_url=URL), RtpRelay),
        (MediaSettings(engine="rtpengine", rtpengine_url=URL, rtpengine_digits="127.0.0.1:2224"), Rtpengine),
        (MediaSettings(engine="rtpengine", rtpengine_url="udp://[::1]:2223"), Rtpengine),
    ],
)
def test_the_settings_choose(settings: MediaSettings, made: type) -> None:
    assert type(make_engine(settings)) is made


@pytest.mark.parametrize(
    "settings",
    [
        MediaSettings(engine="rtpengine"),
        MediaSettings(rtpengine_url="tcp://127.0.0.1:2223"),
        MediaSettings(rtpengine_url="udp://rtpengine.example:2223"),
        MediaSettings(rtpengine_url="udp://127.0.0.1"),
        MediaSettings(rtpengine_url=URL, rtpengine_digits="2224"),
    ],
)
def test_what_cannot_be_reached_is_told_at_the_start(settings: MediaSettings) -> None:
    with pytest.raises(ValueError, match=r"media\.rtpengine"):
        make_engine(settings)


def test_an_end_is_always_one_line_of_sound_and_one_of_video() -> None:
    line = PeerLine("192.0.2.7", 4000, "192.0.2.7", 4009, payload=0, event_payloads=frozenset({101}))
    audio, video = parse(description({"audio": line}, frozenset({101, 96})).encode()).media
    assert (audio.host, audio.port, audio.rtcp, audio.formats) == (
        "192.0.2.7",
        4000,
        ("192.0.2.7", 4009),
        ("0", "96", "101"),
    )
    assert [codec.name for codec in audio.codecs[1:]] == ["telephone-event"] * 2
    assert (audio.direction, video.direction) == (Direction.SENDRECV, Direction.INACTIVE)
    opus = PeerLine("2001:db8::1", 4000, "2001:db8::1", 4001, payload=111)
    assert parse(description({"audio": opus}, frozenset()).encode()).media[0].formats == ("8",)


def test_frames_become_a_wave_file_that_is_read_back() -> None:
    frames = [bytes([0x2A]) * 160, bytes([0xD5]) * 160]
    assert parse_wav(wav_of(frames, 8)).pcma == b"".join(frames)
