"""What a device is told of itself on `down/config`: its relays and hours, whom it may dial, whom it shows. No secrets.

Rendered from the snapshot and the orders in force, nothing else: equal worlds give equal bytes, so an unchanged device
is left alone.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from edge.core.admission import admit
from edge.core.schedule import DAYS
from edge.core.snapshot import Snapshot
from models.access import DoorOrder, OrderKind
from models.community import Apartment
from models.device import ContactDisplay, Device, DeviceType, Relay
from models.ids import BuildingId
from models.schedule import Schedule, Span, WeeklyRow
from models.times import rfc3339

MAX_CONFIG_BYTES: Final = 65_536  # contract §4
SPARED: Final = ("contacts", "whitelist", "fallback", "handsets")
"""What is left out, in this order, of a configuration that would be too long; `left_out` says so."""

_DIGITS: Final = re.compile(r"(\d+)")

Fields = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class _Listed:
    """An apartment that may be dialled from a door, and how."""

    apartment: Apartment
    building: str
    dial: str


class DeviceConfigs:
    """Renders the configurations of one snapshot. What doors with the same apartments share is made once."""

    def __init__(self, snapshot: Snapshot, now_ms: int, weather: Fields | None = None) -> None:
        """*now_ms* (Unix milliseconds): whose orders are over by then count no more. *weather*: for monitors."""
        self._snapshot = snapshot
        self._now_ms = now_ms
        self._weather = weather
        self._listed: dict[frozenset[BuildingId] | None, tuple[_Listed, ...]] = {}
        self._contacts: dict[tuple[frozenset[BuildingId] | None, ContactDisplay], list[Fields]] = {}
        doors = (each for each in snapshot.devices.values() if each.type.is_door and each.enabled)
        self._doors = sorted(doors, key=lambda door: (_natural(door.name), door.mac))

    def of(self, device: Device) -> Fields:
        """The configuration of *device*, without its revision."""
        community = self._snapshot.community
        config: dict[str, object] = {
            "name": device.name,
            "type": int(device.type),
            "enabled": device.enabled,
            "time_zone": community.time_zone,
            "has_internet": device.has_internet,
        }
        if device.type.is_door or device.relays:
            config |= self._opening(device)
        if device.type.is_door:
            config |= self._directory(device)
        else:
            config["contacts"] = self._contacts_inside(device)
        if device.type is DeviceType.INDOOR_MONITOR and self._weather is not None:
            config["weather"] = self._weather
        return config

    # --- what opens -------------------------------------------------------------------------------------------------

    def _opening(self, device: Device) -> Fields:
        snapshot = self._snapshot
        named = (device.schedule, device.open_schedule, *(relay.schedule for relay in device.relays))
        hours = sorted({identity for identity in named if identity is not None})
        orders = snapshot.orders_of.get(device.id, ())
        lock_down = _lock_down(order for order in orders if order.in_force(self._now_ms))
        return {
            "pin_mode": snapshot.community.pin_mode.value,
            "relays": [_relay(relay) for relay in device.relays],
            "door": {
                "schedule": device.schedule,
                # Left out under a lock-down, so that a panel that knows of none stays shut as well.
                "open_schedule": device.open_schedule if lock_down is None else None,
                # An order to hold the door open is a command: what is retained must never open one by coming back.
                "lock_down": lock_down,
            },
            "schedules": [schedule_fields(snapshot.schedules[i]) for i in hours if i in snapshot.schedules],
            "holidays": [
                *sorted(day.isoformat() for day in snapshot.holidays.once),
                *sorted(f"{month:02}-{day:02}" for month, day in snapshot.holidays.yearly),
            ],
        }

    # --- who is called ----------------------------------------------------------------------------------------------

    def _directory(self, door: Device) -> Fields:
        """Apartments that this door may dial (domain §3), and how it helps itself while the edge is dead (decisions 30
        and 31)."""
        listed = self._apartments(door)
        return {
            "whitelist": [each.dial for each in listed],
            "handsets": [each.dial for each in listed if each.apartment.has_handset],
            "fallback": [
                {"apartment": each.dial, "address": monitor.static_address}
                for each in listed
                for monitor in self._snapshot.monitors_of(each.apartment.id)
                if monitor.works_offline and monitor.static_address and monitor.enabled
            ],
            "contacts": self._contacts_of(door, listed),
        }

    def _apartments(self, door: Device) -> tuple[_Listed, ...]:
        """Those that *door* serves and that may be called now, in the order of buildings and numbers."""
        if door.apartment is not None:
            own = self._snapshot.apartments.get(door.apartment)
            return tuple(self._list([] if own is None else [own]))
        if door.buildings not in self._listed:
            served = (a for a in self._snapshot.apartments.values() if door.serves(a.id, a.building))
            self._listed[door.buildings] = tuple(self._list(served))
        return self._listed[door.buildings]

    def _list(self, served: Iterable[Apartment]) -> list[_Listed]:
        """Every number counts for what is ambiguous, also that of an apartment that may not be called."""
        all_served = list(served)
        numbers: dict[str, int] = {}
        for apartment in all_served:
            numbers[apartment.number] = numbers.get(apartment.number, 0) + 1
        found = []
        for apartment in all_served:
            if admit(apartment, has_monitor=bool(self._snapshot.monitors_of(apartment.id))) is not None:
                continue
            building = self._snapshot.buildings[apartment.building].name
            bare = numbers[apartment.number] == 1
            found.append(_Listed(apartment, building, apartment.number if bare else f"{building}*{apartment.number}"))
        return sorted(found, key=lambda each: (_natural(each.building), _natural(each.apartment.number)))

    def _contacts_of(self, door: Device, listed: tuple[_Listed, ...]) -> list[Fields]:
        shown = door.contact_display
        if door.apartment is not None:
            return list(self._contacts_at(listed, shown))
        key = (door.buildings, shown)
        if key not in self._contacts:
            self._contacts[key] = list(self._contacts_at(listed, shown))
        return self._contacts[key]

    def _contacts_at(self, listed: Iterable[_Listed], shown: ContactDisplay) -> Iterable[Fields]:
        """A door dials apartments, never a monitor or an app by itself, so each contact dials its apartment."""
        for each in listed:
            home = each.apartment
            if shown is not ContactDisplay.MONITORS_AND_APPS:
                yield {"kind": "apartment", "name": home.name or home.number, "dial": each.dial}
            if shown is ContactDisplay.APARTMENTS:
                continue
            for monitor in self._snapshot.monitors_of(home.id):
                yield {"kind": "monitor", "name": monitor.name, "dial": each.dial}
            for resident in self._snapshot.residents_of.get(home.id, ()):
                yield {"kind": "app", "name": resident.name, "dial": each.dial}

    def _contacts_inside(self, device: Device) -> list[Fields]:
        """A monitor looks in at the doors of its apartment; a guard phone reaches every door; both reach the guards."""
        snapshot = self._snapshot
        home = snapshot.apartments.get(device.apartment) if device.apartment is not None else None
        found: list[Fields] = [
            {"kind": "door", "name": door.name, "dial": door.sip_user}
            for door in self._doors
            if (device.type is DeviceType.GUARD_PHONE if home is None else door.serves(home.id, home.building))
        ]
        guards = [guard for guard in snapshot.guards if guard.id != device.id]
        return [*found, {"kind": "guard", "name": guards[0].name, "dial": "guard"}] if guards else found


def schedule_fields(schedule: Schedule) -> Fields:
    """A schedule as devices read it: wall clock in the community's time zone, `to` not after `from` = into the next
    day. `days` go before `holiday` (null: holidays are as other days), which goes before `week`."""
    return {
        "id": schedule.id,
        "name": schedule.name,
        "week": [{"day": DAYS[row.weekday], **_span(row)} for row in schedule.rows],
        "holiday": None if schedule.holiday is None else [_span(span) for span in schedule.holiday],
        "days": {day.isoformat(): [_span(s) for s in spans] for day, spans in sorted(schedule.days.items())},
    }


def digest(config: Fields) -> str:
    """Tells configurations apart; the same before and after a restart."""
    return hashlib.sha256(_json(config)).hexdigest()


def config_id(revision: int) -> str:
    """What a device acknowledges a configuration by."""
    return f"config-{revision}"


def confirmed_revision(identity: str) -> int | None:
    """The revision that an ack of the id *identity* confirms; None where it confirms none."""
    number = identity.removeprefix("config-")
    return int(number) if number.isascii() and number.isdigit() and len(number) < 16 else None


def payload(config: Fields, revision: int) -> bytes:
    """The bytes of `down/config`, at most `MAX_CONFIG_BYTES`: what does not fit is left out whole, and named."""
    told: dict[str, object] = {"id": config_id(revision), "revision": revision, **config}
    left_out: list[str] = []
    body = _json(told)
    for section in SPARED:
        if len(body) <= MAX_CONFIG_BYTES:
            break
        if section in told:
            del told[section]
            left_out.append(section)
            body = _json({**told, "left_out": left_out})
    return body


def _json(fields: Fields) -> bytes:
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def _relay(relay: Relay) -> Fields:
    return {
        "relay": relay.label,
        "name": relay.name,
        "enabled": relay.enabled,
        "methods": sorted(method.value for method in relay.methods),
        "hold_s": relay.hold_s,
        "dtmf": relay.dtmf,
        "schedule": relay.schedule,
        "two_factor": relay.two_factor,
        "trigger_s": relay.trigger_s,
    }


def _lock_down(orders: Iterable[DoorOrder]) -> Fields | None:
    """The order that lasts longest. `until` null: until it is released."""
    ends = [order.until_ms for order in orders if order.kind is OrderKind.LOCK_DOWN]
    if not ends:
        return None
    last_ms = None if None in ends else max(end for end in ends if end is not None)
    return {"until": None if last_ms is None else rfc3339(last_ms)}


def _span(span: Span | WeeklyRow) -> dict[str, str]:
    return {"from": _clock(span.from_minute), "to": _clock(span.to_minute)}


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


def _natural(text: str) -> list[tuple[bool, int, str]]:
    """Numbers in their order: 2 before 10."""
    return [(part.isdigit(), int(part) if part.isdecimal() else 0, part) for part in _DIGITS.split(text)]
