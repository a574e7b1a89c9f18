import logging
import struct
import tomllib
import wave
from importlib.resources import files
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.core.call_verdicts import Announcement
from sip.media import g711
from sip.media.recordings import LANGUAGES, RECORDING_MAX_S, RecordingError, load, parse_wav
from tests.peers import tone

NAMES = [one.value for one in Announcement]


def wav(tag: int, bits: int, sound: bytes, *, rate: int = 8000, channels: int = 1) -> bytes:
    form = struct.pack("<HHIIHH", tag, channels, rate, rate * bits // 8, bits // 8, bits)
    body = b"WAVE" + b"LIST" + struct.pack("<I", 3) + b"abc\0"  # an odd chunk that nobody needs
    body += b"fmt " + struct.pack("<I", len(form)) + form + b"data" + struct.pack("<I", len(sound)) + sound
    return b"RIFF" + struct.pack("<I", len(body)) + body


def test_every_announcement_is_there_in_every_language_and_short() -> None:
    texts = tomllib.loads(files("sip.media.announcements").joinpath("texts.toml").read_text())
    assert set(texts) == set(LANGUAGES)
    for language in LANGUAGES:
        assert set(texts[language]) == set(NAMES)
        for recording in load(language, NAMES).values():
            assert 1.0 < recording.duration_s < 5.0
            assert len(set(recording.pcma)) > 100, "there is sound in it"


def test_pcm_alaw_and_mulaw_are_the_same_recording() -> None:
    samples = [0, 1000, -1000, 20000]
    alaw, mulaw = (bytes(map(law, samples)) for law in (g711.alaw_of, g711.mulaw_of))
    assert parse_wav(wav(6, 8, alaw)).pcma == alaw
    assert parse_wav(wav(7, 8, mulaw)).pcma == mulaw.translate(g711.MULAW_TO_ALAW)
    assert parse_wav(wav(1, 16, struct.pack("<4h", *samples))).pcma == alaw


def test_frames_are_whole_and_the_last_ends_in_silence() -> None:
    recording = parse_wav(wav(6, 8, bytes(200)))
    for payload in (g711.PCMA, g711.PCMU):
        frames = recording.frames(payload)
        assert [len(frame) for frame in frames] == [160, 160]
        assert frames[1].endswith(bytes([g711.SILENCE[payload]]) * 120)
    assert recording.frames(g711.PCMA)[0] == bytes(160)


def test_a_long_recording_is_cut() -> None:
    assert parse_wav(wav(1, 16, bytes(2 * 8000 * 60))).duration_s == RECORDING_MAX_S


@pytest.mark.parametrize(
    "data",
    [
        b"", b"RIFF", b"MP3 is no wave", wav(6, 8, b""), wav(1, 16, bytes(320), rate=44100),
        wav(6, 8, bytes(320), channels=2), wav(3, 32, bytes(320)), wav(6, 8, bytes(320))[:30],
    ],
)  # fmt: skip
def test_what_cannot_be_played_is_refused(data: bytes) -> None:
    with pytest.raises(RecordingError):
        parse_wav(data)


@given(st.binary(max_size=200) | st.binary(max_size=100).map(lambda tail: wav(6, 8, b"x" * 30)[:44] + tail))
def test_any_bytes_are_a_recording_or_refused(data: bytes) -> None:
    try:
        assert parse_wav(data).pcma
    except RecordingError:
        return


def test_a_communitys_own_recording_goes_before_ours(tmp_path: Path) -> None:
    with wave.open(str(tone.make(tmp_path / "busy.wav", 440, 1.0))) as made:
        assert made.getnframes() == 8000
    assert load("en", NAMES, tmp_path)["busy"].duration_s == 1.0
    assert load("en", NAMES, tmp_path)["nobody"] == load("en", NAMES)["nobody"]
    assert load("en", NAMES, tmp_path / "absent") == load("en", NAMES)


def test_a_broken_file_of_the_community_is_told_and_ours_is_played(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "busy.wav").write_bytes(b"not a sound")
    with caplog.at_level(logging.WARNING):
        assert load("ru", NAMES, tmp_path) == load("ru", NAMES)
    assert "busy.wav is not played, ours is: not a wav file" in caplog.text


def test_an_unknown_language_is_a_mistake_of_ours() -> None:
    with pytest.raises(KeyError):
        load("xx", NAMES)
