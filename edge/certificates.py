"""TLS contexts from the files that `[tls]` names, and the watch that keeps them up to date."""

import asyncio
import logging
import os
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from edge.config import TlsSettings

LOOK_EVERY_S: Final = 5.0

log: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class TlsContexts:
    """For those who connect to us, and for where we connect; None without a certificate of ours."""

    server: ssl.SSLContext | None
    client: ssl.SSLContext


def load_contexts(settings: TlsSettings, site: Path) -> TlsContexts:
    """Contexts of TLS 1.2 and 1.3. Raises OSError or ssl.SSLError where a file is missing or no certificate."""
    client = ssl.create_default_context()
    if settings.ca:  # beside the system's: a provider has a public certificate, also where the house has its own
        client.load_verify_locations(site / settings.ca)
    client.minimum_version = ssl.TLSVersion.TLSv1_2
    if not settings.certificate:
        return TlsContexts(None, client)
    return TlsContexts(_server_context(site / settings.certificate, site / settings.key), client)


def _server_context(certificate: Path, key: Path) -> ssl.SSLContext:
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.minimum_version = ssl.TLSVersion.TLSv1_2
    server.load_cert_chain(certificate, key)
    return server


class CertificateWatch:
    """A `Component`: has the contexts follow their files. Connections that are open stay as they are."""

    name = "certificates"

    def __init__(self, settings: TlsSettings, site: Path, contexts: TlsContexts) -> None:
        self._files = (site / settings.certificate, site / settings.key) if settings.certificate else None
        self._server = contexts.server
        self._seen = self._stamps()
        self.on_reload: list[Callable[[], None]] = []  # others who serve with the same files

    async def start(self) -> None:
        return

    async def run(self) -> None:
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            if self._stamps() != self._seen:
                self.reload()

    async def stop(self) -> None:
        return

    def reload(self) -> bool:
        """Take the files as they are now; where they do not fit, the old certificate stays and False comes back."""
        if self._files is None or self._server is None:
            return False
        self._seen = self._stamps()
        try:
            _server_context(*self._files)  # a context that took a certificate without its key would serve nobody
            self._server.load_cert_chain(*self._files)
        except (OSError, ssl.SSLError) as error:
            log.error("the new certificate cannot be used, the old one stays: %s", error)
            return False
        log.info("the certificate in %s is in use", self._files[0])
        for tell in self.on_reload:
            tell()
        return True

    def _stamps(self) -> tuple[tuple[int, int], ...]:
        """What changes with the files; a file that is missing just now has none."""
        return tuple((s.st_mtime_ns, s.st_ino) for file in self._files or () if (s := _stat(file)) is not None)


def _stat(file: Path) -> os.stat_result | None:
    try:
        return file.stat()
    except OSError:
        return None
