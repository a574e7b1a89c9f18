"""Schedules and whole days in the community's time zone (decision 11).

A day has one programme: its one-off hours, else the holiday's, else its weekday's. A row speaks of the wall clock. An
instant has exactly one wall time, so on summer-time nights both passes of the
doubled hour are inside a row that covers it, and the skipped hour never happens, without a special case.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from models.schedule import MINUTES_A_DAY, NO_HOLIDAYS, Holidays, Schedule, Span, WeeklyRow

DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
HOLIDAY: Final = "hol"
CLOSED: Final = "closed"
ALWAYS: Final = "always"
NEVER: Final = "never"
MAX_ROWS: Final = 200
MAX_DAYS: Final = 400
MAX_SPANS_A_DAY: Final = 24
_EVERY_DAY: Final = "mon-sun 00:00-24:00"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_ROW: Final = re.compile(r"([a-z]{3})(?:-([a-z]{3}))?\s+(\d{2}):(\d{2})-(\d{2}):(\d{2})", re.ASCII)
_DAY: Final = re.compile(r"(hol|\d{4}-\d{2}-\d{2})\s+(?:closed|(\d{2}):(\d{2})-(\d{2}):(\d{2}))", re.ASCII)
_SINGLE: Final = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_YEARLY: Final = re.compile(r"(\d{2})-(\d{2})", re.ASCII)
_LEAP_YEAR: Final = 2000  # in which every day of a year exists


def wall_clock(at_ms: int, time_zone: str) -> datetime:
    """Local time at *at_ms* (Unix milliseconds); an instant before year 1 or after 9999 is taken as that end."""
    zone = ZoneInfo(time_zone)  # cached by the library
    try:
        return (_EPOCH + timedelta(milliseconds=at_ms)).astimezone(zone)
    except OverflowError:
        return datetime.min.replace(tzinfo=zone) if at_ms < 0 else datetime.max.replace(tzinfo=zone)


@lru_cache(maxsize=8)
def _wall_second(at_s: int, time_zone: str) -> datetime:
    """`wall_clock` without the milliseconds: one decision asks for door, relay and credential at one moment."""
    return wall_clock(at_s * 1_000, time_zone)


def inside(schedule: Schedule, time_zone: str, at_ms: int, holidays: Holidays = NO_HOLIDAYS) -> bool:
    """Whether *at_ms* (Unix milliseconds) is in the hours of its day, or in those of the day before that run into it.

    No hours: never.
    """
    special = schedule.holiday is not None or bool(schedule.days)
    if not schedule.rows and not special:
        return False
    local = _wall_second(at_ms // 1_000, time_zone)
    minute = local.hour * 60 + local.minute
    if special:
        return _special_covers(schedule, local.date(), minute, holidays)
    weekday = local.weekday()
    for row in schedule.rows:  # looked at before they are asked: decisions do this twice
        if (row.weekday == weekday or row.to_minute <= row.from_minute) and _row_covers(row, weekday, minute):
            return True
    return False


def _special_covers(schedule: Schedule, day: date, minute: int, holidays: Holidays) -> bool:
    """As `inside`, for a schedule with days of their own."""
    if any(_today(span, minute) for span in _programme(schedule, day, holidays)):
        return True
    if day == date.min:
        return False
    before = _programme(schedule, day - timedelta(days=1), holidays)
    return any(span.to_minute <= span.from_minute and minute < span.to_minute for span in before)


def _programme(schedule: Schedule, day: date, holidays: Holidays) -> Iterable[Span | WeeklyRow]:
    """The hours of *day*: one programme, never two mixed."""
    if day in schedule.days:
        return schedule.days[day]
    if schedule.holiday is not None and day in holidays:
        return schedule.holiday
    weekday = day.weekday()
    return (row for row in schedule.rows if row.weekday == weekday)


def _today(span: Span | WeeklyRow, minute: int) -> bool:
    runs_over = span.to_minute <= span.from_minute
    return span.from_minute <= minute and (runs_over or minute < span.to_minute)


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


@dataclass(frozen=True, slots=True)
class Hours:
    """What a schedule says, apart from its name."""

    rows: tuple[WeeklyRow, ...] = ()
    holiday: tuple[Span, ...] | None = None
    days: Mapping[date, tuple[Span, ...]] = field(default_factory=dict)


def parse_hours(text: str) -> Hours:
    """A week as `parse_week` reads it, with ``hol 10:00-14:00`` or ``hol closed`` for the community's holidays and
    ``2026-12-24 08:00-12:00`` or ``2026-12-24 closed`` for single days. ``always``, ``never``: the whole week, nothing.

    Raises ValueError naming the part that is wrong.
    """
    whole = text.strip().lower()
    if whole in (ALWAYS, NEVER):
        return Hours(parse_week(_EVERY_DAY if whole == ALWAYS else ""))
    weekly: list[str] = []
    special: dict[str, list[Span]] = {}
    for part in filter(None, (part.strip() for part in text.lower().split(";"))):
        if match := _DAY.fullmatch(part):
            day, *clock = match.groups()
            spans = special.setdefault(day, [])
            spans += [] if clock[0] is None else [Span(*_minutes(part, clock))]
            if len(spans) > MAX_SPANS_A_DAY:
                raise ValueError(f"{day} has more than {MAX_SPANS_A_DAY} times of its own")
        elif part[0].isdigit() or part.split()[0] == HOLIDAY:
            raise ValueError(f"{part!r} is not a day: '2026-12-24 08:00-12:00', '2026-12-24 closed' or 'hol closed'")
        else:
            weekly.append(part)
    holiday = special.pop(HOLIDAY, None)
    if len(special) > MAX_DAYS:
        raise ValueError(f"a schedule has at most {MAX_DAYS} days of their own, this one has {len(special)}")
    days = {_date(day): tuple(spans) for day, spans in special.items()}
    return Hours(parse_week("; ".join(weekly)), None if holiday is None else tuple(holiday), days)


def _date(day: str) -> date:
    try:
        return date.fromisoformat(day)
    except ValueError as error:
        raise ValueError(f"{day!r} is not a day of the calendar") from error


def parse_holiday(text: str) -> str:
    """A day as it is stored: ``2026-04-06``, or ``12-25`` in every year. Raises ValueError."""
    if match := _YEARLY.fullmatch(text):
        try:
            date(_LEAP_YEAR, int(match[1]), int(match[2]))
        except ValueError as error:
            raise ValueError(f"{text!r} is not a day of the year") from error
        return text
    if not _SINGLE.fullmatch(text):
        raise ValueError(f"{text!r} is not a holiday: 2026-04-06, or 12-25 in every year")
    return _date(text).isoformat()


def holidays_of(days: Iterable[str]) -> Holidays:
    """Days as `parse_holiday` writes them."""
    listed = list(days)
    yearly = {tuple(map(int, day.split("-"))) for day in listed if _YEARLY.fullmatch(day)}
    once = {date.fromisoformat(day) for day in listed if not _YEARLY.fullmatch(day)}
    return Holidays(frozenset(once), frozenset((month, day) for month, day in yearly))


def render_hours(hours: Hours | Schedule) -> str:
    """The text that `parse_hours` reads."""
    parts = [render_week(hours.rows)] if hours.rows else []
    if hours.holiday is not None:
        parts += _render_day(HOLIDAY, hours.holiday)
    for day in sorted(hours.days):
        parts += _render_day(day.isoformat(), hours.days[day])
    return "; ".join(parts)


def _render_day(day: str, spans: Iterable[Span]) -> list[str]:
    return [f"{day} {_hhmm(span.from_minute)}-{_hhmm(span.to_minute)}" for span in spans] or [f"{day} {CLOSED}"]


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
    from_minute, to_minute = _minutes(part, clock)
    start = DAYS.index(first)
    days = (DAYS.index(last) - start) % 7 + 1 if last else 1
    return [WeeklyRow((start + n) % 7, from_minute, to_minute) for n in range(days)]


def _minutes(part: str, clock: Iterable[str]) -> tuple[int, int]:
    """From and to of *part*, minutes of the day, of its four numbers. Raises ValueError."""
    hours_from, minutes_from, hours_to, minutes_to = map(int, clock)
    from_minute, to_minute = hours_from * 60 + minutes_from, hours_to * 60 + minutes_to
    if minutes_from > 59 or minutes_to > 59 or from_minute >= MINUTES_A_DAY or to_minute > MINUTES_A_DAY:
        raise ValueError(f"{part!r} names no time of day: 00:00-23:59, and 24:00 as an end")
    return from_minute, to_minute


def render_week(rows: Iterable[WeeklyRow]) -> str:
    """The text that `parse_week` reads."""
    return "; ".join(f"{DAYS[r.weekday]} {_hhmm(r.from_minute)}-{_hhmm(r.to_minute)}" for r in rows)


def _hhmm(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"
