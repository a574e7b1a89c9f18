"""Times as a person types them: a day, or a moment, in the community's time zone unless it names another."""

from datetime import UTC, date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from edge.core.schedule import day_bounds_ms

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_DAY_CHARS: Final = len("2026-03-01")


def moment_ms(typed: str | None, time_zone: str, *, end: bool = False) -> int | None:
    """Unix milliseconds of `2026-03-01`, `2026-03-01T08:00` or `2026-03-01T07:00:00Z`, to the second; None for None.

    A day is its beginning or, where *end*, its end: validity to a day goes through that day (decision 11).
    Raises ValueError for anything else.
    """
    if typed is None:
        return None
    try:
        if len(typed) == _DAY_CHARS:
            return day_bounds_ms(date.fromisoformat(typed), time_zone)[1 if end else 0]
        moment = datetime.fromisoformat(typed)
        local = moment if moment.tzinfo is not None else moment.replace(tzinfo=ZoneInfo(time_zone))
        return (local - _EPOCH) // timedelta(seconds=1) * 1000
    except (ValueError, OverflowError) as error:
        raise ValueError(f"{typed!r} is not a time: 2026-03-01, 2026-03-01T08:00 or 2026-03-01T07:00:00Z") from error
