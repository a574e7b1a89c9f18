"""The same thing told by two roads is one thing. Pure; time is an argument.

A panel may report one opening by its action URL, by syslog and in its own log. Reports of one kind come in order by
each road, so a report is the other half of the oldest one of its kind that its road has not told yet.
"""

from dataclasses import dataclass, field, replace
from typing import Final

from models.ids import Mac
from provisioning.api import Sight, Sighting

LOG: Final = "log"
HOOK: Final = "hook"
SYSLOG: Final = "syslog"
SAME_WITHIN_S: Final = 5.0  # roads that tell at once
LOGGED_WITHIN_S: Final = 120.0  # a device's own log is read now and then
WAITS_S: Final = 2.0
"""So long the first report waits for the one that says all: whose code it was stands in the device's log alone."""
MAX_OPEN: Final = 2_000  # of all panels; the oldest are told

_WAITS_FOR: Final = {
    Sight.CODE_OPENED: LOG,
    Sight.CARD_OPENED: LOG,
    Sight.FACE_OPENED: LOG,
    Sight.CARD_REFUSED: HOOK,  # which alone asks the rules
}
"""The road that says all there is to say; other kinds say it by each."""


@dataclass
class Happening:
    """One thing that happened at a panel, as far as it is known."""

    mac: Mac
    sighting: Sighting
    since_s: float  # monotonic seconds
    roads: set[str] = field(default_factory=set)
    told: bool = False


class Merger:
    """Of all panels."""

    def __init__(self, waits_s: float = WAITS_S) -> None:
        self._waits_s = waits_s
        self._open: list[Happening] = []

    def add(self, mac: Mac, sighting: Sighting, road: str, now_s: float, *, live: bool = True) -> Happening | None:
        """What is to be told now; None: it was told, or it waits for more. *live* False: it is old, so it does not
        wait."""
        self._forget(now_s)
        known = next((each for each in self._open if self._is_same(each, mac, sighting, road, now_s)), None)
        if known is None:
            made = Happening(mac, sighting, now_s, {road})
            self._open.append(made)
            return self._tell(made) if self._is_whole(made) or not live else None
        known.roads.add(road)
        if known.told:
            return None
        known.sighting = _both(known.sighting, sighting)
        return self._tell(known) if self._is_whole(known) or not live else None

    def due(self, now_s: float) -> list[Happening]:
        """Those that have waited long enough."""
        late = [each for each in self._open if not each.told and now_s - each.since_s >= self._waits_s]
        return [self._tell(each) for each in late]

    def next_due_s(self) -> float | None:
        """When `due` has something next, monotonic seconds."""
        return min((each.since_s + self._waits_s for each in self._open if not each.told), default=None)

    def _is_whole(self, happening: Happening) -> bool:
        wanted = _WAITS_FOR.get(happening.sighting.what)
        return wanted is None or wanted in happening.roads

    def _tell(self, happening: Happening) -> Happening:
        happening.told = True
        return happening

    def _forget(self, now_s: float) -> None:
        self._open = [each for each in self._open if not each.told or now_s - each.since_s < LOGGED_WITHIN_S][
            -MAX_OPEN:
        ]

    def _is_same(self, known: Happening, mac: Mac, sighting: Sighting, road: str, now_s: float) -> bool:
        if known.mac != mac or known.sighting.what is not sighting.what or road in known.roads:
            return False
        values = {known.sighting.value, sighting.value} - {""}
        if len(values) > 1 or known.sighting.relay != sighting.relay != 0:
            return False
        slow = LOG in known.roads or road == LOG
        return now_s - known.since_s <= (LOGGED_WITHIN_S if slow else SAME_WITHIN_S)


def _both(first: Sighting, second: Sighting) -> Sighting:
    return replace(
        first,
        value=first.value or second.value,
        at_ms=second.at_ms if first.at_ms is None else first.at_ms,
        number=second.number if first.number is None else first.number,
    )
