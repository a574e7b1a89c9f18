"""Waiting longer after each failure, with jitter so that many do not come back in the same instant."""

import random


class Backoff:
    """Waits of *first_s*, doubling up to *most_s*, each shortened by up to a half at random."""

    def __init__(self, first_s: float, most_s: float) -> None:
        self._first_s = first_s
        self._most_s = most_s
        self._next_s = first_s

    def next_s(self) -> float:
        """How long to wait after one more failure, in seconds."""
        wait_s = self._next_s * random.uniform(0.5, 1.0)  # noqa: S311 - spreads load, keeps no secret
        self._next_s = min(2 * self._next_s, self._most_s)
        return wait_s

    def reset(self) -> None:
        """It works again."""
        self._next_s = self._first_s
