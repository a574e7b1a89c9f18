"""What the search for our provisioning URL can be told in `edge.toml`: section `[autop]`."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class AutopSettings:
    # Our IPv4 address on the network whose devices ask by SIP multicast where their files are; "" = nobody is answered.
    # [sip] listen must name addresses then
    pnp_address: str = ""
    mdns_address: str = (
        ""  # our IPv4 address on the network where the HTTP server is advertised by mDNS; "" = it is not
    )
