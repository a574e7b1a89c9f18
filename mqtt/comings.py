"""Devices that log in again and again: two use one login and throw each other off, or the link is bad. Sans-IO."""

from collections import deque
from collections.abc import Mapping
from typing import Final

from models.ids import Mac

WITHIN_S: Final = 600.0
OFTEN: Final = 10
"""A device that restarts, moves or is set up says hello a few times in ten minutes; not so often."""


class Comings:
    """When each device last said hello; at most `OFTEN` times are kept of each. *now_s* is monotonic seconds."""

    def __init__(self) -> None:
        self._hellos_s: dict[Mac, deque[float]] = {}

    def hello(self, device: Mac, now_s: float) -> None:
        """The device said hello on a new connection."""
        self._hellos_s.setdefault(device, deque(maxlen=OFTEN)).append(now_s)

    def restless(self, now_s: float) -> Mapping[Mac, float]:
        """Who came `OFTEN` times within the last ten minutes, and in how many seconds."""
        full = {device: now_s - times[0] for device, times in self._hellos_s.items() if len(times) == OFTEN}
        return {device: took_s for device, took_s in full.items() if took_s <= WITHIN_S}

    def forget(self, device: Mac) -> None:
        """The device was removed."""
        self._hellos_s.pop(device, None)
