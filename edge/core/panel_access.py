"""What a panel must know of its own door to act alone: relays, hours, an operator's lock-down. Part of `down/config`.

Nothing here makes a relay move when it arrives, whenever that is: a hold is a command of its own (`edge.core.orders`).
"""

from edge.core.restrictions import locked_down
from edge.core.schedule import render_hours
from edge.core.snapshot import Snapshot
from models.device import Device, Relay
from models.schedule import Holidays


def access_config(snapshot: Snapshot, device: Device, now_ms: int) -> dict[str, object]:
    """JSON-able. Schedules by their ids, in the spelling of `edge schedule`; `open_schedule`: the hours in which the
    panel itself holds its door open, none under lock-down.
    """
    closed = locked_down(snapshot, device, now_ms)
    own = [device.schedule, device.open_schedule, *(relay.schedule for relay in device.relays)]
    named = sorted({identity for identity in own if identity is not None and identity in snapshot.schedules})
    return {
        "time_zone": snapshot.community.time_zone,
        "relays": [_relay(relay) for relay in device.relays],
        "schedule": device.schedule,
        "open_schedule": None if closed else device.open_schedule,
        "lock_down": closed,
        "schedules": [{"id": i, "hours": render_hours(snapshot.schedules[i])} for i in named],
        "holidays": _days(snapshot.holidays),
    }


def _relay(relay: Relay) -> dict[str, object]:
    return {
        "number": relay.number,
        "security": relay.security,
        "name": relay.name,
        "enabled": relay.enabled,
        "methods": sorted(method.value for method in relay.methods),
        "hold_s": relay.hold_s,
        "schedule": relay.schedule,
        "two_factor": relay.two_factor,
    }


def _days(holidays: Holidays) -> list[str]:
    once = [day.isoformat() for day in sorted(holidays.once)]
    return once + [f"{month:02}-{day:02}" for month, day in sorted(holidays.yearly)]
