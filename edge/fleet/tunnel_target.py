"""Where a device's web page may be: at its own address, in a network of devices, on a port of web pages. Pure."""

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass

from provisioning.settings import DeviceWebSettings


class NoWay(ValueError):
    """Nothing may be opened; the message says why, for a person."""


@dataclass(frozen=True, slots=True)
class Target:
    """The one thing that a tunnel leads to."""

    host: str  # a numeric address: no name is ever asked for
    port: int
    tls: bool

    @property
    def url(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https' if self.tls else 'http'}://{host}:{self.port}"


def target(
    settings: DeviceWebSettings, static: str, registered: str, ours: Iterable[str], port: int, *, tls: bool
) -> Target:
    """The page of a device. *static*: its address as an installer set it; else *registered*, where its SIP login came
    from: what a device says of itself counts for nothing. *ours*: addresses of this box. Raises NoWay.
    """
    try:
        address = ipaddress.ip_address(static or registered)
    except ValueError:
        raise NoWay("its address is not known: it has none set (--static-address) and is not registered") from None
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    own = {ipaddress.ip_address(each) for each in (*ours, "127.0.0.1", "::1")}
    if address in own or address.is_unspecified or address.is_multicast or address.is_link_local:
        raise NoWay(f"{address} is no device's address")
    if not any(address in ipaddress.ip_network(network, strict=False) for network in settings.networks):
        raise NoWay(f"{address} is in none of the networks of [device_web]")
    if port not in settings.ports:
        raise NoWay(f"port {port} is none of [device_web] ports")
    return Target(str(address), port, tls)
