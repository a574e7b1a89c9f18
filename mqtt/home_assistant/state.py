"""What Home Assistant is shown of each door, from what integrators are told. Sans-IO; *now_s* is monotonic seconds."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from models.device import Device
from models.ids import Mac

LOCKED: Final = "LOCKED"
OPEN: Final = "OPEN"
ON: Final = "ON"
OFF: Final = "OFF"
IDLE: Final = "idle"
CALL_STATES: Final = (IDLE, "ringing", "talking")
TAMPER_SHOWN_S: Final = 300.0  # a device tells that it is tampered with, never that it is not any more

_CONTACT: Final = {"door_opened": ON, "forced": ON, "held_open": ON, "door_closed": OFF}
_RELAY_ON: Final = frozenset({"on", "open", "opened", "active", "1"})
_RELAY_OFF: Final = frozenset({"off", "close", "closed", "inactive", "0"})


@dataclass(slots=True)
class DoorState:
    """One door. A relay that is not in *open_until_s* is locked; None there = until it says so."""

    open_until_s: dict[str, float | None] = field(default_factory=dict)  # by the relay's label
    contact: str | None = None  # not known
    tamper_until_s: float | None = None
    call: str = IDLE

    def lock(self, relay: str) -> str:
        return OPEN if relay in self.open_until_s else LOCKED

    @property
    def tamper(self) -> str:
        return OFF if self.tamper_until_s is None else ON

    def due_s(self) -> float | None:
        """When this door changes by itself."""
        ends = [end for end in (*self.open_until_s.values(), self.tamper_until_s) if end is not None]
        return min(ends, default=None)

    def expire(self, now_s: float) -> bool:
        """End what has had its time; whether something did."""
        over = [relay for relay, end in self.open_until_s.items() if end is not None and end <= now_s]
        for relay in over:
            del self.open_until_s[relay]
        tamper_over = self.tamper_until_s is not None and self.tamper_until_s <= now_s
        if tamper_over:
            self.tamper_until_s = None
        return bool(over) or tamper_over


class HouseState:
    """All doors that something is known of."""

    def __init__(self) -> None:
        self._doors: dict[Mac, DoorState] = {}

    def of(self, device: Mac) -> DoorState:
        return self._doors.get(device) or DoorState()

    def hear(self, notice: Mapping[str, object], device: Device, now_s: float) -> None:
        """Something happened at *device*; what says nothing about a state changes nothing."""
        door = self._doors.setdefault(device.mac, DoorState())
        match notice.get("type"):
            case "access" if notice.get("outcome") == "granted":
                _opened(door, device, notice.get("relays"), now_s)
            case "call":
                state = notice.get("state")
                door.call = state if isinstance(state, str) and state in CALL_STATES else IDLE
            case "device" | "alarm":
                _reported(door, notice, now_s)

    def locked(self, device: Mac, relay: str) -> None:
        """It did not open after all."""
        self.of(device).open_until_s.pop(relay, None)

    def forget(self, device: Mac) -> None:
        self._doors.pop(device, None)

    def due_s(self) -> float | None:
        """When `expire` has something to do."""
        return min((due for door in self._doors.values() if (due := door.due_s()) is not None), default=None)

    def expire(self, now_s: float) -> tuple[Mac, ...]:
        """The doors that changed because time passed."""
        return tuple(mac for mac, door in self._doors.items() if door.expire(now_s))


def _opened(door: DoorState, device: Device, relays: object, now_s: float) -> None:
    hold_s = {relay.label: relay.trigger_s + relay.hold_s for relay in device.relays}
    for label in relays if isinstance(relays, list) else ():
        if label in hold_s:
            door.open_until_s[label] = now_s + hold_s[label]


def _reported(door: DoorState, notice: Mapping[str, object], now_s: float) -> None:
    event = notice.get("event")
    if not isinstance(event, str):
        return
    door.contact = _CONTACT.get(event, door.contact)
    if event == "tamper":
        door.tamper_until_s = now_s + TAMPER_SHOWN_S
    elif event == "relay":
        told, label = notice.get("state"), str(notice.get("n"))
        if told is True or str(told).lower() in _RELAY_ON:
            door.open_until_s[label] = None
        elif told is False or str(told).lower() in _RELAY_OFF:
            door.open_until_s.pop(label, None)
