"""A weekly schedule as data. Judged by edge.core.schedule in the community's time zone."""

from dataclasses import dataclass

from models.ids import ScheduleId

MINUTES_A_DAY = 24 * 60


@dataclass(frozen=True, slots=True)
class WeeklyRow:
    """[from, to) local wall time on one weekday; ``to_minute <= from_minute`` runs into the next day (decision 11)."""

    weekday: int  # 0 = Monday
    from_minute: int  # 0-1439
    to_minute: int  # 0-1440


@dataclass(frozen=True, slots=True)
class Schedule:
    """No rows = never. A credential without a schedule is always inside."""

    id: ScheduleId
    name: str
    rows: tuple[WeeklyRow, ...] = ()
