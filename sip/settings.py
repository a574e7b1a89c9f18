"""What SIP can be told in `edge.toml`: sections `[sip]` and `[trunk]`."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class SipSettings:
    listen: tuple[str, ...] = ("0.0.0.0", "::")  # noqa: S104  # addresses, IPv4 and IPv6; door phones must reach them
    port: int = 5060  # UDP and TCP; 0 = any free port, printed at start
    tls_port: int = 5061  # TLS, needs [tls] certificate and key; 0 = any free port
    tls_handshakes_per_s: float = 200.0  # TLS connections that may begin in a second; the others wait; 0 = no limit
    digest: tuple[Literal["SHA-256", "MD5"], ...] = ("SHA-256", "MD5")  # challenges offered, the preferred one first
    digest_fallback: bool = True  # a device that never answers a SHA-256 challenge is offered MD5 alone from then on
    min_expires_s: int = 60  # shorter registrations get 423
    max_expires_s: int = 3600  # longer registrations are cut to this
    source_rate_per_s: float = 50.0  # requests a second from one address without a live registration
    source_burst: int = 200  # and this many at once
    bans: bool = True  # who guesses passwords or scans is not heard for a minute, and longer each time
    trusted_sources: tuple[str, ...] = ()  # addresses or networks without these limits, for example "192.0.2.0/28"
    force_rport: bool = True  # UDP answers go to where the request came from, asked or not: devices sit behind NAT
    ping_interval_s: float = 25.0  # each registered device gets an OPTIONS so often, which keeps NATs open; 0 = never
    ping_failures: int = 3  # a device that misses so many pings in a row counts as unreachable until it answers
    # DNS servers that are asked for a trunk's name, "192.0.2.1" or "192.0.2.1:5353"; none = the system's
    dns_servers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TrunkSettings:
    # The telephone provider's SIP server; "" = no trunk; the password is in secrets/trunk_password. Further providers
    # are sections [trunk.NAME] with the same keys, each with its prefixes; password in secrets/trunk_NAME_password.
    host: str = ""
    port: int = 0  # the provider's port; 0 = as DNS says (SRV records), else 5060, by TLS 5061
    # How the provider is reached; auto = as DNS says (NAPTR and SRV records), else UDP; tls: its certificate must name
    # the host, and nothing else will do
    transport: Literal["auto", "udp", "tcp", "tls"] = "auto"
    user: str = ""  # the account's user name, also the calling number where none is given
    number: str = ""  # the site's number as called people see it, for example "+493012345"; "" = the user name
    register: bool = False  # true where the provider wants a registration
    prefixes: tuple[str, ...] = ()  # numbers that begin so go here, the longest prefix first; none = all others
    max_calls: int = 0  # calls to telephones at the same time; 0 = no limit
    max_calls_per_day: int = 0  # calls to telephones in any 24 hours; 0 = no limit
