"""Areas: rooms behind readers of a way in and a way out, which know who is inside."""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import delete, func, select, update

from edge.admin.edit import Edit, NotFound, Reading, Scope, given
from edge.admin.find import find_device, must_be_free
from edge.core import checks
from edge.core.checks import RuleBroken
from edge.store.tables import area, device, whereabouts
from models.access import Passback
from models.device import AreaSide
from models.ids import new_id

MAX_FORGET_H: Final = 8_760


def add(
    edit: Edit,
    name: str,
    *,
    entry: Sequence[str] = (),
    exit: Sequence[str] = (),
    passback: Passback = Passback.SOFT,
    forget_h: int = 24,
) -> str:
    """An area with its readers; the area's id. Raises RuleBroken, NotFound."""
    name = checks.name("name", name, may_be_empty=False)
    wanted = select(area.c.id).where(area.c.community_id == edit.community_id, area.c.name == name)
    must_be_free(edit.connection.execute(wanted).scalar(), "name", f"area {name}")
    identity = new_id("z")
    edit.insert(
        area, id=identity, community_id=edit.community_id, name=name, passback=passback, forget_h=_hours(forget_h)
    )
    _place(edit, identity, entry, exit)
    edit.note("area", identity)
    edit.audit("area.add", area=name, passback=passback.value)
    return identity


def set_area(
    edit: Edit,
    name: str,
    *,
    entry: Sequence[str] | None = None,
    exit: Sequence[str] | None = None,
    passback: Passback | None = None,
    forget_h: int | None = None,
) -> None:
    """Change an area; readers named replace those of that side."""
    row = find_area(edit, name)
    hours = None if forget_h is None else _hours(forget_h)
    found = given({"passback": passback, "forget_h": hours})
    if found:
        edit.connection.execute(update(area).where(area.c.id == row.id).values(**found))
    for side, doors in ((AreaSide.ENTRY, entry), (AreaSide.EXIT, exit)):
        if doors is not None:
            _clear(edit, device.c.area_id == row.id, device.c.area_side == side)
    _place(edit, row.id, entry or (), exit or ())
    edit.note("area", row.id)
    edit.audit("area.set", area=row.name, changed=sorted(found))


def reset(edit: Edit, name: str) -> None:
    """Nobody is known to be inside or outside any more: the next reading counts as the first."""
    row = find_area(edit, name)
    edit.connection.execute(update(area).where(area.c.id == row.id).values(era=area.c.era + 1))
    edit.connection.execute(delete(whereabouts).where(whereabouts.c.area_id == row.id))
    edit.note("area", row.id)
    edit.audit("area.reset", area=row.name)


def remove(edit: Edit, name: str) -> None:
    """The area; its readers open as if there had been none."""
    row = find_area(edit, name)
    _clear(edit, device.c.area_id == row.id)
    edit.connection.execute(delete(area).where(area.c.id == row.id))
    edit.note("area", row.id)
    edit.audit("area.remove", area=row.name)


def find_area(scope: Scope, name: str) -> Any:
    """Raises NotFound."""
    wanted = select(area).where(area.c.community_id == scope.community_id, area.c.name == checks.name("area", name))
    row = scope.connection.execute(wanted).one_or_none()
    if row is None:
        raise NotFound(f"there is no area {name}")
    return row


def _hours(forget_h: int) -> int:
    if not 0 <= forget_h <= MAX_FORGET_H:
        raise RuleBroken("forget_h", "forget_h", f"{forget_h} is not a number of hours, 0 (never) to {MAX_FORGET_H}")
    return forget_h


def _place(edit: Edit, identity: str, entry: Sequence[str], exit: Sequence[str]) -> None:
    """A reader leads into one area or out of one, and goes one way."""
    for side, doors in ((AreaSide.ENTRY, entry), (AreaSide.EXIT, exit)):
        for door in doors:
            row = find_device(edit, door)
            if row.area_id is not None:
                raise RuleBroken(side.value, "reader_taken", f"{row.name} is a reader of an area already")
            placed = update(device).where(device.c.id == row.id).values(area_id=identity, area_side=side)
            edit.connection.execute(placed)
            edit.note("device", row.id)


def _clear(edit: Edit, *which: Any) -> None:
    freed = update(device).where(*which).values(area_id=None, area_side=None).returning(device.c.id)
    for identity in edit.connection.execute(freed).scalars().all():
        edit.note("device", identity)


def listed(scope: Reading) -> list[dict[str, Any]]:
    """Rows of `edge area list --json`."""
    readers: dict[tuple[str, AreaSide], list[str]] = {}
    query = select(device.c.area_id, device.c.area_side, device.c.name).where(device.c.area_id.is_not(None))
    for row in scope.connection.execute(query.order_by(device.c.name)):
        readers.setdefault((row.area_id, row.area_side), []).append(row.name)
    inside = (
        select(func.count())
        .where(whereabouts.c.area_id == area.c.id, whereabouts.c.inside, whereabouts.c.era == area.c.era)
        .scalar_subquery()
    )
    areas = select(area, inside.label("inside")).where(area.c.community_id == scope.community_id).order_by(area.c.name)
    return [
        {
            "id": row.id,
            "name": row.name,
            "passback": row.passback.value,
            "forget_h": row.forget_h,
            "entry": readers.get((row.id, AreaSide.ENTRY), []),
            "exit": readers.get((row.id, AreaSide.EXIT), []),
            "inside": row.inside,
        }
        for row in scope.connection.execute(areas)
    ]
