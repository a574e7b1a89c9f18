"""What an answer means for its leg, and what an ended call means for the visitor: the tables of `docs/calls.md`."""

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from models.call import CallOutcome, EndedBy, LegKind, LegState, Refusal

TRUNK_KINDS: Final = frozenset({LegKind.LANDLINE, LegKind.PHONE})
HOME_KINDS: Final = frozenset({LegKind.MONITOR, LegKind.APP})

LEG_STATE_OF_STATUS: Final[Mapping[int, LegState]] = {  # a status that is absent: FAILED
    408: LegState.TIMEOUT,
    486: LegState.BUSY,
    600: LegState.BUSY,
    603: LegState.DECLINED,
    607: LegState.DECLINED,  # RFC 8197: unwanted
    608: LegState.DECLINED,  # RFC 8688: rejected
}
ONLY_THE_LEG: Final = frozenset({604, 606})  # global failures that say nothing about the resident's will (decision 26)


def ends_call(kind: LegKind, status: int, decline_ends_call: bool) -> bool:
    """Whether a final answer of one leg ends the call for all (decision 26).

    Only a monitor's or an app's 6xx does: a trunk's 603 may be its network's, a guard's is one guard's.
    """
    return decline_ends_call and kind in HOME_KINDS and 600 <= status < 700 and status not in ONLY_THE_LEG


class Announcement(enum.Enum):
    """Recordings a community may have; one it lacks is not played."""

    NOBODY = "nobody"
    BUSY = "busy"
    DECLINED = "declined"
    BLOCKED = "blocked"
    NOT_CONNECTED = "not_connected"
    UNKNOWN = "unknown"
    NOT_ALLOWED = "not_allowed"
    MAX_TALK = "max_talk"


@dataclass(frozen=True, slots=True)
class Verdict:
    """How an unanswered call ends for the visitor (decision 25)."""

    outcome: CallOutcome
    status: int  # final SIP status
    announcement: Announcement | None
    ended_by: EndedBy = EndedBy.EDGE


NOBODY: Final = Verdict(CallOutcome.NO_ANSWER, 480, Announcement.NOBODY)
ALL_BUSY: Final = Verdict(CallOutcome.BUSY, 486, Announcement.BUSY)
DECLINED: Final = Verdict(CallOutcome.DECLINED, 603, Announcement.DECLINED, EndedBy.CALLEE)
STOPPED: Final = Verdict(CallOutcome.FAILED, 480, None)  # the daemon stops while it rings
VISITOR_GONE: Final = Verdict(CallOutcome.CANCELLED, 487, None, EndedBy.VISITOR)

REFUSED: Final[Mapping[Refusal, Verdict]] = {
    Refusal.BLOCKED: Verdict(CallOutcome.REFUSED, 403, Announcement.BLOCKED),
    Refusal.NOT_CONNECTED: Verdict(CallOutcome.REFUSED, 403, Announcement.NOT_CONNECTED),
    Refusal.UNKNOWN: Verdict(CallOutcome.REFUSED, 404, Announcement.UNKNOWN),
    Refusal.NOT_ALLOWED: Verdict(CallOutcome.REFUSED, 403, Announcement.NOT_ALLOWED),
}


class Heard(enum.Enum):
    """What the visitor hears while it rings."""

    NOTHING = "nothing"
    RINGBACK = "ringback"  # a plain 180 was passed
    EARLY_MEDIA = "early_media"  # a leg's own sound
    EARLY_OVER = "early_over"  # that leg has ended
    RINGBACK_AGAIN = "ringback_again"


# (heard, early media of the only leg of its stage) -> (heard then, status to pass). A pair that is absent passes
# nothing: one 180, and one leg's early media in the whole call, since a visitor has one early dialog (decision 25) and
# its session description cannot change within it (RFC 3261 §13.2.1). A stage of several legs never passes any: which
# of them would be heard? After that one leg has ended, another 180 lets the door play its own ringing tone again.
PROGRESS: Final[Mapping[tuple[Heard, bool], tuple[Heard, int]]] = {
    (Heard.NOTHING, False): (Heard.RINGBACK, 180),
    (Heard.NOTHING, True): (Heard.EARLY_MEDIA, 183),
    (Heard.RINGBACK, True): (Heard.EARLY_MEDIA, 183),
    (Heard.EARLY_OVER, False): (Heard.RINGBACK_AGAIN, 180),
    (Heard.EARLY_OVER, True): (Heard.RINGBACK_AGAIN, 180),
}
