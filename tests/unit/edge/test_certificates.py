"""A certificate is taken when its files change, and a bad one is not."""

import datetime
import os
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.admin.certificates import CERTIFICATE_FILE, KEY, make
from edge.admin.site import Site, make_site
from edge.certificates import CertificateWatch, TlsContexts, load_contexts
from edge.config import TlsSettings, load


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    make_site(tmp_path / "site", {}, settings={"sip.listen": ["127.0.0.9"], "mqtt.listen": ["127.0.0.9"]})
    opened = Site.open(tmp_path / "site")
    make(opened, [], datetime.datetime.now(datetime.UTC))
    yield opened
    opened.close()


@pytest.fixture
def settings(site: Site) -> TlsSettings:
    return load(site.folder / "edge.toml", {}).tls


@pytest.fixture
def contexts(site: Site, settings: TlsSettings) -> TlsContexts:
    return load_contexts(settings, site.folder)


def served(contexts: TlsContexts, session: ssl.SSLSession | None = None) -> tuple[int, bool]:
    """Serial number of the certificate that a new handshake shows, in memory, and whether it was resumed."""
    assert contexts.server is not None
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = contexts.server.wrap_bio(to_server, to_client, server_side=True)
    client = contexts.client.wrap_bio(to_client, to_server, server_hostname="127.0.0.9", session=session)
    for _ in range(4):
        for end in (client, server):
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                continue
    certificate = client.getpeercert()
    assert certificate is not None
    return int(str(certificate["serialNumber"]), 16), bool(client.session_reused)


def renew(site: Site) -> None:
    make(site, [], datetime.datetime.now(datetime.UTC))


def test_a_new_certificate_is_shown_to_whoever_comes_next(
    site: Site, settings: TlsSettings, contexts: TlsContexts
) -> None:
    watch = CertificateWatch(settings, site.folder, contexts)
    told: list[str] = []
    watch.on_reload.append(lambda: told.append("broker"))
    before, _ = served(contexts)
    renew(site)
    assert served(contexts)[0] == before
    assert watch.reload()
    assert served(contexts)[0] != before
    assert told == ["broker"]


@pytest.mark.parametrize("spoil", ["certificate", "key", "gone"])
def test_files_that_do_not_fit_leave_the_old_certificate(
    site: Site, settings: TlsSettings, contexts: TlsContexts, spoil: str, caplog: pytest.LogCaptureFixture
) -> None:
    watch = CertificateWatch(settings, site.folder, contexts)
    before = served(contexts)[0]
    certificate, key = site.folder / CERTIFICATE_FILE, site.folder / "secrets" / KEY
    old_key = key.read_bytes()
    renew(site)
    if spoil == "certificate":
        certificate.write_text("nonsense")
    elif spoil == "key":
        key.write_bytes(old_key)  # the new certificate with the key of the old one
    else:
        certificate.unlink()
    assert not watch.reload()
    assert served(contexts)[0] == before
    assert "the old one stays" in caplog.text


async def test_the_files_are_looked_at(
    site: Site, settings: TlsSettings, contexts: TlsContexts, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[float] = []

    async def sleep(seconds: float) -> None:
        looks.append(seconds)
        if len(looks) == 2:
            renew(site)
            os.utime(site.folder / CERTIFICATE_FILE, (1, 1))
        if len(looks) == 4:
            raise KeyboardInterrupt

    watch = CertificateWatch(settings, site.folder, contexts)
    before = served(contexts)[0]
    monkeypatch.setattr("edge.certificates.asyncio.sleep", sleep)
    with pytest.raises(KeyboardInterrupt):
        await watch.run()
    assert served(contexts)[0] != before


def test_without_a_certificate_there_is_nothing_to_reload(site: Site, tmp_path: Path) -> None:
    plain = load_contexts(TlsSettings(), tmp_path)
    assert plain.server is None
    assert not CertificateWatch(TlsSettings(), tmp_path, plain).reload()
