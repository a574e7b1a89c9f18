"""What SIGHUP does with `edge.toml`: taken, left for a restart, refused."""

import logging
from pathlib import Path

import pytest

from edge.config import SECTIONS, Config, load
from edge.reload import LIVE, Reload
from edge.settings_class import keys_of

BEGAN = "[calls]\nring_time_s = 20.0\n[sip]\nport = 5060\n"


class Site:
    def __init__(self, folder: Path) -> None:
        self.file = folder / "edge.toml"
        self.file.write_text(BEGAN)
        self.taken: list[Config] = []
        self.reload = Reload(self.file, load(self.file, {}), self.taken.append)

    def change(self, text: str) -> None:
        self.file.write_text(text)
        self.reload.reload()


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> Site:
    monkeypatch.setattr("os.environ", {})
    caplog.set_level(logging.INFO)
    return Site(tmp_path)


def test_what_can_change_live_does_and_the_log_names_it(site, caplog):
    site.change("[calls]\nring_time_s = 35.0\n[sip]\nport = 5060\nsource_rate_per_s = 9.0\n[log]\nlevel = 'debug'\n")
    (config,) = site.taken
    assert (config.calls.ring_time_s, config.sip.source_rate_per_s, config.log.level) == (35.0, 9.0, "debug")
    assert caplog.messages == ["edge.toml: in force now: sip.source_rate_per_s, calls.ring_time_s, log.level"]


def test_what_cannot_is_named_and_stays_as_it_was(site, caplog):
    site.change(
        "[calls]\nring_time_s = 35.0\nannouncements = true\n[sip]\nport = 5070\n"
        "[trunk.far]\nhost = 'pbx.test'\nprefixes = ['+1']\n"
    )
    (config,) = site.taken
    assert (config.sip.port, config.calls.announcements, dict(config.more_trunks)) == (5060, False, {})
    assert caplog.messages == [
        "edge.toml: in force now: calls.ring_time_s",
        "edge.toml: only after a restart: sip.port, calls.announcements, trunk.far",
    ]
    caplog.clear()
    site.reload.reload()  # it still waits
    assert caplog.messages[-1].endswith("sip.port, calls.announcements, trunk.far")
    assert len(site.taken) == 1


@pytest.mark.parametrize("text", ["[calls]\nring_time_s = 'long'\n", "[calls\n", "[sip]\nprot = 5070\n"])
def test_a_file_with_a_mistake_changes_nothing(site, caplog, text):
    site.change(text)
    assert site.taken == []
    assert site.reload.running.calls.ring_time_s == 20.0
    assert "what was in force stays" in caplog.text


def test_a_file_that_is_gone_changes_nothing(site, caplog):
    site.file.unlink()
    site.reload.reload()
    assert site.taken == []
    assert "cannot be read" in caplog.text


def test_a_file_as_it_was_says_so(site, caplog):
    site.reload.reload()
    assert site.taken == []
    assert caplog.messages == ["edge.toml: in force now: nothing new"]


@pytest.mark.parametrize("setting", LIVE)
def test_what_is_promised_exists(setting):
    section, _, key = setting.partition(".")
    assert section in SECTIONS
    assert not key or key in keys_of(SECTIONS[section])
