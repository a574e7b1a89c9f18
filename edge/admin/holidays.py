"""The community's holidays: days on which schedules that know holidays have hours of their own."""

from typing import Any, Final

from sqlalchemy import delete, func, select

from edge.admin.edit import Edit, NotFound, Reading
from edge.admin.find import must_be_free
from edge.core import checks
from edge.core.checks import RuleBroken
from edge.core.schedule import parse_holiday
from edge.store.tables import holiday

MAX_HOLIDAYS: Final = 1_000


def add(edit: Edit, typed: str, name: str = "") -> str:
    """A single day (2026-04-06), or one of every year (12-25). The day as stored. Raises RuleBroken."""
    day = _parsed(typed)
    must_be_free(edit.connection.execute(_entry(edit, day)).scalar(), "day", f"the holiday {day}")
    count = select(func.count()).where(holiday.c.community_id == edit.community_id)
    if edit.connection.execute(count).scalar_one() >= MAX_HOLIDAYS:
        raise RuleBroken("day", "too_many", f"there are {MAX_HOLIDAYS} holidays already")
    edit.insert(holiday, community_id=edit.community_id, day=day, name=checks.name("name", name))
    edit.note("holiday", day)
    edit.audit("holiday.add", day=day)
    return day


def remove(edit: Edit, typed: str) -> None:
    """Raises NotFound."""
    day = _parsed(typed)
    if edit.connection.execute(_entry(edit, day)).scalar() is None:
        raise NotFound(f"{day} is no holiday")
    own = (holiday.c.community_id == edit.community_id, holiday.c.day == day)
    edit.connection.execute(delete(holiday).where(*own))
    edit.note("holiday", day)
    edit.audit("holiday.remove", day=day)


def _parsed(typed: str) -> str:
    try:
        return parse_holiday(typed.strip())
    except ValueError as error:
        raise RuleBroken("day", "holiday", str(error)) from error


def _entry(edit: Edit, day: str) -> Any:
    return select(holiday.c.day).where(holiday.c.community_id == edit.community_id, holiday.c.day == day)


def listed(scope: Reading) -> list[dict[str, Any]]:
    """Rows of `edge holiday list --json`."""
    query = select(holiday.c.day, holiday.c.name).where(holiday.c.community_id == scope.community_id)
    return [dict(row._mapping) for row in scope.connection.execute(query.order_by(holiday.c.day))]
