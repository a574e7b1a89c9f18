"""TLS contexts from the files that `[tls]` names."""

import ssl
from dataclasses import dataclass
from pathlib import Path

from edge.config import TlsSettings


@dataclass(frozen=True, slots=True)
class TlsContexts:
    """For those who connect to us, and for where we connect; None without a certificate of ours."""

    server: ssl.SSLContext | None
    client: ssl.SSLContext


def load_contexts(settings: TlsSettings, site: Path) -> TlsContexts:
    """Contexts of TLS 1.2 and 1.3. Raises OSError or ssl.SSLError where a file is missing or no certificate."""
    client = ssl.create_default_context(cafile=str(site / settings.ca) if settings.ca else None)
    client.minimum_version = ssl.TLSVersion.TLSv1_2
    if not settings.certificate:
        return TlsContexts(None, client)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.minimum_version = ssl.TLSVersion.TLSv1_2
    server.load_cert_chain(site / settings.certificate, site / settings.key)
    return TlsContexts(server, client)
