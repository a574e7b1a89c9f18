"""Groups of doors, to narrow credentials to several at once."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import delete, func, insert, select, update

from edge.admin.edit import Edit, Reading
from edge.admin.find import find_device, find_door_group, must_be_free
from edge.core import checks
from edge.core.checks import RuleBroken
from edge.store.tables import credential_door_group, device, door_group, door_group_member
from models.ids import new_id


def add(edit: Edit, name: str, doors: Sequence[str] = ()) -> str:
    """A group with these doors; the group's id. Raises RuleBroken, NotFound."""
    name = _free_name(edit, name)
    identity = new_id("g")
    edit.insert(door_group, id=identity, community_id=edit.community_id, name=name)
    _write(edit, identity, doors)
    edit.note("door_group", identity)
    edit.audit("group.add", group=name, doors=list(doors))
    return identity


def set_group(edit: Edit, name: str, *, new_name: str | None = None, doors: Sequence[str] | None = None) -> None:
    """Another name, other doors. A credential narrowed to the group follows at once."""
    row = find_door_group(edit, name)
    if new_name is not None:
        named = update(door_group).where(door_group.c.id == row.id).values(name=_free_name(edit, new_name, row.id))
        edit.connection.execute(named)
    if doors is not None:
        edit.connection.execute(delete(door_group_member).where(door_group_member.c.group_id == row.id))
        _write(edit, row.id, doors)
    edit.note("door_group", row.id)
    edit.audit("group.set", group=new_name or row.name, doors=None if doors is None else list(doors))


def remove(edit: Edit, name: str) -> None:
    """Raises RuleBroken while a credential is narrowed to it: without the group it would open every door."""
    row = find_door_group(edit, name)
    users = select(func.count()).where(credential_door_group.c.group_id == row.id)
    count = edit.connection.execute(users).scalar_one()
    if count:
        raise RuleBroken("name", "in_use", f"{count} credentials are narrowed to the group {row.name}")
    edit.connection.execute(delete(door_group).where(door_group.c.id == row.id))
    edit.note("door_group", row.id)
    edit.audit("group.remove", group=row.name)


def _free_name(edit: Edit, typed: str, own: str = "") -> str:
    name = checks.name("name", typed, may_be_empty=False)
    if "," in name:
        raise RuleBroken("name", "group_name", "must not hold a comma, which stands between doors")
    wanted = select(door_group.c.id).where(
        door_group.c.community_id == edit.community_id, door_group.c.name == name, door_group.c.id != own
    )
    must_be_free(edit.connection.execute(wanted).scalar(), "name", f"group {name}")
    return name


def _write(edit: Edit, identity: str, doors: Sequence[str]) -> None:
    found = dict.fromkeys(find_device(edit, door).id for door in doors)
    if found:
        rows = [{"group_id": identity, "device_id": door} for door in found]
        edit.connection.execute(insert(door_group_member), rows)


def listed(scope: Reading) -> list[dict[str, Any]]:
    """Rows of `edge group list --json`."""
    members: dict[str, list[str]] = {}
    query = select(door_group_member.c.group_id, device.c.mac).join(device).order_by(device.c.name, device.c.mac)
    for row in scope.connection.execute(query):
        members.setdefault(row.group_id, []).append(row.mac)
    groups = select(door_group).where(door_group.c.community_id == scope.community_id).order_by(door_group.c.name)
    return [
        {"id": row.id, "name": row.name, "doors": members.get(row.id, [])} for row in scope.connection.execute(groups)
    ]
