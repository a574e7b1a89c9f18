"""What provisioning and maintenance can be told in `edge.toml`: sections `[autop]`, `[device_web]`
and `[weather]`."""

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


@dataclass(frozen=True, slots=True)
class WeatherSettings:
    # JSON file in the site folder that something else keeps new: temperature_c, condition, at; "" = none
    file: str = ""
    # Or an address asked by GET that answers so, or as Open-Meteo does for the community's place; "" = none
    url: str = ""
    every_min: float = 30.0  # how often the source is asked
    max_age_min: float = 180.0  # what is older is shown by no monitor
