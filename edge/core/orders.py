"""Which doors an operator's orders hold open, and what a change of orders means for the panels that do it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from edge.core.access import relays_for
from edge.core.restrictions import locked_down, order_in_force
from edge.core.snapshot import Snapshot
from models.access import DoorOrder, OrderKind, UnlockMethod
from models.device import Device
from models.ids import DeviceId

MAX_HOLD_MS: Final = 24 * 3_600_000
"""A door that stands open longer than this is ordered to do so once a day."""


def relays_held(device: Device) -> tuple[int, ...]:
    """The relays of *device* that an order holds open: those an operator may open from afar."""
    return tuple(relay.number for relay in relays_for(device, UnlockMethod.REMOTE) if not relay.security)


def held(snapshot: Snapshot, now_ms: int) -> Mapping[DeviceId, DoorOrder]:
    """Doors held open at *now_ms* (Unix milliseconds), each by its order. A lock-down goes before a hold."""
    found: dict[DeviceId, DoorOrder] = {}
    for door in snapshot.orders_of:
        device = snapshot.devices[door]
        order = order_in_force(snapshot, device, OrderKind.HOLD_OPEN, now_ms)
        if order is not None and device.enabled and not locked_down(snapshot, device, now_ms):
            found[door] = order
    return found


@dataclass(frozen=True, slots=True)
class PanelOrder:
    """What a panel is told. *seconds* to hold its relays; 0: let them go."""

    device: Device
    order: str  # id of the order that began or ended
    relays: tuple[int, ...]
    seconds: int


def to_tell(before: Snapshot, after: Snapshot, now_ms: int) -> tuple[PanelOrder, ...]:
    """What panels must be told because the orders became others.

    A hold is told once, when it is given: never at a start, when a device is back, or when a lock-down ends. No relay
    moves by itself.
    """
    if before.orders == after.orders:
        return ()
    known = {order.id for order in before.orders}
    was, now = held(before, now_ms), held(after, now_ms)
    begun = [
        PanelOrder(after.devices[door], order.id, relays_held(after.devices[door]), _seconds(order, now_ms))
        for door, order in now.items()
        if order.id not in known
    ]
    replaced = {order.device.id for order in begun}
    ended = [
        PanelOrder(after.devices[door], order.id, relays_held(after.devices[door]), 0)
        for door, order in was.items()
        if door not in now and door not in replaced and door in after.devices
    ]
    return tuple(order for order in (*begun, *ended) if order.relays)


def _seconds(order: DoorOrder, now_ms: int) -> int:
    left_ms = MAX_HOLD_MS if order.until_ms is None else min(order.until_ms - now_ms, MAX_HOLD_MS)
    return max(1, left_ms // 1_000)
