"""Relays: a door's outputs, the methods that open them, and their DTMF codes."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import delete, select, update

from edge.admin.edit import Edit, NotFound, Reading, given
from edge.admin.find import find_device, schedule_id
from edge.core import checks
from edge.core.checks import RuleBroken
from edge.store.tables import relay, schedule
from models.access import UnlockMethod
from models.ids import new_id


def values(edit: Edit, options: Mapping[str, Any]) -> dict[str, Any]:
    """Columns of a relay from the options typed, each checked. Raises RuleBroken, NotFound."""
    found = given(options)
    if "schedule" in found:
        found["schedule_id"] = schedule_id(edit, found.pop("schedule"))
    if "name" in found:
        found["name"] = checks.name("name", found["name"])
    if isinstance(found.get("methods"), str):
        found["methods"] = checks.methods(found["methods"])
    if "hold_s" in found:
        found["hold_s"] = checks.hold(found["hold_s"])
    if "trigger_s" in found:
        found["trigger_s"] = checks.trigger(found["trigger_s"])
    if "dtmf" in found:
        found["dtmf"] = checks.dtmf(found["dtmf"])
    return found


def add(edit: Edit, device_typed: str, number: int, *, security: bool = False, **options: Any) -> str:
    """A relay of a device. Without methods it lists the usual ones; without a DTMF code, where it lists DTMF, its
    number is the code. Raises RuleBroken, NotFound."""
    door = find_device(edit, device_typed)
    edit.refuse_if_owned("device", door.id)
    checks.relay_number(number)
    if _find(edit, door.id, number, security) is not None:
        label = f"s{number}" if security else str(number)
        raise RuleBroken("number", "duplicate", f"{door.name} has relay {label} already")
    found = {"methods": checks.DOOR_METHODS, **values(edit, options)}
    if UnlockMethod.DTMF in found["methods"] and not security:
        found.setdefault("dtmf", str(number))
    checks.prefix_free(found.get("dtmf", ""), _codes(edit, door.id))
    identity = new_id("y")
    edit.insert(relay, id=identity, device_id=door.id, number=number, security=security, **found)
    _done(edit, "relay.add", door.id, identity, number, security)
    return identity


def set_relay(edit: Edit, device_typed: str, number: int, *, security: bool = False, **options: Any) -> None:
    door = find_device(edit, device_typed)
    edit.refuse_if_owned("device", door.id)
    row = _existing(edit, door, number, security)
    found = values(edit, options)
    if not found:
        return
    if "dtmf" in found:
        checks.prefix_free(found["dtmf"], _codes(edit, door.id, besides=row.id))
    edit.connection.execute(update(relay).where(relay.c.id == row.id).values(**found))
    _done(edit, "relay.set", door.id, row.id, number, security, changed=sorted(found))


def remove(edit: Edit, device_typed: str, number: int, *, security: bool = False) -> None:
    door = find_device(edit, device_typed)
    edit.refuse_if_owned("device", door.id)
    row = _existing(edit, door, number, security)
    edit.connection.execute(delete(relay).where(relay.c.id == row.id))
    _done(edit, "relay.remove", door.id, row.id, number, security)


def _done(edit: Edit, action: str, door: str, identity: str, number: int, security: bool, **detail: Any) -> None:
    edit.note("relay", identity)
    edit.note("device", door)
    edit.audit(action, device=door, relay=f"s{number}" if security else str(number), **detail)


def _find(edit: Edit, door: str, number: int, security: bool) -> Any:
    wanted = select(relay).where(relay.c.device_id == door, relay.c.number == number, relay.c.security == security)
    return edit.connection.execute(wanted).one_or_none()


def _existing(edit: Edit, door: Any, number: int, security: bool) -> Any:
    row = _find(edit, door.id, number, security)
    if row is None:
        raise NotFound(f"{door.name} has no relay {'s' if security else ''}{number}")
    return row


def _codes(edit: Edit, door: str, besides: str = "") -> list[str]:
    wanted = select(relay.c.dtmf).where(relay.c.device_id == door, relay.c.id != besides)
    return list(edit.connection.execute(wanted).scalars())


def listed(scope: Reading, device_typed: str) -> list[dict[str, Any]]:
    """Rows of `edge relay list --json`."""
    door = find_device(scope, device_typed)
    return by_device(scope).get(door.id, [])


def by_device(scope: Reading) -> dict[str, list[dict[str, Any]]]:
    """Device id -> its relays, in order."""
    found: dict[str, list[dict[str, Any]]] = {}
    query = select(relay, schedule.c.name.label("schedule"))
    query = query.join(schedule, schedule.c.id == relay.c.schedule_id, isouter=True)
    for row in scope.connection.execute(query.order_by(relay.c.security, relay.c.number)):
        shown = {
            "number": row.number,
            "security": row.security,
            "name": row.name,
            "enabled": row.enabled,
            "methods": sorted(method.value for method in row.methods),
            "hold_s": row.hold_s,
            "dtmf": row.dtmf,
            "schedule": row.schedule,
            "two_factor": row.two_factor,
            "trigger_s": row.trigger_s,
        }
        found.setdefault(row.device_id, []).append(shown)
    return found
