"""What says that audio went through must tell tones apart."""

from pathlib import Path

import pytest

from tests.peers import tone


def test_a_tone_is_heard_for_its_length(tmp_path: Path) -> None:
    wav = tone.make(tmp_path / "a.wav", 440, 2.0)
    assert tone.seconds_of(wav, 440) == pytest.approx(2.0)
    assert tone.seconds_of(wav, 880) == 0.0


def test_silence_and_a_missing_file_are_no_tone(tmp_path: Path) -> None:
    assert tone.seconds_of(tone.make(tmp_path / "quiet.wav", 440, 1.0, amplitude=0.001), 440) == 0.0
    assert tone.seconds_of(tmp_path / "nothing.wav", 440) == 0.0


def test_a_header_that_was_never_finished_is_read(tmp_path: Path) -> None:
    wav = tone.make(tmp_path / "a.wav", 880, 1.0)
    raw = bytearray(wav.read_bytes())
    raw[40:44] = b"\0\0\0\0"  # size of the data chunk, as a killed writer leaves it
    wav.write_bytes(raw)
    assert tone.seconds_of(wav, 880) == pytest.approx(1.0)
