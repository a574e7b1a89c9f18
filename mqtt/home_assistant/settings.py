"""What `edge.toml` can say in `[home_assistant]`."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class HomeAssistantSettings:
    discovery: bool = False  # true: announce doors and bells to Home Assistant
    discovery_prefix: str = "homeassistant"  # Home Assistant's own first topic level
    url: str = ""  # Home Assistant's broker: mqtt://host:1883 or mqtts://host:8883; "" = the broker of [mqtt]
    ca: str = ""  # PEM file of the authority of an mqtts:// url, inside the site folder; "" = the system's authorities
    prefix: str = ""  # first level of our topics at Home Assistant's broker; "" = the one of [mqtt]
    locks: bool = False  # true: Home Assistant may open the doors in allowed whose relays list the method remote
    # doors it may open: all, or names and MACs, each with /2 or /s1 behind it for one relay only; [] = none
    allowed: tuple[str, ...] = ("all",)
