"""What `edge.toml` says of devices that do not speak MQTT."""

from dataclasses import dataclass


@dataclass(frozen=True)
class DevicesSettings:
    poll_every_s: float = 30.0  # how often a panel is asked over HTTP whether it is there and what happened
    syslog_port: int = 0  # UDP port on the addresses of [http] listen where panels' syslog is heard; 0 = it is not
    ntp_server: str = ""  # time server that devices are told; "" = they keep their own
