"""Where our own broker listens, worked out from the settings."""

import ipaddress
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mqtt.settings import MqttSettings

_LOOPBACK: Final = "127.0.0.1"
_WILDCARDS: Final = {"0.0.0.0": _LOOPBACK, "::": "::1"}  # noqa: S104 - named to be recognised, not bound here


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """PEM files of the TLS listeners."""

    certificate: Path
    key: Path


@dataclass(frozen=True, slots=True)
class Listener:
    address: str
    port: int
    tls: TlsFiles | None = None


@dataclass(frozen=True, slots=True)
class Listeners:
    """Plain ones first; there always is one on loopback, which the daemon itself uses."""

    every: tuple[Listener, ...]

    @property
    def own(self) -> tuple[str, int]:
        """Host and port for the daemon's own links."""
        for listener in self.every:
            address = _WILDCARDS.get(listener.address, listener.address)
            if listener.tls is None and ipaddress.ip_address(address).is_loopback:
                return address, listener.port
        raise LookupError("no plain listener on loopback")

    @property
    def tls_port(self) -> int | None:
        return next((listener.port for listener in self.every if listener.tls), None)


def plan(settings: MqttSettings, tls: TlsFiles | None) -> Listeners:
    """Plain listeners on loopback, elsewhere only if configured; TLS on all addresses, if there is a certificate.

    A port 0 becomes one that is free now. Raises OSError if an address is not ours.
    """
    plain = [a for a in settings.listen if settings.plain_beyond_loopback or ipaddress.ip_address(a).is_loopback]
    if not any(a in _WILDCARDS or ipaddress.ip_address(a).is_loopback for a in plain):
        plain.append(_LOOPBACK)
    plain_port = settings.port or free_port(plain)
    every = [Listener(address, plain_port) for address in plain]
    if tls is not None:
        tls_port = settings.tls_port or free_port(settings.listen)
        every += [Listener(address, tls_port, tls) for address in settings.listen]
    return Listeners(tuple(every))


def free_port(addresses: Sequence[str]) -> int:
    """A TCP port that is free on all *addresses* now. Raises OSError if an address is not ours."""
    for _ in range(20):
        with _listening(addresses[0], 0) as first:
            port = int(first.getsockname()[1])
            try:
                for other in addresses[1:]:
                    _listening(other, port).close()
            except OSError:
                continue
            return port
    raise OSError(f"no port is free on all of {', '.join(addresses)}")


def _listening(address: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    opened = socket.socket(family, socket.SOCK_STREAM)
    try:
        opened.bind((address, port))
    except OSError:
        opened.close()
        raise
    return opened
