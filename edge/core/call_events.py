"""The words between the call machine (`edge.core.call`) and whoever drives its legs (`sip.b2bua`).

Events go in, commands come out; both are values, so a test reads like a ladder diagram. A leg is known by its number
in the call: its index in the record's `legs`, where legs that could not be reached are counted too. The caller is not
a leg here.
"""

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from models.access import UnlockMethod
from models.call import CallRecord, EndedBy, Refusal, Target

Leg = int


@dataclass(frozen=True, slots=True)
class ContactRef:
    """One reachable contact of a target; a leg is rung for each (decision 23)."""

    key: str  # opaque to the core: a contact binding, a WebSocket session, a trunk
    description: str = ""  # for the plan a person reads


class Reach(Protocol):
    """Where a target can be reached now. An empty answer means that it cannot."""

    def __call__(self, target: Target) -> Sequence[ContactRef]: ...


# --- events ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Start:
    """The caller's INVITE was accepted by the plan; ring the first stage."""


@dataclass(frozen=True, slots=True)
class LegRinging:
    """A provisional answer. *early_media*: it carried a session description."""

    leg: Leg
    status: int = 180
    early_media: bool = False
    of_edge: bool = False  # its sound is the edge's own, so that it may be passed though others ring beside it


@dataclass(frozen=True, slots=True)
class LegAnswered:
    leg: Leg


@dataclass(frozen=True, slots=True)
class LegFailed:
    """A final answer of 300 and more, or a failure of our own (408 time-out, 503 no transport)."""

    leg: Leg
    status: int
    redirect: tuple[str, ...] = ()  # user parts of the Contacts of a 3xx that name our own realm; others are left out
    why: str = ""  # in words, where no INVITE left


@dataclass(frozen=True, slots=True)
class LegHungUp:
    """BYE from a leg that had answered."""

    leg: Leg


@dataclass(frozen=True, slots=True)
class CallerCancelled:
    """CANCEL, or the caller's transport vanished, before an answer. The 487 is the transaction's own work."""


@dataclass(frozen=True, slots=True)
class CallerHungUp:
    """BYE from the caller."""


@dataclass(frozen=True, slots=True)
class CallerConfirmed:
    """The caller's ACK arrived: from here digits count (decision 21)."""


class DigitCarrier(enum.Enum):
    RFC4733 = "rfc4733"
    INFO = "info"


@dataclass(frozen=True, slots=True)
class Digit:
    """One DTMF digit. *leg* is None where the caller pressed it."""

    leg: Leg | None
    digit: str  # 0-9, *, #, A-D
    carrier: DigitCarrier


@dataclass(frozen=True, slots=True)
class ServiceChanged:
    """The apartment may no longer be called (decision 32): unanswered legs are cancelled, an answered call goes on."""

    refusal: Refusal = Refusal.BLOCKED


@dataclass(frozen=True, slots=True)
class Opened:
    """A relay of the call's door was opened by the party of this call (by DTMF or app)."""

    label: str


@dataclass(frozen=True, slots=True)
class ForceEnd:
    """The daemon stops, or an operator ends the call."""


@dataclass(frozen=True, slots=True)
class Tick:
    """Time has passed; due timers fire."""


Event = (
    Start | LegRinging | LegAnswered | LegFailed | LegHungUp | CallerCancelled | CallerHungUp | CallerConfirmed | Digit
    | ServiceChanged | Opened | ForceEnd | Tick
)  # fmt: skip


# --- commands -------------------------------------------------------------------------------------------------------


class CancelReason(enum.Enum):
    """What the Reason header of a CANCEL says (RFC 3326, decision 24)."""

    NONE = "none"  # stage timed out, visitor gone
    COMPLETED_ELSEWHERE = "completed_elsewhere"
    DECLINED_ELSEWHERE = "declined_elsewhere"


@dataclass(frozen=True, slots=True)
class RingLeg:
    leg: Leg
    target: Target
    contact: ContactRef


@dataclass(frozen=True, slots=True)
class CancelLeg:
    """Give up an unanswered leg. Answers that race the CANCEL are acknowledged and hung up by the driver."""

    leg: Leg
    reason: CancelReason = CancelReason.NONE


@dataclass(frozen=True, slots=True)
class AskConfirm:
    """A landline answered and must press 1 before the call is its own (`[calls] landline_confirm`, decision 32).

    The driver acknowledges the answer, plays the request to *leg* if it has one, and feeds the leg's digits; `Bridge`
    or `HangUpLeg` follows.
    """

    leg: Leg


@dataclass(frozen=True, slots=True)
class HangUpLeg:
    """BYE to a leg that answered."""

    leg: Leg


@dataclass(frozen=True, slots=True)
class Progress:
    """Pass a provisional status to the caller: 180, or 183 with the leg's early media."""

    status: int
    leg: Leg | None = None  # whose early media; None for a plain 180


@dataclass(frozen=True, slots=True)
class Bridge:
    """Answer the caller with *leg*'s session and connect both."""

    leg: Leg


@dataclass(frozen=True, slots=True)
class AnswerAlone:
    """Answer the caller though nobody is rung: its call opens a door by itself."""


@dataclass(frozen=True, slots=True)
class Refuse:
    """Final answer to the caller. *announcement* names a recording to play first where the community has one."""

    status: int
    announcement: str = ""


@dataclass(frozen=True, slots=True)
class HangUpCaller:
    """BYE to the caller. *announcement* as in Refuse."""

    announcement: str = ""


@dataclass(frozen=True, slots=True)
class RequestOpen:
    """The party asked for a relay by a complete DTMF code. The driver asks the door rules; nothing moves before."""

    label: str
    method: UnlockMethod
    leg: Leg | None  # who pressed; None = the caller


@dataclass(frozen=True, slots=True)
class Record:
    """The call's row changed."""

    record: CallRecord


@dataclass(frozen=True, slots=True)
class Finished:
    """Nothing more will come; *ended_by* repeats the record."""

    ended_by: EndedBy


Command = (
    RingLeg | CancelLeg | AskConfirm | HangUpLeg | Progress | Bridge | AnswerAlone | Refuse | HangUpCaller
    | RequestOpen | Record | Finished
)  # fmt: skip
