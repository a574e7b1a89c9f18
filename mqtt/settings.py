"""What the device plane and its broker can be told in `edge.toml`, section `[mqtt]`."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class MqttSettings:
    broker: Literal["auto", "mosquitto", "embedded", "external"] = "auto"  # auto: mosquitto if installed, else embedded
    url: str = ""  # of an external broker: mqtt://host:1883 or mqtts://host:8883; login in secrets/mqtt_password
    listen: tuple[str, ...] = ("127.0.0.1",)  # addresses of our own broker
    port: int = 1883  # plain MQTT, on the loopback addresses of listen only; 0 = any free port
    plain_beyond_loopback: bool = False  # true: plain MQTT on all addresses of listen, passwords readable on the wire
    tls_port: int = 8883  # MQTT over TLS, needs [tls] certificate and key; 0 = any free port
    prefix: str = "intercom"  # first level of every topic
