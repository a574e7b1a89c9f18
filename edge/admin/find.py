"""Finding things by what a person types: `BUILDING/NUMBER`, a door's name or MAC, a schedule's name."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Row, Select, Table, select

from edge.admin.edit import Ambiguous, NotFound, Scope
from edge.core import checks
from edge.core.checks import RuleBroken
from edge.core.schedule import ALWAYS
from edge.store.tables import apartment, building, device, door_group, resident, schedule
from models.ids import parse_mac

_MAX_CANDIDATES: Final = 10  # named in a message


@dataclass(frozen=True, slots=True)
class ApartmentRef:
    """What was typed for an apartment: *building* None where only a number was."""

    building: str | None
    number: str


def parse_apartment(typed: str) -> ApartmentRef:
    """`B/N`, `B*N` or `N`. A building's name may hold both signs: the number is what stands behind the last one."""
    found = max(typed.rfind("/"), typed.rfind("*"))
    if found < 0:
        return ApartmentRef(None, checks.apartment_number(typed))
    return ApartmentRef(checks.building_name(typed[:found]), checks.apartment_number(typed[found + 1 :]))


def find_building(scope: Scope, name: str) -> Row[Any]:
    """The building called *name*. Raises NotFound."""
    row = scope.connection.execute(
        _of(scope, building).where(building.c.name == checks.building_name(name))
    ).one_or_none()
    if row is None:
        raise NotFound(f"there is no building {name}")
    return row


def find_apartment(scope: Scope, typed: str) -> Row[Any]:
    """The apartment meant, with `building` (its name) beside its columns.

    Raises NotFound; Ambiguous for a number that stands in several buildings.
    """
    reference = parse_apartment(typed)
    query = select(apartment, building.c.name.label("building")).join(
        building, building.c.id == apartment.c.building_id
    )
    query = query.where(
        apartment.c.community_id == scope.community_id, apartment.c.number == reference.number
    ).order_by(building.c.name)
    if reference.building is not None:
        query = query.where(building.c.name == reference.building)
    rows = scope.connection.execute(query).all()
    if not rows:
        raise NotFound(f"there is no apartment {typed}")
    if len(rows) > 1:
        raise Ambiguous(f"{typed} is ambiguous: " + _named(f"{row.building}/{row.number}" for row in rows))
    return rows[0]


def find_device(scope: Scope, typed: str) -> Row[Any]:
    """The device with this MAC or, failing that, this name. Raises NotFound; Ambiguous for a name that several have."""
    try:
        mac = parse_mac(typed)
    except ValueError:
        mac = None
    if mac is not None:
        row = scope.connection.execute(_of(scope, device).where(device.c.mac == mac)).one_or_none()
        if row is not None:
            return row
    named = _of(scope, device).where(device.c.name == checks.name("device", typed)).order_by(device.c.mac)
    rows = scope.connection.execute(named).all()
    if len(rows) > 1:
        raise Ambiguous(f"{typed} is the name of several devices: " + _named(row.mac for row in rows))
    if not rows:
        raise NotFound(f"there is no device {typed}")
    return rows[0]


def find_resident(scope: Scope, identity: str) -> Row[Any]:
    """The resident with this id. Raises NotFound."""
    row = scope.connection.execute(_of(scope, resident).where(resident.c.id == identity)).one_or_none()
    if row is None:
        raise NotFound(f"there is no resident {identity}")
    return row


def find_schedule(scope: Scope, name: str) -> Row[Any]:
    """The schedule called *name*. Raises NotFound."""
    row = scope.connection.execute(
        _of(scope, schedule).where(schedule.c.name == checks.name("schedule", name))
    ).one_or_none()
    if row is None:
        raise NotFound(f"there is no schedule {name}")
    return row


def find_door_group(scope: Scope, name: str) -> Row[Any]:
    """The group of doors called *name*. Raises NotFound."""
    row = scope.connection.execute(
        _of(scope, door_group).where(door_group.c.name == checks.name("group", name))
    ).one_or_none()
    if row is None:
        raise NotFound(f"there is no group of doors {name}")
    return row


def schedule_id(scope: Scope, name: str) -> str | None:
    """Id of the schedule called *name*; None for "" and for `always`, where none is needed. Raises NotFound."""
    return None if name in ("", ALWAYS) else str(find_schedule(scope, name).id)


def must_be_free(taken: object, field: str, what: str) -> None:
    """Raises RuleBroken where a query for a name that must be unique found something."""
    if taken is not None:
        raise RuleBroken(field, "duplicate", f"{what} is there already")


def _of(scope: Scope, table: Table) -> Select[Any]:
    return select(table).where(table.c.community_id == scope.community_id)


def _named(candidates: Iterable[str]) -> str:
    names = list(candidates)
    more = ", …" if len(names) > _MAX_CANDIDATES else ""
    return ", ".join(names[:_MAX_CANDIDATES]) + more
