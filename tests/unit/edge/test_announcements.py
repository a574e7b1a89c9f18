"""Which recordings a site plays."""

import dataclasses
from pathlib import Path

import pytest

from edge.announcements import load_recordings
from edge.config import Config
from edge.core.call_verdicts import Announcement
from edge.core.settings import CallSettings
from sip.media.recordings import load
from tests.peers import tone

NAMES = [one.value for one in Announcement]
ON = Config(calls=CallSettings(announcements=True))


def test_off_by_default(tmp_path: Path) -> None:
    assert load_recordings(Config(), "RU", tmp_path) == {}


@pytest.mark.parametrize(("country", "language"), [("", "en"), ("DE", "en"), ("RU", "ru"), ("kz", "ru")])
def test_the_country_chooses_the_language(tmp_path: Path, country: str, language: str) -> None:
    assert load_recordings(ON, country, tmp_path) == load(language, NAMES)


def test_a_set_language_goes_before_the_country(tmp_path: Path) -> None:
    config = dataclasses.replace(ON, calls=CallSettings(announcements=True, announcement_language="en"))
    assert load_recordings(config, "RU", tmp_path) == load("en", NAMES)


def test_the_folder_in_the_site_goes_before_ours(tmp_path: Path) -> None:
    (tmp_path / "announcements").mkdir()
    tone.make(tmp_path / "announcements" / "busy.wav", 440, 0.5)
    assert load_recordings(ON, "", tmp_path)["busy"].duration_s == 0.5
