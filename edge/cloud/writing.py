"""Carrying out a plan, a table at a time, inside one transaction."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice
from typing import Any, Final

from sqlalchemy import Connection, Update, and_, bindparam, case, delete, select, update

from edge.admin.edit import Edit
from edge.cloud import rekey
from edge.cloud.local import COMMUNITY, IDS, PARTS, PARTS_OF, SYNC_ITEM, TABLES
from edge.cloud.plan import Plan
from edge.cloud.things import COLUMNS, Row, Thing, Value
from edge.cloud.wire import KINDS
from edge.store.accounts import device_numbers, new_device_secrets, new_resident_secrets, resident_numbers
from edge.store.tables import binding, device, mac_library, resident, resident_apartment
from edge.store.upsert import upsert
from models.ids import DeviceId, ResidentId
from models.service import Role

MAX_NOTED: Final = 2_000
"""More changed things than this are noted as one: who follows reads everything anew either way."""

_IDS_AT_ONCE: Final = 500
_VALUES_A_STATEMENT: Final = 10_000  # SQLite takes 32,766, PostgreSQL 65,535
_FIRST: Final = ("request", "credential", "whitelist", "relay", "resident", "device")
"""What goes before anything is written; the others go after it, when nothing of theirs is left."""

_LAST: Final = ("apartment", "building", "schedule", "mac")


def carry_out(edit: Edit, plan: Plan) -> None:
    """Write *plan* in the transaction of *edit*, whose state it was made from. Raises IntegrityError."""
    for kind, key in plan.set_aside:
        rekey.set_aside(edit, kind, key)
    for kind, old, new in plan.taken_over:
        rekey.take_over(edit, kind, old, new)
    for kind in _FIRST:
        _remove(edit, kind, plan.gone[kind])
    for person, home in plan.demoted:
        here = (resident_apartment.c.resident_id == person) & (resident_apartment.c.apartment_id == home)
        edit.connection.execute(update(resident_apartment).where(here).values(role=Role.MEMBER))
    for kind in KINDS:
        _write(edit, kind, plan)
    for kind in _LAST:
        _remove(edit, kind, plan.gone[kind])
    rekey.forget_spare_macs(edit)
    _note(edit, plan)


def write_down(connection: Connection, community_id: str, plan: Plan) -> None:
    """What the central store owns from now on, and since which revision."""
    c = SYNC_ITEM.c
    for kind, keys in plan.gone.items():
        for some in _some(keys):
            connection.execute(delete(SYNC_ITEM).where(c.community_id == community_id, c.kind == kind, c.id.in_(some)))
    columns = ("community_id", "kind", "id", "rev", "central_id", "uses")
    rows = (
        (community_id, thing.kind, thing.key, thing.rev, "" if thing.id == thing.key else thing.id, thing.uses)
        for thing in plan.known
    )
    _insert(connection, "sync_item", columns, rows, replacing=("community_id", "kind", "id"))


def _some(keys: Iterable[str]) -> Iterator[list[str]]:
    every = list(keys)
    return (every[start : start + _IDS_AT_ONCE] for start in range(0, len(every), _IDS_AT_ONCE))


def _insert(
    connection: Connection, name: str, columns: Sequence[str], rows: Iterable[Row], *, replacing: Sequence[str] = ()
) -> None:
    """Rows as they are in the table, or, where one of the same key *replacing* is there, instead of it."""
    mark = "%s" if connection.dialect.name == "postgresql" else "?"
    values = f"({', '.join(mark for _ in columns)})"
    ending = ""
    if replacing:
        others = ", ".join(f"{each} = excluded.{each}" for each in columns if each not in replacing)
        ending = f" ON CONFLICT ({', '.join(replacing)}) DO UPDATE SET {others}"
    at_once = _VALUES_A_STATEMENT // len(columns)
    coming = iter(rows)
    while some := list(islice(coming, at_once)):
        # One statement for many rows: the driver takes and gives the interpreter's lock for each statement.
        statement = f"INSERT INTO {name} ({', '.join(columns)}) VALUES {', '.join([values] * len(some))}{ending}"  # noqa: S608  # names of ours
        connection.exec_driver_sql(statement, tuple(chain.from_iterable(some)))


# --- taking away -----------------------------------------------------------------------------------------------------


def _remove(edit: Edit, kind: str, keys: Iterable[str]) -> None:
    of = TABLES[kind]
    for some in _some(keys):
        if kind in ("resident", "device"):
            _forget_bindings(edit, kind, some)
        where: list[Any] = [of.c[IDS[kind]].in_(some)]
        if IDS[kind] != "id":
            where.append(of.c.community_id == edit.community_id)
        if kind == "mac":  # a MAC that a device has stays in the library
            where.append(of.c.mac.not_in(select(device.c.mac).where(device.c.community_id == edit.community_id)))
        edit.connection.execute(delete(of).where(and_(*where)))


def _forget_bindings(edit: Edit, kind: str, keys: Sequence[str]) -> None:
    """Who is gone is registered no more."""
    of = resident if kind == "resident" else device
    users = select(of.c.sip_user).where(of.c.id.in_(keys))
    edit.connection.execute(
        delete(binding).where(binding.c.community_id == edit.community_id, binding.c.sip_user.in_(users))
    )


# --- writing ---------------------------------------------------------------------------------------------------------


def _write(edit: Edit, kind: str, plan: Plan) -> None:
    new, changed = plan.new[kind], plan.changed[kind]
    if kind == "community":
        for thing in changed:
            told = dict(zip(thing.columns, thing.row, strict=True))
            edit.connection.execute(update(COMMUNITY).where(COMMUNITY.c.id == edit.community_id).values(told))
        return
    if kind == "device":
        _bring_macs(edit, (*new, *changed))
    if kind == "relay":  # nothing hangs on one, so that numbers may change places
        _remove(edit, kind, [thing.key for thing in changed])
        new, changed = [*new, *changed], []
    if new:
        columns, rows = _new_rows(edit, kind, new)
        _insert(edit.connection, TABLES[kind].name, columns, rows)
    if changed and COLUMNS[kind]:
        _change(edit, kind, changed, plan.recounted)
    for name in PARTS_OF.get(kind, ()):
        _write_parts(edit.connection, name, new, changed)


def _bring_macs(edit: Edit, devices: Sequence[Thing]) -> None:
    """A device that the central store sends brings its MAC into the library."""
    rows = [{"community_id": edit.community_id, "mac": thing.row[0], "added_at_ms": edit.now_ms} for thing in devices]
    known = select(mac_library.c.mac).where(mac_library.c.community_id == edit.community_id)
    there = set(edit.connection.execute(known).scalars())
    upsert(edit.connection, mac_library, [row for row in rows if row["mac"] not in there])


def _new_rows(edit: Edit, kind: str, new: Sequence[Thing]) -> tuple[tuple[str, ...], Iterator[Row]]:
    """Columns of the table, and a row of them for each new thing."""
    owner = edit.community_id
    before, after = _BESIDE[kind]
    names = (*before, *COLUMNS[kind], *after)
    if kind == "device":
        users = device_numbers(edit.connection, owner)
        return names, (_device_row(edit, thing, next(users)) for thing in new)
    if kind == "resident":
        users = resident_numbers(edit.connection, owner)
        return names, (_resident_row(edit, thing, next(users)) for thing in new)
    if kind == "credential":
        at = edit.now_ms
        return names, ((thing.key, owner, *thing.row, thing.uses, thing.sealed, "", at) for thing in new)
    values: Mapping[str, tuple[Value, ...]] = {"apartment": (None, "sip", False), "mac": (edit.now_ms,)}
    mine = () if kind == "relay" else (owner,)
    return names, ((thing.key, *mine, *thing.row, *values.get(kind, ())) for thing in new)


def _device_row(edit: Edit, thing: Thing, user: str) -> Row:
    sealed = new_device_secrets(edit.vault, DeviceId(thing.key))
    return (
        thing.key, edit.community_id, *thing.row, user, sealed["sip_password"], sealed["mqtt_password"], False,
    )  # fmt: skip


def _resident_row(edit: Edit, thing: Thing, user: str) -> Row:
    sealed = new_resident_secrets(edit.vault, ResidentId(thing.key))
    return (thing.key, edit.community_id, *thing.row, user, sealed["sip_password"], False)


_BESIDE: Final[Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]]] = {
    "mac": (("mac", "community_id"), ("added_at_ms",)),
    "schedule": (("id", "community_id"), ()),
    "building": (("id", "community_id"), ()),
    "apartment": (("id", "community_id"), ("service_since_ms", "connection", "armed")),
    "device": (
        ("id", "community_id"),
        ("sip_user", "sip_password", "mqtt_password", "arming"),
    ),
    "relay": (("id",), ()),
    "resident": (("id", "community_id"), ("sip_user", "sip_password", "app_registered")),
    "credential": (("id", "community_id"), ("uses_left", "sealed", "pepper_id", "created_at_ms")),
    "whitelist": (("number", "community_id"), ()),
    "request": (("id", "community_id"), ()),
}
"""Columns of a new row before and after COLUMNS."""


def _change(edit: Edit, kind: str, changed: Sequence[Thing], recounted: set[str]) -> None:
    values = [{**_told(kind, thing), "k": thing.key} for thing in changed]
    edit.connection.execute(_update(edit, kind), values)
    counts = [{"k": thing.key, "uses": thing.uses} for thing in changed if thing.key in recounted]
    if counts:
        of = TABLES["credential"]
        edit.connection.execute(update(of).where(of.c.id == bindparam("k")).values(uses_left=bindparam("uses")), counts)


def _told(kind: str, thing: Thing) -> dict[str, Value]:
    told: dict[str, Value] = {f"v_{name}": value for name, value in zip(COLUMNS[kind], thing.row, strict=True)}
    if kind == "credential":
        told["v_sealed"] = thing.sealed
    if kind == "apartment":
        told["service_now"] = told["v_service"]
    return told


def _update(edit: Edit, kind: str) -> Update:
    of = TABLES[kind]
    values: dict[str, Any] = {name: bindparam(f"v_{name}") for name in COLUMNS[kind]}
    if kind == "credential":
        values |= {"sealed": bindparam("v_sealed"), "pepper_id": ""}
    if kind == "apartment":
        same = of.c.service == bindparam("service_now")
        values["service_since_ms"] = case((same, of.c.service_since_ms), else_=edit.now_ms)
    statement = update(of).where(of.c[IDS[kind]] == bindparam("k"))
    if IDS[kind] != "id":
        statement = statement.where(of.c.community_id == edit.community_id)
    return statement.values(values)


def _write_parts(connection: Connection, name: str, new: Sequence[Thing], changed: Sequence[Thing]) -> None:
    """The rows that hang on things, anew: those of all of them go before the first comes, so that places may change."""
    of, owner, columns = PARTS[name]
    for some in _some(thing.key for thing in changed if name in thing.parts):
        connection.execute(delete(of).where(of.c[owner].in_(some)))
    rows = ((thing.key, *row) for things in (new, changed) for thing in things for row in thing.parts.get(name, ()))
    _insert(connection, of.name, (owner, *columns), rows)


def _note(edit: Edit, plan: Plan) -> None:
    keys = [(kind, thing.key) for of in (plan.new, plan.changed) for kind, things in of.items() for thing in things]
    keys += [(kind, key) for kind, gone in plan.gone.items() for key in gone]
    if len(keys) > MAX_NOTED:
        keys = [("sync", edit.community_id)]
    for kind, key in keys:
        edit.note(kind, key)
