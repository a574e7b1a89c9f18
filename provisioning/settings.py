"""What provisioning and maintenance can be told in `edge.toml`: sections `[autop]` and `[device_web]`."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class AutopSettings:
    # Our IPv4 address on the network whose devices ask by SIP multicast where their files are; "" = nobody is answered.
    # [sip] listen must name addresses then
    pnp_address: str = ""
    mdns_address: str = (
        ""  # our IPv4 address on the network where the HTTP server is advertised by mDNS; "" = it is not
    )


@dataclass(frozen=True, slots=True)
class DeviceWebSettings:
    # Networks in which devices are: only there `edge device web` opens their pages, and never at an address of this box
    networks: tuple[str, ...] = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")
    ports: tuple[int, ...] = (80, 443)  # of their web pages
    max_minutes: float = 60.0  # how long a page may be open
