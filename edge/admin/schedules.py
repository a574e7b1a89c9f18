"""Weekly schedules of credentials."""

from typing import Any

from sqlalchemy import delete, func, insert, select

from edge.admin.edit import Edit, Reading
from edge.admin.find import find_schedule, must_be_free
from edge.core import checks
from edge.core.checks import RuleBroken
from edge.core.schedule import parse_week, render_week
from edge.store.tables import credential, schedule, schedule_row
from models.ids import ScheduleId, new_id
from models.schedule import WeeklyRow


def add(edit: Edit, name: str, week: str) -> ScheduleId:
    """*week* as in `edge.core.schedule.parse_week`; blank = never. Raises RuleBroken."""
    name = checks.name("name", name, may_be_empty=False)
    wanted = select(schedule.c.id).where(schedule.c.community_id == edit.community_id, schedule.c.name == name)
    must_be_free(edit.connection.execute(wanted).scalar(), "name", f"schedule {name}")
    rows = parsed(week)
    identity = ScheduleId(new_id("s"))
    edit.insert(schedule, id=identity, community_id=edit.community_id, name=name)
    _write_rows(edit, identity, rows)
    edit.note("schedule", identity)
    edit.audit("schedule.add", schedule=name, week=render_week(rows))
    return identity


def set_schedule(edit: Edit, name: str, week: str) -> None:
    row = find_schedule(edit, name)
    edit.refuse_if_owned("schedule", row.id)
    rows = parsed(week)
    edit.connection.execute(delete(schedule_row).where(schedule_row.c.schedule_id == row.id))
    _write_rows(edit, row.id, rows)
    edit.note("schedule", row.id)
    edit.audit("schedule.set", schedule=row.name, week=render_week(rows))


def parsed(week: str) -> tuple[WeeklyRow, ...]:
    try:
        return parse_week(week)
    except ValueError as error:
        raise RuleBroken("week", "week", str(error)) from error


def _write_rows(edit: Edit, identity: str, rows: tuple[WeeklyRow, ...]) -> None:
    values = [
        {"schedule_id": identity, "weekday": weekday, "from_minute": start, "to_minute": end}
        for weekday, start, end in sorted({(row.weekday, row.from_minute, row.to_minute) for row in rows})
    ]
    if values:
        edit.connection.execute(insert(schedule_row), values)


def remove(edit: Edit, name: str) -> None:
    """Raises RuleBroken while a credential uses it: without a schedule it would open always."""
    row = find_schedule(edit, name)
    edit.refuse_if_owned("schedule", row.id)
    users = select(func.count()).where(credential.c.schedule_id == row.id)
    count = edit.connection.execute(users).scalar_one()
    if count:
        raise RuleBroken("name", "in_use", f"{count} credentials use the schedule {row.name}")
    edit.connection.execute(delete(schedule).where(schedule.c.id == row.id))
    edit.note("schedule", row.id)
    edit.audit("schedule.remove", schedule=row.name)


def listed(scope: Reading) -> list[dict[str, Any]]:
    """Rows of `edge schedule list --json`."""
    weeks: dict[str, list[WeeklyRow]] = {}
    order = (schedule_row.c.weekday, schedule_row.c.from_minute, schedule_row.c.to_minute)
    for row in scope.connection.execute(select(schedule_row).order_by(*order)):
        weeks.setdefault(row.schedule_id, []).append(WeeklyRow(row.weekday, row.from_minute, row.to_minute))
    query = select(schedule).where(schedule.c.community_id == scope.community_id).order_by(schedule.c.name)
    return [
        {"id": row.id, "name": row.name, "week": render_week(weeks.get(row.id, []))}
        for row in scope.connection.execute(query)
    ]
