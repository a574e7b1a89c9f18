"""What calls speak: call types, legs, plans, records. Standard library only."""

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from models.ids import ApartmentId, CallId, DeviceId, Mac, ResidentId, SipUser


class CallType(enum.IntEnum):
    """An apartment's call type (installer guide)."""

    APP_AND_MONITORS = 0
    PHONE_AND_MONITORS = 1
    APP_AND_MONITORS_THEN_PHONE = 2
    MONITORS_THEN_APP = 3
    MONITORS_THEN_PHONE = 4
    MONITORS_THEN_APP_THEN_PHONE = 5


class LegKind(enum.Enum):
    MONITOR = "monitor"
    APP = "app"
    LANDLINE = "landline"
    GUARD = "guard"
    DOOR = "door"
    PHONE = "phone"  # an emergency number of the community


CHAINS: Final[Mapping[CallType, tuple[frozenset[LegKind], ...]]] = {
    CallType.APP_AND_MONITORS: (frozenset({LegKind.APP, LegKind.MONITOR}),),
    CallType.PHONE_AND_MONITORS: (frozenset({LegKind.LANDLINE, LegKind.MONITOR}),),
    CallType.APP_AND_MONITORS_THEN_PHONE: (frozenset({LegKind.APP, LegKind.MONITOR}), frozenset({LegKind.LANDLINE})),
    CallType.MONITORS_THEN_APP: (frozenset({LegKind.MONITOR}), frozenset({LegKind.APP})),
    CallType.MONITORS_THEN_PHONE: (frozenset({LegKind.MONITOR}), frozenset({LegKind.LANDLINE})),
    CallType.MONITORS_THEN_APP_THEN_PHONE: (
        frozenset({LegKind.MONITOR}),
        frozenset({LegKind.APP}),
        frozenset({LegKind.LANDLINE}),
    ),
}


class LegState(enum.Enum):
    SKIPPED = "skipped"
    RINGING = "ringing"
    ANSWERED = "answered"
    LOST = "lost"  # another leg answered first
    BUSY = "busy"
    DECLINED = "declined"
    REDIRECTED = "redirected"
    TIMEOUT = "timeout"
    CANCELLED = "cancelled"
    FAILED = "failed"


class CallOutcome(enum.Enum):
    ANSWERED = "answered"
    NO_ANSWER = "no_answer"
    DECLINED = "declined"
    BUSY = "busy"
    CANCELLED = "cancelled"
    REFUSED = "refused"
    FAILED = "failed"


class Refusal(enum.Enum):
    """Why a call was not even tried (domain section 3)."""

    BLOCKED = "blocked"
    NOT_CONNECTED = "not_connected"
    UNKNOWN = "unknown"
    NOT_ALLOWED = "not_allowed"


class EndedBy(enum.Enum):
    VISITOR = "visitor"  # the calling side
    CALLEE = "callee"
    EDGE = "edge"


@dataclass(frozen=True, slots=True)
class Target:
    """Somebody who can be rung: a device or app by its SIP user, a telephone by its number."""

    kind: LegKind
    address: str  # SipUser of a device or app; E.164 for LANDLINE and PHONE
    name: str  # what a person reads: device name, resident's name, or the number shortened to its last 4 digits
    device: Mac | None = None
    resident: ResidentId | None = None
    network_group: str = ""


@dataclass(frozen=True, slots=True)
class PlannedLeg:
    """A target and whether it takes part, with the reason in a person's words."""

    target: Target
    included: bool
    why: str


@dataclass(frozen=True, slots=True)
class Stage:
    """Legs that ring together for at most *ring_s* seconds; the first answer wins.

    ``in_turn``: the landlines among them ring one after the other, *ring_s* each, and the stage lasts until the
    last had its turn (decision 22).
    """

    legs: tuple[PlannedLeg, ...]
    ring_s: float
    in_turn: bool = True


class DigitSource(enum.Enum):
    """Whose DTMF digits open the door: only ever the side that is not the door."""

    CALLEE = "callee"
    CALLER = "caller"
    NOBODY = "nobody"


@dataclass(frozen=True, slots=True)
class CallPlan:
    """Everything the call machine needs to know about one call, decided before the first leg rings."""

    stages: tuple[Stage, ...] = ()
    refusal: Refusal | None = None
    status: int = 0  # final SIP status for the caller where no leg rings (refused, or 486 for a busy door); else 0
    apartment: ApartmentId | None = None
    caller_device: DeviceId | None = None
    caller_group: str = ""  # network group of the caller, "" = in none
    door: DeviceId | None = None  # the door that can be opened in this call, whichever side it is
    door_codes: Mapping[str, str] = field(default_factory=dict)  # DTMF code -> relay label, prefix-free
    digits_from: DigitSource = DigitSource.NOBODY
    redirect_to: Mapping[str, Target] = field(default_factory=dict)  # SIP user -> whom a 302 may name (decision 27)
    relayed_audio: bool = True  # True: audio goes through the edge even inside one network group (decision 20)
    ring_event: bool = False  # publish a ring event (the number was known)
    opens: str = ""  # label of the door's relay that this call opens by itself, once the caller's ACK is here
    max_talk_s: float = 300.0

    @property
    def allowed(self) -> bool:
        return self.refusal is None

    def same_group(self, target: Target) -> bool:
        """Whether caller and *target* are in one network group: media may go directly, audio unless relayed."""
        return target.network_group != "" and target.network_group == self.caller_group


@dataclass(frozen=True, slots=True)
class Caller:
    """Who placed a call, proven by digest or the trunk. Exactly one of *device*, *resident*, *trunk_number* is set."""

    sip_user: SipUser | None
    device: DeviceId | None = None
    resident: ResidentId | None = None
    trunk_number: str | None = None


class MediaFault(enum.Enum):
    """What was wrong with the media of an end that talked."""

    SILENT = "silent"  # it should have sent and did not, or ceased to
    ONE_WAY = "one_way"  # it sent, and nothing came for it from the other side


@dataclass(frozen=True, slots=True)
class LineMedia:
    """One media line of one end, as far as it went through the edge (RFC 3550)."""

    kind: str  # audio, video
    packets: int  # received from this end
    octets: int
    lost: int | None  # cumulative, RFC 3550 §6.4.1; negative with duplicates; None where the engine does not count it
    jitter_ms: float | None
    sent: int  # packets sent to this end
    strangers: int = 0  # datagrams from other addresses, dropped
    fault: MediaFault | None = None


@dataclass(frozen=True, slots=True)
class LegRecord:
    kind: LegKind
    target: str  # what a person reads
    state: LegState
    rang_s: float = 0.0
    media: tuple[LineMedia, ...] = ()  # known once the call has ended
    why: str = ""  # in words, where no INVITE left for it


@dataclass(frozen=True, slots=True)
class CallRecord:
    """A call as the log shows it. Written at once and again on each change (decision 39)."""

    id: CallId
    at_ms: int
    caller: str  # name of the calling device or resident, or the telephone number
    dialled: str
    apartment: ApartmentId | None = None
    caller_device: DeviceId | None = None
    stages: tuple[tuple[int, ...], ...] = ()  # leg indexes
    legs: tuple[LegRecord, ...] = ()
    outcome: CallOutcome | None = None  # None while it lasts
    reason: Refusal | None = None
    status: int | None = None  # final SIP status to the caller
    answered_by: int | None = None  # leg index
    opened: tuple[str, ...] = ()  # relay labels
    ended_by: EndedBy | None = None
    duration_s: float = 0.0
    media: tuple[LineMedia, ...] = ()  # the caller's own lines, known once the call has ended
    ring_event: bool = False  # the number was known: a ring event goes out (decision 33); not stored in the row
