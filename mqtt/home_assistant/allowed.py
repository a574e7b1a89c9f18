"""Which relays Home Assistant may open. What is not named is not allowed."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from models.access import UnlockMethod
from models.device import Device, Relay
from models.ids import parse_mac

ALL: Final = "all"
_WITH_RELAY: Final = re.compile(r"(.+)/(s?[1-9])", re.ASCII)


@dataclass(frozen=True, slots=True)
class _Entry:
    name: str
    mac: str | None
    relay: str | None  # label; None = every relay of the door

    def names(self, device: Device) -> bool:
        return device.mac == self.mac or device.name == self.name


class Allowed:
    """`[home_assistant] locks` and `allowed`."""

    def __init__(self, locks: bool, entries: Iterable[str]) -> None:
        listed = list(entries) if locks else []
        self._all = ALL in listed
        self._entries = tuple(_entry(text) for text in listed if text != ALL)

    @property
    def anything(self) -> bool:
        """Whether any door might be opened at all."""
        return self._all or bool(self._entries)

    def allows(self, device: Device, relay: Relay) -> bool:
        """Whether *relay* of *device* is a lock in Home Assistant; the door's own rules are asked later, each time."""
        if not (device.enabled and relay.enabled and UnlockMethod.REMOTE in relay.methods):
            return False
        return self._all or any(entry.relay in (None, relay.label) and entry.names(device) for entry in self._entries)

    def unknown(self, devices: Iterable[Device]) -> tuple[str, ...]:
        """Entries that name no door of *devices*."""
        known = list(devices)
        return tuple(entry.name for entry in self._entries if not any(entry.names(device) for device in known))


def _entry(text: str) -> _Entry:
    found = _WITH_RELAY.fullmatch(text)
    name, relay = (found[1], found[2]) if found else (text, None)
    try:
        mac = str(parse_mac(name))
    except ValueError:
        mac = None
    return _Entry(name, mac, relay)
