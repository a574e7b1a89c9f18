"""What the rules of calls can be told in `edge.toml`, section `[calls]`."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class CallSettings:
    ring_time_s: float = 20.0  # how long a stage rings
    ring_time_by_stage_s: tuple[float, ...] = ()  # of stages 1, 2, 3 in this order; stages beyond it take ring_time_s
    landline_order: Literal["in_turn", "together"] = "in_turn"  # in turn, each landline rings a ring time of its own
    max_talk_s: float = 300.0  # a call ends after this, with an announcement where they are on
    announcements: bool = False  # a caller hears why before it is refused or cut off; false: it is, at once
    announcement_language: Literal["", "en", "ru"] = ""  # of the recordings that come with the edge; "" = by country
    decline_ends_call: bool = True  # a decline by a monitor or app ends the whole call; false: only its own leg
    landline_confirm: bool = False  # whoever answers a landline presses 1 before the call is theirs

    def ring_s(self, stage: int) -> float:
        """Ring time of *stage* (0 = the first), in seconds."""
        return self.ring_time_by_stage_s[stage] if stage < len(self.ring_time_by_stage_s) else self.ring_time_s
