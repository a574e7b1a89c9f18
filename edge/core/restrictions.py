"""What a door itself allows at this moment, whoever asks: its hours, an operator's orders, the doors beside it."""

from collections.abc import Iterable
from typing import Final

from edge.core.passage import Passages
from edge.core.schedule import inside
from edge.core.snapshot import Snapshot
from models.access import DoorOrder, OrderKind, UnlockMethod
from models.device import Device, Relay
from models.ids import DeviceId, ScheduleId

LETS_OUT: Final = frozenset({UnlockMethod.EXIT_BUTTON, UnlockMethod.FIRE})
"""Goes on whatever stands against it."""

UNRESTRICTED: Final = frozenset({UnlockMethod.GUARD, UnlockMethod.REMOTE}) | LETS_OUT
"""Goes on outside hours and under lock-down: somebody answers for it."""


def order_in_force(snapshot: Snapshot, device: Device, kind: OrderKind, now_ms: int) -> DoorOrder | None:
    """The order of *kind* for *device*, the narrowest scope first; None where there is none."""
    own = [o for o in snapshot.orders_of.get(device.id, ()) if o.kind is kind and o.in_force(now_ms)]
    return min(own, key=lambda order: (order.device is None, order.building is None), default=None)


def locked_down(snapshot: Snapshot, device: Device, now_ms: int) -> bool:
    """Whether an operator closed *device* to all but `UNRESTRICTED` methods."""
    return device.id in snapshot.orders_of and (
        order_in_force(snapshot, device, OrderKind.LOCK_DOWN, now_ms) is not None
    )


def within_hours(snapshot: Snapshot, device: Device, relays: Iterable[Relay], now_ms: int) -> tuple[Relay, ...]:
    """Those of *relays* whose hours, and whose door's, include *now_ms* (Unix milliseconds)."""
    if not _open_now(snapshot, device.schedule, now_ms):
        return ()
    return tuple([relay for relay in relays if _open_now(snapshot, relay.schedule, now_ms)])


def _open_now(snapshot: Snapshot, identity: ScheduleId | None, now_ms: int) -> bool:
    """Without a schedule: always. One that is gone from the store is never."""
    if identity is None:
        return True
    schedule = snapshot.schedules.get(identity)
    return schedule is not None and inside(schedule, snapshot.community.time_zone, now_ms, snapshot.holidays)


def interlocked_by(snapshot: Snapshot, device: Device, passages: Passages, now_s: float) -> DeviceId | None:
    """The other door of *device*'s interlock that is or may be open; None where all are shut or not known."""
    if not device.interlock:
        return None
    others = (door for door in snapshot.interlocked.get(device.interlock, ()) if door != device.id)
    return next((door for door in others if passages.may_be_open(door, now_s)), None)
