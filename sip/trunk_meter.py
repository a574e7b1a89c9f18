"""How many calls to telephones there are and were: a bound on what a mistake, or a thief, can cost."""

from collections import deque
from collections.abc import Callable
from typing import Final

DAY_S: Final = 86_400.0
DAILY_MAX: Final = 100_000  # beyond it a daily limit cannot be told


class Meter:
    """Counts calls of one trunk. A day is any 24 hours; after a restart it begins anew. *time*: monotonic seconds."""

    def __init__(self, max_calls: int, max_calls_per_day: int, time: Callable[[], float]) -> None:
        self._max_calls, self._max_per_day, self._time = max_calls, min(max_calls_per_day, DAILY_MAX), time
        self._begun_at: deque[float] = deque(maxlen=self._max_per_day or 1)
        self.calls = 0

    def objection(self) -> str:
        """Why no further call may begin, in words for the row of the call; "" if one may."""
        if self._max_calls and self.calls >= self._max_calls:
            return f"the trunk has its {self._max_calls} calls already"
        full = self._max_per_day and len(self._begun_at) == self._max_per_day
        if full and self._begun_at[0] > self._time() - DAY_S:
            return f"the trunk had its {self._max_per_day} calls of a day already"
        return ""

    def began(self) -> None:
        """An INVITE to a telephone leaves."""
        self.calls += 1
        self._begun_at.append(self._time())

    def ended(self) -> None:
        """That leg is over."""
        self.calls -= 1
