"""Every topic that Home Assistant reads or writes, once.

<discovery prefix>/device/<community>_<mac>/config   we write, retained: what a door phone is
<discovery prefix>/status                            Home Assistant writes: its birth and its will
<prefix>/<community>/bridge/state                    we write, retained, and our will
<prefix>/<community>/<mac>/up/…                      states (retained) and events (never) of one door phone
<prefix>/<community>/<mac>/down/door/<relay>/set     Home Assistant writes, never retained
"""

import re
from dataclasses import dataclass
from typing import Final

from models.ids import Mac
from mqtt.accounts import Grant
from mqtt.topics import Topics, Up

_OUTSIDE: Final = re.compile(r"[^a-zA-Z0-9_-]", re.ASCII)  # what Home Assistant allows in a discovery topic's parts
_PREFIX: Final = re.compile(r"[a-zA-Z0-9_-]+(/[a-zA-Z0-9_-]+)*", re.ASCII)
_SET: Final = re.compile(r"([0-9a-f]{12})/down/door/(s?[1-9])/set", re.ASCII)


@dataclass(frozen=True, slots=True)
class HomeTopics:
    """Raises ValueError for a discovery prefix that Home Assistant would not take."""

    base: Topics
    discovery_prefix: str = "homeassistant"

    def __post_init__(self) -> None:
        if not _PREFIX.fullmatch(self.discovery_prefix):
            raise ValueError("home_assistant.discovery_prefix: levels of letters, digits, '-' and '_' only")

    @property
    def bridge_state(self) -> str:
        return f"{self.base.root}/bridge/state"

    @property
    def birth(self) -> str:
        return f"{self.discovery_prefix}/status"

    @property
    def every_config(self) -> str:
        """Filter: what everybody announced."""
        return f"{self.discovery_prefix}/device/+/config"

    @property
    def every_set(self) -> str:
        """Filter: all commands."""
        return f"{self.base.root}/+/down/door/+/set"

    def object_id(self, device: Mac) -> str:
        """Identifies a door phone in Home Assistant."""
        return f"{_OUTSIDE.sub('_', self.base.community)}_{device}"

    def config(self, device: Mac) -> str:
        return f"{self.discovery_prefix}/device/{self.object_id(device)}/config"

    def config_of(self, topic: str) -> Mac | None:
        """Which of our door phones *topic* announces; None for what is not ours."""
        before, _, after = self.config(Mac("*")).partition("*")
        mac = topic.removeprefix(before).removesuffix(after)
        return Mac(mac) if topic == f"{before}{mac}{after}" and re.fullmatch(r"[0-9a-f]{12}", mac, re.ASCII) else None

    def state(self, device: Mac) -> str:
        """`online` or `offline`; at our own broker the device itself writes it."""
        return f"{self.base.root}/{device}/up/{Up.STATE.value}"

    def lock(self, device: Mac, relay: str) -> str:
        return f"{self.base.root}/{device}/up/door/{relay}/lock"

    def contact(self, device: Mac) -> str:
        return f"{self.base.root}/{device}/up/door/1/contact"

    def tamper(self, device: Mac) -> str:
        return f"{self.base.root}/{device}/up/tamper"

    def call(self, device: Mac) -> str:
        return f"{self.base.root}/{device}/up/call/state"

    def event(self, device: Mac, kind: str) -> str:
        return f"{self.base.root}/{device}/up/event/{kind}"

    def set(self, device: Mac, relay: str) -> str:
        return f"{self.base.root}/{device}/down/door/{relay}/set"

    def set_of(self, topic: str) -> tuple[Mac, str] | None:
        """Device and relay label of a command's topic; None for every other topic."""
        root = f"{self.base.root}/"
        found = _SET.fullmatch(topic.removeprefix(root)) if topic.startswith(root) else None
        return None if found is None else (Mac(found[1]), found[2])

    def grants(self) -> tuple[Grant, ...]:
        """Rights of Home Assistant at a broker that is ours: no attempt (it holds a PIN), no opening of our own."""
        up = f"{self.base.root}/+/up"
        return (
            Grant("readwrite", f"{self.discovery_prefix}/#"),
            Grant("read", self.bridge_state),
            *(Grant("read", f"{up}/{what}") for what in ("state", "door/+/lock", "door/+/contact", "tamper")),
            *(Grant("read", f"{up}/{what}") for what in ("call/state", "event/ring", "event/access")),
            Grant("write", self.every_set),
        )

    def bridge_grants(self) -> tuple[Grant, ...]:
        """Rights of our own link there, beside those of the role *service*."""
        return (Grant("readwrite", f"{self.discovery_prefix}/#"),)
