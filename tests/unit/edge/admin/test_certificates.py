"""`edge tls init`: an authority made once, certificates made when asked, keys for the owner alone."""

import datetime
import ssl
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509

from edge.admin.certificates import CA_FILE, CA_KEY, CERTIFICATE_FILE, KEY, RENEW_BEFORE_DAYS, make, renew_if_due
from edge.admin.site import Site, SiteError, make_site
from edge.certificates import load_contexts
from edge.config import load
from edge.renewal import Renewal

NOW = datetime.datetime(2026, 5, 1, tzinfo=datetime.UTC)
SETTINGS = {"sip.listen": ["127.0.0.9"], "mqtt.listen": ["127.0.0.9"]}


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    make_site(tmp_path / "site", {}, settings=SETTINGS)
    opened = Site.open(tmp_path / "site")
    yield opened
    opened.close()


def certificate(site: Site, name: str = CERTIFICATE_FILE) -> x509.Certificate:
    return x509.load_pem_x509_certificate((site.folder / name).read_bytes())


def test_the_certificate_is_of_the_authority_for_every_name_and_the_files_are_configured(site: Site) -> None:
    made = make(site, ["gate.example"], NOW)
    assert made.names == ("gate.example", "127.0.0.9", "127.0.0.1", "::1")
    assert made.new_authority
    ours, authority = certificate(site), certificate(site, CA_FILE)
    ours.verify_directly_issued_by(authority)
    assert not ours.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert (made.until - NOW).days > 365
    settings = load(site.folder / "edge.toml", {}).tls
    assert (settings.certificate, settings.ca) == (CERTIFICATE_FILE, CA_FILE)
    contexts = load_contexts(settings, site.folder)
    assert contexts.server is not None
    assert contexts.server.minimum_version is ssl.TLSVersion.TLSv1_2


def test_keys_are_for_the_owner_alone(site: Site) -> None:
    make(site, [], NOW)
    for name in (KEY, CA_KEY):
        assert stat.S_IMODE((site.folder / "secrets" / name).stat().st_mode) == 0o600
    public = b"".join(file.read_bytes() for file in (site.folder / "tls").iterdir())
    assert b"PRIVATE" not in public


def test_another_one_keeps_the_authority_and_the_names(site: Site) -> None:
    make(site, ["gate.example"], NOW)
    authority, first = certificate(site, CA_FILE), certificate(site)
    again = make(site, [], NOW + datetime.timedelta(days=400))
    assert not again.new_authority
    assert "gate.example" in again.names
    assert certificate(site, CA_FILE) == authority
    assert certificate(site).serial_number != first.serial_number
    assert certificate(site).not_valid_after_utc > first.not_valid_after_utc
    assert make(site, ["other.example"], NOW).names[0] == "other.example"


def test_somebody_elses_certificate_is_not_touched(tmp_path: Path) -> None:
    make_site(
        tmp_path / "site", {}, settings={"tls.certificate": "/etc/ssl/house.pem", "tls.key": "/etc/ssl/house.key"}
    )
    opened = Site.open(tmp_path / "site")
    with pytest.raises(SiteError, match="names /etc/ssl/house.pem already"):
        make(opened, [], NOW)
    opened.close()


@pytest.mark.parametrize("spoilt", ["", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----"])
def test_a_damaged_authority_is_told_and_never_replaced_in_silence(site: Site, spoilt: str) -> None:
    make(site, [], NOW)
    before = certificate(site, CA_FILE)
    site.secrets.write_text(CA_KEY, spoilt)
    with pytest.raises(SiteError, match="damaged"):
        make(site, [], NOW)
    assert certificate(site, CA_FILE) == before


def test_it_is_renewed_for_its_names_before_it_ends_and_not_earlier(site: Site) -> None:
    assert renew_if_due(site, NOW) is None, "there is none"
    until = make(site, ["gate.example"], NOW).until
    again = Site(site.folder, load(site.folder / "edge.toml", {}), site.store, site.secrets)
    early = until - datetime.timedelta(days=RENEW_BEFORE_DAYS + 1)
    assert renew_if_due(again, early) is None
    made = renew_if_due(again, early + datetime.timedelta(days=1))
    assert made is not None
    assert "gate.example" in made.names
    assert not made.new_authority
    assert made.until > until


def test_an_iphone_takes_its_length(site: Site) -> None:
    make(site, [], NOW)
    ours = certificate(site)
    assert ours.not_valid_after_utc - ours.not_valid_before_utc <= datetime.timedelta(days=825)


async def test_a_damaged_one_is_told_and_ends_nothing(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    make(site, [], NOW)
    (site.folder / CERTIFICATE_FILE).write_text("no certificate")
    again = Site(site.folder, load(site.folder / "edge.toml", {}), site.store, site.secrets)
    await Renewal(again, lambda: NOW).renew()
    assert "is not renewed: tls/edge.pem is damaged" in caplog.text


async def test_a_renewal_is_told(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    made = make(site, [], NOW)
    again = Site(site.folder, load(site.folder / "edge.toml", {}), site.store, site.secrets)
    with caplog.at_level("INFO"):
        await Renewal(again, lambda: made.until).renew()
    assert "is renewed until" in caplog.text
