"""Telephone numbers that may ring a door, and open it by calling. (An apartment's own whitelist is its flag.)"""

from typing import Any

from sqlalchemy import delete, select, update

from edge.admin.edit import Edit, NotFound, Reading
from edge.admin.find import find_device, must_be_free
from edge.core import checks
from edge.core.checks import RuleBroken
from edge.store.tables import caller_whitelist, device, relay
from models.access import UnlockMethod


def add(edit: Edit, typed: str, note: str = "", *, opens: str | None = None) -> str:
    """The number as stored, E.164. *opens*: a door that a call from it opens without being answered.

    Raises RuleBroken, NotFound.
    """
    number = checks.phone("number", typed, country=edit.community.country)
    must_be_free(edit.connection.execute(_entry(edit, number)).scalar(), "number", number)
    door = None if opens is None else _opened(edit, opens)
    edit.insert(
        caller_whitelist, community_id=edit.community_id, number=number, note=checks.name("note", note),
        opens_device_id=door,
    )  # fmt: skip
    edit.note("whitelist", number)
    edit.audit("whitelist.add", number=number, device=door)
    return number


def set_number(edit: Edit, typed: str, *, note: str | None = None, opens: str | None = None) -> None:
    """Change an entry; *opens* "" takes the door away. Raises NotFound, RuleBroken."""
    number = _existing(edit, typed)
    found: dict[str, Any] = {} if note is None else {"note": checks.name("note", note)}
    if opens is not None:
        found["opens_device_id"] = _opened(edit, opens) if opens else None
    if found:
        edit.connection.execute(update(caller_whitelist).where(*_own(edit, number)).values(**found))
        edit.note("whitelist", number)
        edit.audit("whitelist.set", number=number, device=found.get("opens_device_id"))


def _opened(edit: Edit, door: str) -> str:
    """A caller's number can be forged, so only a relay that telephones open anyway is opened so."""
    row = find_device(edit, door)
    relays = select(relay.c.methods).where(relay.c.device_id == row.id, relay.c.enabled, ~relay.c.security)
    if not any(UnlockMethod.DTMF in methods for methods in edit.connection.execute(relays).scalars()):
        raise RuleBroken("opens", "no_dtmf", f"{row.name} has no enabled relay that lists dtmf")
    return str(row.id)


def _existing(edit: Edit, typed: str) -> str:
    number = checks.phone("number", typed, country=edit.community.country)
    if edit.connection.execute(_entry(edit, number)).scalar() is None:
        raise NotFound(f"{number} is not in the whitelist")
    edit.refuse_if_owned("whitelist", number)
    return number


def _own(edit: Edit, number: str) -> tuple[Any, Any]:
    return caller_whitelist.c.community_id == edit.community_id, caller_whitelist.c.number == number


def remove(edit: Edit, typed: str) -> None:
    """Raises NotFound."""
    number = _existing(edit, typed)
    edit.connection.execute(delete(caller_whitelist).where(*_own(edit, number)))
    edit.note("whitelist", number)
    edit.audit("whitelist.remove", number=number)


def _entry(edit: Edit, number: str) -> Any:
    return select(caller_whitelist.c.number).where(*_own(edit, number))


def listed(scope: Reading) -> list[dict[str, Any]]:
    """Rows of `edge whitelist list --json`."""
    query = select(caller_whitelist.c.number, caller_whitelist.c.note, device.c.name.label("opens"))
    query = query.join(device, device.c.id == caller_whitelist.c.opens_device_id, isouter=True)
    query = query.where(caller_whitelist.c.community_id == scope.community_id).order_by(caller_whitelist.c.number)
    return [dict(row._mapping) for row in scope.connection.execute(query)]
