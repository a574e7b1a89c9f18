"""The legs of one call: who was tried, in which stage, and what became of it."""

import enum
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from edge.core.call_events import Leg
from edge.core.call_verdicts import ALL_BUSY, DECLINED, NOBODY, TRUNK_KINDS, Verdict
from models.call import LegRecord, LegState, Target

MAX_LEGS: Final = 64  # of one call; what is beyond is not rung


class Phase(enum.Enum):
    RINGING = "ringing"
    CONFIRMING = "confirming"  # answered, must press 1 before it wins
    TALKING = "talking"
    CANCELLED = "cancelled"  # we gave it up; an answer that crosses the CANCEL is still to be hung up
    OVER = "over"


@dataclass(slots=True)
class LegTried:
    number: Leg
    target: Target
    rang_from: float  # monotonic seconds
    phase: Phase
    state: LegState
    redirected_from: Leg | None = None
    rang_s: float = 0.0
    why: str = ""

    @property
    def live(self) -> bool:
        """Whether it may still win."""
        return self.phase in (Phase.RINGING, Phase.CONFIRMING)

    def end(self, state: LegState, phase: Phase, now: float) -> None:
        self.state, self.phase, self.rang_s = state, phase, now - self.rang_from

    def record(self, now: float) -> LegRecord:
        rang_s = now - self.rang_from if self.state is LegState.RINGING else self.rang_s
        return LegRecord(self.target.kind, self.target.name, self.state, round(rang_s, 3), why=self.why)


class LegBook:
    """Every leg of a call in the order it was tried, by stage."""

    def __init__(self) -> None:
        self._legs: list[LegTried] = []
        self._stages: list[list[Leg]] = []

    def open_stage(self) -> None:
        self._stages.append([])

    def ring(self, target: Target, now: float, redirected_from: Leg | None = None) -> LegTried | None:
        """A leg that rings from *now*; None where the call has as many legs as it may."""
        if len(self._legs) >= MAX_LEGS:
            return None
        return self._add(LegTried(len(self._legs), target, now, Phase.RINGING, LegState.RINGING, redirected_from))

    def skip(self, target: Target, now: float) -> None:
        """Note that *target* could not be reached."""
        if len(self._legs) < MAX_LEGS:
            self._add(LegTried(len(self._legs), target, now, Phase.OVER, LegState.SKIPPED))

    def _add(self, leg: LegTried) -> LegTried:
        self._legs.append(leg)
        self._stages[-1].append(leg.number)
        return leg

    def get(self, number: Leg) -> LegTried | None:
        return self._legs[number] if 0 <= number < len(self._legs) else None

    def live(self) -> Iterator[LegTried]:
        return (leg for leg in self._legs if leg.live)

    def is_live(self, target: Target) -> bool:
        return any(leg.target.address == target.address for leg in self.live())

    def rung_in_stage(self) -> int:
        """How many legs of the present stage were rung."""
        return sum(self._legs[number].state is not LegState.SKIPPED for number in self._stages[-1])

    def verdict(self) -> Verdict:
        """What the visitor is told when nothing is left: all busy, all declined by people, or nobody (decision 25)."""
        rung = [leg for leg in self._legs if leg.state not in (LegState.SKIPPED, LegState.REDIRECTED)]
        if rung and all(leg.state is LegState.BUSY for leg in rung):
            return ALL_BUSY
        if rung and all(leg.state is LegState.DECLINED and leg.target.kind not in TRUNK_KINDS for leg in rung):
            return DECLINED
        return NOBODY

    def stages(self) -> tuple[tuple[Leg, ...], ...]:
        return tuple(tuple(stage) for stage in self._stages)

    def states(self) -> tuple[LegState, ...]:
        return tuple(leg.state for leg in self._legs)

    def records(self, now: float) -> tuple[LegRecord, ...]:
        return tuple(leg.record(now) for leg in self._legs)
