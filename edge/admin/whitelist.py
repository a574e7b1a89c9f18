"""Telephone numbers that may ring a door, and open it by calling. (An apartment's own whitelist is its flag.)"""

from typing import Any

from sqlalchemy import delete, select

from edge.admin.edit import Edit, NotFound, Reading
from edge.admin.find import must_be_free
from edge.core import checks
from edge.store.tables import caller_whitelist


def add(edit: Edit, typed: str, note: str = "") -> str:
    """The number as stored, E.164. Raises RuleBroken."""
    number = checks.phone("number", typed, country=edit.community.country)
    must_be_free(edit.connection.execute(_entry(edit, number)).scalar(), "number", number)
    edit.insert(caller_whitelist, community_id=edit.community_id, number=number, note=checks.name("note", note))
    edit.note("whitelist", number)
    edit.audit("whitelist.add", number=number)
    return number


def remove(edit: Edit, typed: str) -> None:
    number = checks.phone("number", typed, country=edit.community.country)
    if edit.connection.execute(_entry(edit, number)).scalar() is None:
        raise NotFound(f"{number} is not in the whitelist")
    edit.refuse_if_owned("whitelist", number)
    edit.connection.execute(
        delete(caller_whitelist).where(
            caller_whitelist.c.community_id == edit.community_id, caller_whitelist.c.number == number
        )
    )
    edit.note("whitelist", number)
    edit.audit("whitelist.remove", number=number)


def _entry(edit: Edit, number: str) -> Any:
    return select(caller_whitelist.c.number).where(
        caller_whitelist.c.community_id == edit.community_id, caller_whitelist.c.number == number
    )


def listed(scope: Reading) -> list[dict[str, Any]]:
    query = select(caller_whitelist.c.number, caller_whitelist.c.note)
    query = query.where(caller_whitelist.c.community_id == scope.community_id).order_by(caller_whitelist.c.number)
    return [dict(row._mapping) for row in scope.connection.execute(query)]
