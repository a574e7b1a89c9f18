"""Who guesses passwords or scans is not heard for a while, and longer each time."""

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Final

STRIKES_MAX: Final = 20.0  # baresip 1.0 with a wrong password comes to 8 within 12 s and slows down then: no ban for it
FORGIVEN_PER_S: Final = 1 / 15
FIRST_S: Final = 60.0
LONGEST_S: Final = 3600.0
RECORD_KEPT_S: Final = 24 * 3600.0  # after that long in peace a source begins at the shortest ban again
SOURCES_MAX: Final = 16_384  # remembered; the one heard of longest ago goes first


@dataclass(slots=True)
class _Record:
    strikes: float = 0.0
    counted_at: float = 0.0
    bans: int = 0
    until: float = 0.0


class Bans:
    """Strikes by source, in seconds of a clock that does not go back. What a source is, the caller decides."""

    def __init__(self) -> None:
        self._records: dict[Hashable, _Record] = {}

    def strike(self, source: Hashable, weight: float, now: float) -> bool:
        """Note *weight* strikes against *source*; whether it is banned from now on by this."""
        record = self._records.pop(source, None)
        if record is None or now - max(record.until, record.counted_at) > RECORD_KEPT_S:
            record = _Record()
        self._make_room()
        self._records[source] = record
        forgiven = (now - record.counted_at) * FORGIVEN_PER_S
        record.strikes = max(0.0, record.strikes - forgiven) + weight
        record.counted_at = now
        if record.strikes < STRIKES_MAX or record.until > now:
            return False
        record.strikes = 0.0
        record.until = now + min(FIRST_S * 2**record.bans, LONGEST_S)
        record.bans += 1
        return True

    def banned(self, source: Hashable, now: float) -> bool:
        record = self._records.get(source)
        return record is not None and record.until > now

    def forgive(self, source: Hashable) -> None:
        """*source* has proven who it is: its strikes are forgotten, its earlier bans are not."""
        record = self._records.get(source)
        if record is not None:
            record.strikes = 0.0

    def count(self, now: float) -> int:
        """How many sources are banned now."""
        return sum(record.until > now for record in self._records.values())

    def _make_room(self) -> None:
        if len(self._records) >= SOURCES_MAX:
            del self._records[next(iter(self._records))]
