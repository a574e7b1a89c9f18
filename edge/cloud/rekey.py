"""Taking over what was made here: the thing gets the central store's id, and keeps everything that hangs on it."""

import secrets
from collections.abc import Iterator, Mapping
from typing import Any, Final

from sqlalchemy import Column, Table, delete, insert, select, update

from edge.admin.edit import Edit
from edge.store.accounts import allocate_device_number, allocate_resident_number
from edge.store.tables import (
    apartment,
    building,
    credential_door,
    device,
    lockout,
    mac_library,
    relay,
    resident,
    schedule,
)
from models.tables.base import metadata

_TABLES: Final = {
    "building": building, "apartment": apartment, "schedule": schedule, "device": device, "relay": relay,
    "resident": resident,
}  # fmt: skip
_LOOSE: Final[Mapping[str, tuple[Column[Any], ...]]] = {
    "device": (credential_door.c.device_id,),
    "apartment": (lockout.c.apartment_id,),
}
"""Columns that name a thing without a foreign key, because they outlive it."""

_SEALED: Final = {"device": ("sip_password", "mqtt_password"), "resident": ("sip_password",)}
_ASIDE: Final[Mapping[str, str]] = {"building": "name", "schedule": "name", "apartment": "number"}


def set_aside(edit: Edit, kind: str, key: str) -> None:
    """Free the name of a thing that will get another one, or go, in this transaction."""
    if kind in _ASIDE:
        of = _TABLES[kind]
        # No name that is typed begins so, and none is as long.
        edit.connection.execute(update(of).where(of.c.id == key).values({_ASIDE[kind]: f"~{secrets.token_hex(16)}"}))
    elif kind == "device":
        spare = _spare_mac(edit)
        edit.connection.execute(update(device).where(device.c.id == key).values(mac=spare, works_offline=False))


def forget_spare_macs(edit: Edit) -> None:
    """Take away the MACs that `set_aside` made; nothing has them any more at the end."""
    mine = mac_library.c.community_id == edit.community_id
    edit.connection.execute(delete(mac_library).where(mine, mac_library.c.mac.like(f"{_SPARE}%")))


_SPARE: Final = "ffff"  # a group address, which no library takes from a person


def _spare_mac(edit: Edit) -> str:
    spare = _SPARE + secrets.token_hex(4)
    edit.insert(mac_library, community_id=edit.community_id, mac=spare, added_at_ms=edit.now_ms)
    return spare


def take_over(edit: Edit, kind: str, old: str, new: str) -> None:
    """Call the thing *old* by the id *new* from now on, wherever it is named but in history."""
    of = _TABLES[kind]
    before = edit.connection.execute(select(of).where(of.c.id == old)).one()._asdict()
    set_aside(edit, kind, old)
    if kind == "device":
        _other_number(edit, old)
    if kind == "relay":  # nothing hangs on one, and its number must be free
        edit.connection.execute(delete(relay).where(relay.c.id == old))
    elif kind == "resident":
        before["sip_user"] = _swap_user(edit, old, before["sip_user"])
    edit.connection.execute(insert(of).values(**before | _resealed(edit, kind, before, new) | {"id": new}))
    for column in _naming(of, kind):
        edit.connection.execute(update(column.table).where(column == old).values({column.name: new}))
    edit.connection.execute(delete(of).where(of.c.id == old))
    edit.note(kind, old)
    edit.note(kind, new)


def _other_number(edit: Edit, key: str) -> None:
    number = allocate_device_number(edit.connection, edit.community_id)
    edit.connection.execute(update(device).where(device.c.id == key).values(sip_user=number))


def _swap_user(edit: Edit, key: str, user: str) -> str:
    """Free the app's number for the row that will have it."""
    spare = allocate_resident_number(edit.connection, edit.community_id)
    edit.connection.execute(update(resident).where(resident.c.id == key).values(sip_user=spare))
    return user


def _resealed(edit: Edit, kind: str, row: Mapping[str, Any], new: str) -> dict[str, bytes]:
    """A sealed password opens in its own row only."""
    return {
        name: edit.vault.seal(
            edit.vault.unseal(bytes(row[name]), table=kind, column=name, row=row["id"]),
            table=kind,
            column=name,
            row=new,
        )
        for name in _SEALED.get(kind, ())
    }


def _naming(of: Table, kind: str) -> Iterator[Column[Any]]:
    """Every column that names a thing of the table *of*."""
    for each in metadata.sorted_tables:
        for key in each.foreign_keys:
            if key.column is of.c.id:
                yield key.parent
    yield from _LOOSE.get(kind, ())
