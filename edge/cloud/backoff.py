"""How long to wait after a failure: longer each time, and never all edges at once."""

import secrets
from typing import Final

FIRST_S: Final = 1.0
LONGEST_S: Final = 60.0
_random: Final = secrets.SystemRandom()


class Backoff:
    """1 s, 2 s, 4 s … 60 s, each shortened by chance to between half and all of it (decision 56)."""

    def __init__(self, first_s: float = FIRST_S, longest_s: float = LONGEST_S) -> None:
        self._first_s, self._longest_s = first_s, longest_s
        self._failures = 0

    def next_s(self) -> float:
        """Seconds to wait now."""
        upper = min(self._longest_s, self._first_s * 2.0 ** min(self._failures, 16))
        self._failures += 1
        return upper * _random.uniform(0.5, 1.0)

    def reset(self) -> None:
        self._failures = 0
