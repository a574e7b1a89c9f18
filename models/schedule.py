"""Schedules as data: weeks, holidays, one-off days. Judged by edge.core.schedule in the community's time zone."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from models.ids import ScheduleId

MINUTES_A_DAY = 24 * 60


@dataclass(frozen=True, slots=True)
class WeeklyRow:
    """[from, to) local wall time on one weekday; ``to_minute <= from_minute`` runs into the next day (decision 11)."""

    weekday: int  # 0 = Monday
    from_minute: int  # 0-1439
    to_minute: int  # 0-1440


@dataclass(frozen=True, slots=True)
class Span:
    """[from, to) local wall time of one day; ``to_minute <= from_minute`` runs into the next day."""

    from_minute: int  # 0-1439
    to_minute: int  # 0-1440


@dataclass(frozen=True, slots=True)
class Schedule:
    """No rows = never. A credential without a schedule is always inside.

    A day has one programme: its one-off hours where it has some, else the holiday's where it is one and the schedule
    knows holidays, else its weekday's.
    """

    id: ScheduleId
    name: str
    rows: tuple[WeeklyRow, ...] = ()
    holiday: tuple[Span, ...] | None = None  # on the community's holidays; () = closed; None = as any other day
    days: Mapping[date, tuple[Span, ...]] = field(default_factory=dict)  # one-off days; () = closed


@dataclass(frozen=True, slots=True)
class Holidays:
    """The community's holidays: single days, and days of every year."""

    once: frozenset[date] = frozenset()
    yearly: frozenset[tuple[int, int]] = frozenset()  # month, day

    def __contains__(self, day: date) -> bool:
        return day in self.once or (day.month, day.day) in self.yearly


NO_HOLIDAYS = Holidays()
