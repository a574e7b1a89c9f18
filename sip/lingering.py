"""What only waits for the end of its time: transactions that absorb repetitions for 32 s, answers that are repeated.

They are many, none of them is urgent, and all that wait equally long end in the order in which they began. So each
length of time has a queue and one timer, not each of them one of its own in the loop's heap.
"""

from collections import deque
from collections.abc import Callable
from typing import Any, Final

from sip.flow import Timers

GRAIN_S: Final = 0.25  # those that end within this end together


class Lingering:
    """Calls back some time after `later` was asked for, at most `GRAIN_S` late. What no longer matters says so itself:
    nothing can be cancelled."""

    def __init__(self, timers: Timers) -> None:
        self._timers = timers
        self._queues: dict[float, deque[tuple[float, Callable[..., object], tuple[Any, ...]]]] = {}

    def later(self, after_s: float, callback: Callable[..., object], *args: Any) -> None:
        """Call *callback* in *after_s* seconds."""
        queue = self._queues.get(after_s)
        if queue is None:
            queue = self._queues[after_s] = deque()
        due = self._timers.time() + after_s
        if not queue:
            self._timers.call_at(due, self._ended, queue)
        queue.append((due, callback, args))

    def _ended(self, queue: deque[tuple[float, Callable[..., object], tuple[Any, ...]]]) -> None:
        now = self._timers.time()
        try:
            while queue and queue[0][0] <= now:
                _, callback, args = queue.popleft()
                callback(*args)
        finally:
            if queue:
                self._timers.call_at(queue[0][0] + GRAIN_S, self._ended, queue)
