"""Schedules of credentials, relays and doors."""

from datetime import date
from typing import Any, Final

from sqlalchemy import delete, func, insert, select

from edge.admin.edit import Edit, Reading
from edge.admin.find import find_schedule, must_be_free
from edge.core import checks
from edge.core.checks import RuleBroken
from edge.core.schedule import HOLIDAY, Hours, parse_hours, render_hours
from edge.store.tables import credential, device, relay, schedule, schedule_day, schedule_row
from models.ids import ScheduleId, new_id
from models.schedule import Span, WeeklyRow

_USERS: Final = (
    ("credentials", credential.c.schedule_id),
    ("relays", relay.c.schedule_id),
    ("doors", device.c.schedule_id),
    ("doors that it holds open", device.c.open_schedule_id),
)
"""What may name a schedule: without it each of them would always open."""


def add(edit: Edit, name: str, week: str) -> ScheduleId:
    """*week* as in `edge.core.schedule.parse_hours`; blank = never. Raises RuleBroken."""
    name = checks.name("name", name, may_be_empty=False)
    wanted = select(schedule.c.id).where(schedule.c.community_id == edit.community_id, schedule.c.name == name)
    must_be_free(edit.connection.execute(wanted).scalar(), "name", f"schedule {name}")
    hours = parsed(week)
    identity = ScheduleId(new_id("s"))
    edit.insert(schedule, id=identity, community_id=edit.community_id, name=name)
    _write(edit, identity, hours)
    edit.note("schedule", identity)
    edit.audit("schedule.add", schedule=name, week=render_hours(hours))
    return identity


def set_schedule(edit: Edit, name: str, week: str) -> None:
    row = find_schedule(edit, name)
    edit.refuse_if_owned("schedule", row.id)
    hours = parsed(week)
    for table in (schedule_row, schedule_day):
        edit.connection.execute(delete(table).where(table.c.schedule_id == row.id))
    _write(edit, row.id, hours)
    edit.note("schedule", row.id)
    edit.audit("schedule.set", schedule=row.name, week=render_hours(hours))


def parsed(week: str) -> Hours:
    try:
        return parse_hours(week)
    except ValueError as error:
        raise RuleBroken("week", "week", str(error)) from error


def _write(edit: Edit, identity: str, hours: Hours) -> None:
    rows = [
        {"schedule_id": identity, "weekday": weekday, "from_minute": start, "to_minute": end}
        for weekday, start, end in sorted({(row.weekday, row.from_minute, row.to_minute) for row in hours.rows})
    ]
    special = {day.isoformat(): spans for day, spans in hours.days.items()}
    if hours.holiday is not None:
        special[HOLIDAY] = hours.holiday
    days = [
        {"schedule_id": identity, "day": day, "spans": [[span.from_minute, span.to_minute] for span in spans]}
        for day, spans in special.items()
    ]
    for table, values in ((schedule_row, rows), (schedule_day, days)):
        if values:
            edit.connection.execute(insert(table), values)


def remove(edit: Edit, name: str) -> None:
    """Raises RuleBroken while something uses it: without a schedule it would open always."""
    row = find_schedule(edit, name)
    edit.refuse_if_owned("schedule", row.id)
    for users, column in _USERS:
        count = edit.connection.execute(select(func.count()).where(column == row.id)).scalar_one()
        if count:
            raise RuleBroken("name", "in_use", f"{count} {users} use the schedule {row.name}")
    edit.connection.execute(delete(schedule).where(schedule.c.id == row.id))
    edit.note("schedule", row.id)
    edit.audit("schedule.remove", schedule=row.name)


def listed(scope: Reading) -> list[dict[str, Any]]:
    """Rows of `edge schedule list --json`."""
    weeks: dict[str, list[WeeklyRow]] = {}
    order = (schedule_row.c.weekday, schedule_row.c.from_minute, schedule_row.c.to_minute)
    for row in scope.connection.execute(select(schedule_row).order_by(*order)):
        weeks.setdefault(row.schedule_id, []).append(WeeklyRow(row.weekday, row.from_minute, row.to_minute))
    special: dict[str, dict[str, tuple[Span, ...]]] = {}
    for row in scope.connection.execute(select(schedule_day).order_by(schedule_day.c.day)):
        special.setdefault(row.schedule_id, {})[row.day] = tuple(Span(*span) for span in row.spans)
    query = select(schedule).where(schedule.c.community_id == scope.community_id).order_by(schedule.c.name)
    return [
        {"id": row.id, "name": row.name, "week": _rendered(weeks.get(row.id, []), special.get(row.id, {}))}
        for row in scope.connection.execute(query)
    ]


def _rendered(rows: list[WeeklyRow], special: dict[str, tuple[Span, ...]]) -> str:
    days = {date.fromisoformat(day): spans for day, spans in special.items() if day != HOLIDAY}
    return render_hours(Hours(tuple(rows), special.get(HOLIDAY), days))
