"""Examinations of SIP: attacks, the kernel's buffers, the certificate's days."""

import datetime
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from cryptography import x509

from edge.admin.site import Site
from edge.commands.daemon import ask_if_running
from edge.commands.finding import Finding, Level

RENEW_BEFORE_DAYS: Final = 30
BUFFER_WANTED_BYTES: Final = 4 * 1024 * 1024


def examine_defence(folder: Path) -> Iterator[Finding]:
    """What the running daemon counted; nothing where none runs."""
    defence = (ask_if_running(folder, "/status") or {}).get("defence")
    if not defence:
        return
    if defence["banned_sources"]:
        message = (
            f"{defence['banned_sources']} addresses are not heard now: they guessed passwords or scanned"
            f" ({defence['digest_wrong']} wrong passwords since the start)"
        )
        yield Finding("SIP", Level.NOTE, message, "close port 5060 to the internet, or open it to the provider alone")
    if defence["datagrams_over_limit"]:
        message = f"{defence['datagrams_over_limit']} datagrams were over the rate of their source"
        yield Finding("SIP", Level.NOTE, message, "if they are devices of the house: [sip] trusted_sources")
    if defence["receive_buffer_bytes"] < BUFFER_WANTED_BYTES:
        message = f"the kernel gives SIP {defence['receive_buffer_bytes'] // 1024} KB for datagrams that wait"
        yield Finding("SIP", Level.NOTE, message, f"sysctl -w net.core.rmem_max={BUFFER_WANTED_BYTES}")


def examine_certificate(site: Site) -> Iterator[Finding]:
    """Whether devices will still take the certificate next month."""
    name = site.config.tls.certificate
    if not name:
        return
    try:
        certificate = x509.load_pem_x509_certificate((site.folder / name).read_bytes())
    except (OSError, ValueError) as error:
        yield Finding("TLS", Level.WRONG, f"{name} cannot be read: {error}", "edge tls init")
        return
    left = certificate.not_valid_after_utc - datetime.datetime.now(datetime.UTC)
    if left < datetime.timedelta(days=RENEW_BEFORE_DAYS):
        message = f"{name} is valid until {certificate.not_valid_after_utc.date().isoformat()}"
        yield Finding("TLS", Level.WRONG, message, "edge tls init renews it, or bring a new one")
