"""What operators order for doors: hold one open until a time, lock some or all down, release them."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, delete, select

from edge.admin.edit import Edit, Reading, Refused
from edge.admin.find import find_building, find_device
from edge.core.checks import RuleBroken
from edge.core.orders import MAX_HOLD_MS
from edge.store.tables import apartment, building, device, device_building, door_order, relay
from models.access import OrderKind, UnlockMethod
from models.device import Place
from models.ids import new_id
from models.times import rfc3339


@dataclass(frozen=True, slots=True)
class Scope:
    """What an order is for, as typed: a door, a building's own doors, or, without either, all doors."""

    door: str | None = None
    building: str | None = None


@dataclass(frozen=True, slots=True)
class _Found:
    device: str | None
    building: str | None
    words: str


def hold(edit: Edit, door: str, until_ms: int) -> str:
    """Hold *door* open until *until_ms* (Unix milliseconds, at most 24 h away). The order's id.

    Raises Refused where the door is locked down or no relay of it may be opened from afar, RuleBroken, NotFound.
    """
    if not edit.now_ms < until_ms <= edit.now_ms + MAX_HOLD_MS:
        raise RuleBroken("until", "until", "a door is held open until a time in the next 24 hours")
    row = find_device(edit, door)
    lock = next((o for o in _orders(edit, OrderKind.LOCK_DOWN) if _covers(edit, o, row)), None)
    if lock is not None:
        raise Refused(f"{row.name} is locked down: release it first")
    relays = select(relay.c.methods).where(relay.c.device_id == row.id, relay.c.enabled, ~relay.c.security)
    if not any(UnlockMethod.REMOTE in methods for methods in edit.connection.execute(relays).scalars()):
        raise Refused(f"{row.name} has no enabled relay that lists remote")
    return _order(edit, OrderKind.HOLD_OPEN, _Found(row.id, None, row.name), until_ms)


def lock(edit: Edit, scope: Scope, until_ms: int | None = None) -> str:
    """Only guards, operators, fire signals and exit buttons open from now on; holds of these doors end.

    *until_ms* None: until it is released. The order's id. Raises RuleBroken, NotFound.
    """
    if until_ms is not None and until_ms <= edit.now_ms:
        raise RuleBroken("until", "until", "the end is in the past")
    found = _find(edit, scope)
    identity = _order(edit, OrderKind.LOCK_DOWN, found, until_ms)
    (made,) = (order for order in _orders(edit, OrderKind.LOCK_DOWN) if order.id == identity)
    for order in _orders(edit, OrderKind.HOLD_OPEN):
        held = edit.connection.execute(select(device).where(device.c.id == order.device_id)).one()
        if _covers(edit, made, held):
            _remove(edit, order)
    return identity


def release(edit: Edit, scope: Scope) -> int:
    """End every order of exactly this scope; how many there were. Raises NotFound for a door or building."""
    found = _find(edit, scope)
    own = [o for o in _orders(edit) if (o.device_id, o.building_id) == (found.device, found.building)]
    for order in own:
        _remove(edit, order)
    if own:
        edit.audit("door.release", device=found.device, scope=found.words)
    return len(own)


def _order(edit: Edit, kind: OrderKind, found: _Found, until_ms: int | None) -> str:
    """Instead of an older one of its kind and scope."""
    for order in _orders(edit, kind):
        if (order.device_id, order.building_id) == (found.device, found.building):
            _remove(edit, order)
    identity = new_id("o")
    edit.insert(
        door_order, id=identity, community_id=edit.community_id, kind=kind, device_id=found.device,
        building_id=found.building, until_ms=until_ms, at_ms=edit.now_ms, ordered_by=edit.actor,
    )  # fmt: skip
    edit.note("door_order", identity)
    action = "door.hold" if kind is OrderKind.HOLD_OPEN else "door.lock"
    until = None if until_ms is None else rfc3339(until_ms)
    edit.audit(action, device=found.device, scope=found.words, until=until, order=identity)
    return identity


def _find(edit: Edit, scope: Scope) -> _Found:
    if scope.door is not None:
        door = find_device(edit, scope.door)
        return _Found(door.id, None, door.name)
    if scope.building is not None:
        home = find_building(edit, scope.building)
        return _Found(None, home.id, f"building {home.name}")
    return _Found(None, None, "all doors")


def _orders(edit: Edit, kind: OrderKind | None = None) -> list[Row[Any]]:
    """Orders that are not over; those that are, are forgotten."""
    over = (door_order.c.community_id == edit.community_id, door_order.c.until_ms <= edit.now_ms)
    edit.connection.execute(delete(door_order).where(*over))
    query = select(door_order).where(door_order.c.community_id == edit.community_id).order_by(door_order.c.id)
    if kind is not None:
        query = query.where(door_order.c.kind == kind)
    return list(edit.connection.execute(query).all())


def _covers(edit: Edit, order: Row[Any], door: Row[Any]) -> bool:
    """As `edge.core.snapshot` says it: a building's order is for the doors that serve it alone."""
    if order.device_id is not None:
        return bool(order.device_id == door.id)
    if order.building_id is None:
        return True
    if door.place is Place.APARTMENT:
        home = select(apartment.c.building_id).where(apartment.c.id == door.apartment_id)
        return bool(edit.connection.execute(home).scalar() == order.building_id)
    served = select(device_building.c.building_id).where(device_building.c.device_id == door.id)
    return not door.all_buildings and edit.connection.execute(served).scalars().all() == [order.building_id]


def _remove(edit: Edit, order: Row[Any]) -> None:
    edit.connection.execute(delete(door_order).where(door_order.c.id == order.id))
    edit.note("door_order", order.id)


def listed(scope: Reading, now_ms: int) -> list[dict[str, Any]]:
    """Rows of `edge door orders --json`: what is in force at *now_ms*."""
    query = (
        select(door_order, device.c.name.label("door"), device.c.mac, building.c.name.label("building"))
        .join(device, device.c.id == door_order.c.device_id, isouter=True)
        .join(building, building.c.id == door_order.c.building_id, isouter=True)
        .where(door_order.c.community_id == scope.community_id)
        .order_by(door_order.c.at_ms, door_order.c.id)
    )
    return [
        {
            "id": row.id,
            "order": row.kind.value,
            "door": row.door,
            "device": row.mac,
            "building": row.building,
            "until": None if row.until_ms is None else rfc3339(row.until_ms),
            "since": rfc3339(row.at_ms),
            "by": row.ordered_by,
        }
        for row in scope.connection.execute(query)
        if row.until_ms is None or row.until_ms > now_ms
    ]
