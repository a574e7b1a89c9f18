"""Guessing at a keypad closes it to codes (decisions 3 and 10).

Times are monotonic seconds, given by the caller. A counter belongs to a reader, or to a reader and one apartment.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from models.ids import ApartmentId, DeviceId

WINDOW_S: Final = 300.0
TRIES: Final = 5
STEPS_S: Final = (30.0, 60.0, 120.0, 240.0, 480.0, 900.0)  # the last one repeats
FORGIVEN_AFTER_S: Final = 3600.0  # without a lock


class LockKey(NamedTuple):
    """Whose tries are counted together. *apartment* None: the reader's own counter."""

    device: DeviceId
    apartment: ApartmentId | None = None


@dataclass(frozen=True, slots=True)
class Counter:
    """State of one key; times are monotonic seconds."""

    wrong_at_s: tuple[float, ...] = ()  # inside the window, at most TRIES - 1
    step: int = 0  # locks so far, as far as they make the next one longer
    locked_until_s: float | None = None  # end of the last lock, past or future

    def locked(self, now_s: float) -> bool:
        return self.locked_until_s is not None and now_s < self.locked_until_s

    def stored(self, now_s: float, now_ms: int) -> "StoredCounter":
        """The same by the wall clock (Unix milliseconds), which alone means something after a restart."""

        def wall(at_s: float) -> int:
            return now_ms + round((at_s - now_s) * 1_000)

        until = None if self.locked_until_s is None else wall(self.locked_until_s)
        return StoredCounter(tuple(wall(at) for at in self.wrong_at_s), self.step, until)


@dataclass(frozen=True, slots=True)
class StoredCounter:
    """A counter as the store keeps it; times are Unix milliseconds."""

    wrong_at_ms: tuple[int, ...] = ()
    step: int = 0
    locked_until_ms: int | None = None

    def counter(self, now_s: float, now_ms: int) -> Counter:
        """The state on the monotonic clock of this boot.

        A wall clock that was set back meanwhile makes no lock longer than its step, and no try younger than now.
        """

        def monotonic(at_ms: int, at_most_s: float) -> float:
            return now_s + min((at_ms - now_ms) / 1_000, at_most_s)

        longest_s = _lasts_s(max(0, self.step - 1))
        until = None if self.locked_until_ms is None else monotonic(self.locked_until_ms, longest_s)
        return Counter(tuple(monotonic(at, 0.0) for at in self.wrong_at_ms)[-(TRIES - 1) :], self.step, until)


class Lockout:
    """The counters of a community. Holds nothing for a key that has no wrong try to remember."""

    def __init__(self, counters: Mapping[LockKey, Counter] | None = None) -> None:
        self._counters: dict[LockKey, Counter] = dict(counters or {})

    def locked(self, key: LockKey, now_s: float) -> bool:
        """Whether codes are refused for *key*, right and wrong alike."""
        counter = self._counters.get(key)
        return counter is not None and counter.locked(now_s)

    def remaining_s(self, key: LockKey, now_s: float) -> float:
        """Seconds until *key* is open to codes again; 0 where it is."""
        counter = self._counters.get(key)
        if counter is None or counter.locked_until_s is None:
            return 0.0
        return max(0.0, counter.locked_until_s - now_s)

    def wrong(self, key: LockKey, now_s: float) -> Counter:
        """Count a wrong try. The fifth within the window starts a lock, and the counting begins anew after it.

        A try while locked changes nothing: it is not judged, not counted and does not prolong.
        """
        counter = self._counters.get(key, Counter())
        if counter.locked(now_s):
            return counter
        step = 0 if _forgiven(counter, now_s) else counter.step
        recent = (*(at for at in counter.wrong_at_s if at > now_s - WINDOW_S), now_s)
        if len(recent) < TRIES:
            counter = Counter(recent, step, counter.locked_until_s if step else None)
        else:
            counter = Counter((), min(step + 1, len(STEPS_S)), now_s + _lasts_s(step))
        self._counters[key] = counter
        return counter

    def right(self, key: LockKey) -> bool:
        """A right code clears count and step; False where there was nothing to clear."""
        return self._counters.pop(key, None) is not None

    def get(self, key: LockKey) -> Counter | None:
        """The state of *key* to store; None = nothing to remember."""
        return self._counters.get(key)

    def restore(self, key: LockKey, stored: StoredCounter, now_s: float, now_ms: int) -> None:
        """Take over what the store kept."""
        self._counters[key] = stored.counter(now_s, now_ms)

    def items(self) -> Iterable[tuple[LockKey, Counter]]:
        """Every counter, as it is now."""
        return tuple(self._counters.items())

    def forget_idle(self, now_s: float) -> tuple[LockKey, ...]:
        """Drop counters that no longer matter at *now_s*, and say which."""
        idle = tuple(key for key, counter in self._counters.items() if _idle(counter, now_s))
        for key in idle:
            del self._counters[key]
        return idle

    def locks(self, now_s: float) -> Iterable[tuple[LockKey, float]]:
        """Keys locked at *now_s* with the seconds they have left, for the operator's screen."""
        return [(key, self.remaining_s(key, now_s)) for key, c in self._counters.items() if c.locked(now_s)]


def _lasts_s(step: int) -> float:
    """How long the lock lasts that comes after *step* others."""
    return STEPS_S[min(step, len(STEPS_S) - 1)]


def _forgiven(counter: Counter, now_s: float) -> bool:
    return counter.locked_until_s is None or now_s >= counter.locked_until_s + FORGIVEN_AFTER_S


def _idle(counter: Counter, now_s: float) -> bool:
    return _forgiven(counter, now_s) and all(at <= now_s - WINDOW_S for at in counter.wrong_at_s)
