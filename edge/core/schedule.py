"""Weekly schedules and whole days in the community's time zone (decision 11).

A row speaks of the wall clock. An instant has exactly one wall time, so on summer-time nights both passes of the
doubled hour are inside a row that covers it, and the skipped hour never happens, without a special case.
"""

import re
from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from models.schedule import MINUTES_A_DAY, Schedule, WeeklyRow

DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MAX_ROWS: Final = 200
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_ROW: Final = re.compile(r"([a-z]{3})(?:-([a-z]{3}))?\s+(\d{2}):(\d{2})-(\d{2}):(\d{2})", re.ASCII)


def wall_clock(at_ms: int, time_zone: str) -> datetime:
    """Local time at *at_ms* (Unix milliseconds); an instant before year 1 or after 9999 is taken as that end."""
    zone = ZoneInfo(time_zone)  # cached by the library
    try:
        return (_EPOCH + timedelta(milliseconds=at_ms)).astimezone(zone)
    except OverflowError:
        return datetime.min.replace(tzinfo=zone) if at_ms < 0 else datetime.max.replace(tzinfo=zone)


def inside(schedule: Schedule, time_zone: str, at_ms: int) -> bool:
    """Whether *at_ms* (Unix milliseconds) is in one of the rows. No rows: never."""
    if not schedule.rows:
        return False
    local = wall_clock(at_ms, time_zone)
    weekday, minute = local.weekday(), local.hour * 60 + local.minute
    return any(_row_covers(row, weekday, minute) for row in schedule.rows)


def _row_covers(row: WeeklyRow, weekday: int, minute: int) -> bool:
    if row.to_minute > row.from_minute:
        return weekday == row.weekday and row.from_minute <= minute < row.to_minute
    # Into the next day: the evening belongs to the row's day, the small hours to the day after.
    return (weekday == row.weekday and minute >= row.from_minute) or (
        weekday == (row.weekday + 1) % 7 and minute < row.to_minute
    )


def day_bounds_ms(day: date, time_zone: str) -> tuple[int, int]:
    """[from, until) of *day* in *time_zone*, Unix milliseconds: 23 or 25 hours on summer-time nights."""
    zone = ZoneInfo(time_zone)
    start = datetime.combine(day, time(), zone)
    end = datetime.combine(day + timedelta(days=1), time(), zone)
    return _unix_ms(start), _unix_ms(end)


def _unix_ms(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(milliseconds=1)


def parse_week(text: str) -> tuple[WeeklyRow, ...]:
    """Rows of ``mon 08:00-18:00; mon-fri 19:00-20:00; sat 22:00-02:00``. Blank text: no rows, which is never.

    Raises ValueError naming the part that is wrong.
    """
    parts = [part.strip() for part in text.lower().split(";")]
    rows = tuple(row for part in parts if part for row in _parse_part(part))
    if len(rows) > MAX_ROWS:
        raise ValueError(f"a week has at most {MAX_ROWS} rows, this one has {len(rows)}")
    return rows


def _parse_part(part: str) -> Iterable[WeeklyRow]:
    match = _ROW.fullmatch(part)
    if match is None:
        raise ValueError(f"{part!r} is not a weekly row: one looks like 'mon 08:00-18:00' or 'mon-fri 08:00-18:00'")
    first, last, *clock = match.groups()
    for day in filter(None, (first, last)):
        if day not in DAYS:
            raise ValueError(f"{day!r} in {part!r} is not a weekday: {', '.join(DAYS)}")
    hours_from, minutes_from, hours_to, minutes_to = map(int, clock)
    from_minute, to_minute = hours_from * 60 + minutes_from, hours_to * 60 + minutes_to
    if minutes_from > 59 or minutes_to > 59 or from_minute >= MINUTES_A_DAY or to_minute > MINUTES_A_DAY:
        raise ValueError(f"{part!r} names no time of day: 00:00-23:59, and 24:00 as an end")
    start = DAYS.index(first)
    days = (DAYS.index(last) - start) % 7 + 1 if last else 1
    return [WeeklyRow((start + n) % 7, from_minute, to_minute) for n in range(days)]


def render_week(rows: Iterable[WeeklyRow]) -> str:
    """The text that `parse_week` reads."""
    return "; ".join(f"{DAYS[r.weekday]} {_hhmm(r.from_minute)}-{_hhmm(r.to_minute)}" for r in rows)


def _hhmm(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"
