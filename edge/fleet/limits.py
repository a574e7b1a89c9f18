"""How often something may happen, for each of many who ask. Pure; bounded."""

from typing import Final

MAX_KNOWN: Final = 4_000
_MS_A_MINUTE: Final = 60_000


class Allowance:
    """*most* times in each span of *minutes*. Of more than `MAX_KNOWN` who ask, the longest known are forgotten."""

    def __init__(self, most: int, *, minutes: int = 1) -> None:
        self._most = most
        self._span_ms = minutes * _MS_A_MINUTE
        self._taken: dict[str, tuple[int, int]] = {}  # since when, how often

    def take(self, who: str, now_ms: int) -> bool:
        """Whether it may happen once more for *who*; counted if so. *now_ms*: Unix milliseconds."""
        since, count = self._of(who, now_ms)
        if count >= self._most:
            return False
        self._taken.pop(who, None)
        self._taken[who] = (since, count + 1)
        if len(self._taken) > MAX_KNOWN:
            del self._taken[next(iter(self._taken))]
        return True

    def is_spent(self, who: str, now_ms: int) -> bool:
        """Whether nothing is left for *who*. Counts nothing."""
        return self._of(who, now_ms)[1] >= self._most

    def _of(self, who: str, now_ms: int) -> tuple[int, int]:
        since, count = self._taken.get(who, (now_ms, 0))
        return (since, count) if 0 <= now_ms - since < self._span_ms else (now_ms, 0)
