"""What `edge doctor` says of attacks and of the certificate."""

import datetime
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.admin.certificates import CERTIFICATE_FILE, make
from edge.admin.site import Site, make_site
from edge.commands import examine_sip
from edge.commands.examine_sip import examine_certificate, examine_defence
from edge.commands.finding import Level

QUIET = {
    "banned_sources": 0, "digest_wrong": 3, "offenders_ignored": 0, "datagrams_of_banned": 0, "datagrams_over_limit": 0,
    "connections_refused": 0, "tls_handshakes_refused": 0, "receive_buffer_bytes": 4 * 1024 * 1024,
}  # fmt: skip


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({}, []),
        ({"banned_sources": 2}, ["2 addresses are not heard now"]),
        ({"datagrams_over_limit": 7}, ["7 datagrams were over the rate"]),
        ({"receive_buffer_bytes": 212_992}, ["208 KB"]),
    ],
)
def test_what_the_daemon_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changed, words) -> None:
    monkeypatch.setattr(examine_sip, "ask_if_running", lambda _folder, _path: {"defence": {**QUIET, **changed}})
    found = [finding.message for finding in examine_defence(tmp_path)]
    assert len(found) == len(words)
    assert all(word in message for word, message in zip(words, found, strict=True))


def test_no_daemon_no_word(tmp_path: Path) -> None:
    assert list(examine_defence(tmp_path)) == []


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    make_site(tmp_path / "site", {}, settings={"sip.listen": ["127.0.0.9"], "mqtt.listen": ["127.0.0.9"]})
    opened = Site.open(tmp_path / "site")
    yield opened
    opened.close()


def examined(site: Site) -> list[Level]:
    again = Site.open(site.folder)
    try:
        return [finding.level for finding in examine_certificate(again)]
    finally:
        again.close()


def test_a_certificate_is_renewed_in_time(site: Site) -> None:
    assert examined(site) == []
    now = datetime.datetime.now(datetime.UTC)
    make(site, [], now)
    assert examined(site) == []
    make(site, [], now - datetime.timedelta(days=365 * 5 - 10))
    assert examined(site) == [Level.WRONG]
    (site.folder / CERTIFICATE_FILE).write_text("nonsense")
    assert examined(site) == [Level.WRONG]
