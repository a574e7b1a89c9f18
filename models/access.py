"""What the access rules speak: attempts, credentials, decisions. Standard library only."""

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field

from models.ids import ApartmentId, AreaId, BuildingId, CredentialId, DeviceId, Mac, ResidentId, ScheduleId


class Reason(enum.Enum):
    """Why a door did or did not open. Values are stored and sent to the central store: never reuse one."""

    GRANTED = "granted"
    DEVICE_UNKNOWN = "device_unknown"
    TOO_LATE = "too_late"
    DEVICE_DISABLED = "device_disabled"
    LOCKED_OUT = "locked_out"
    METHOD_NOT_ON_RELAY = "method_not_on_relay"
    PLAN = "plan"
    UNKNOWN_CREDENTIAL = "unknown_credential"
    AMBIGUOUS = "ambiguous"
    DOOR_NOT_SERVED = "door_not_served"
    PERMISSION = "permission"
    NOT_YET_VALID = "not_yet_valid"
    EXPIRED = "expired"
    OUTSIDE_SCHEDULE = "outside_schedule"
    USES_SPENT = "uses_spent"
    SERVICE_BLOCKED = "service_blocked"
    SERVICE_OFF = "service_off"
    APP_EXPIRED = "app_expired"
    NOT_IN_CALL = "not_in_call"
    NOT_ALLOWED = "not_allowed"


class UnlockMethod(enum.Enum):
    """How somebody asks a door to open; the one spelling used everywhere (decision 18)."""

    __hash__ = object.__hash__  # a decision looks members up a dozen times; the library hashes their names in Python

    PIN = "pin"
    APT_PIN = "apt_pin"
    RF_CARD = "rf_card"
    NFC = "nfc"
    FACE = "face"
    BLUETOOTH = "bluetooth"
    QR = "qr"
    DTMF = "dtmf"
    APP_HOME = "app_home"
    APP_TALK = "app_talk"
    EXIT_BUTTON = "exit_button"
    FIRE = "fire"
    GUARD = "guard"
    REMOTE = "remote"


class CredentialKind(enum.Enum):
    __hash__ = object.__hash__  # as UnlockMethod

    PIN = "pin"
    RF_CARD = "rf_card"
    NFC = "nfc"
    FACE = "face"
    BLUETOOTH = "bluetooth"
    QR = "qr"


class Origin(enum.Enum):
    """Who issued a credential; a manager's never opens a private door of a public-only community (decision 8)."""

    INSTALLER = "installer"
    MANAGER = "manager"
    RESIDENT = "resident"


class Home(enum.Enum):
    """Where a credential lives (domain section 12)."""

    EDGE = "edge"
    PANEL = "panel"
    BOTH = "both"


class Purpose(enum.Enum):
    """What a visitor's pass is for."""

    VISIT = "visit"
    DELIVERY = "delivery"


class OrderKind(enum.Enum):
    """What an operator may order for a door."""

    HOLD_OPEN = "hold_open"  # until a time; the panel does it
    LOCK_DOWN = "lock_down"  # only guards, operators, fire signals and exit buttons open


class Passback(enum.Enum):
    """What happens to a card that goes into an area twice without coming out."""

    SOFT = "soft"  # opens, and raises an alarm
    HARD = "hard"  # is refused


class Cause(enum.Enum):
    """What stands behind `not_allowed` at a reader. For the log and for operators; a device is told the reason only."""

    LOCK_DOWN = "lock_down"
    INTERLOCK = "interlock"
    PASSBACK = "passback"
    SECOND_FACTOR = "second_factor"


@dataclass(frozen=True, slots=True)
class DoorOrder:
    """An operator's order, in force until *until_ms* (Unix milliseconds) or until it is released.

    It is for one device, for one building, or, without either, for the community.
    """

    id: str
    kind: OrderKind
    device: DeviceId | None = None
    building: BuildingId | None = None
    until_ms: int | None = None

    def in_force(self, now_ms: int) -> bool:
        return self.until_ms is None or now_ms < self.until_ms


@dataclass(frozen=True, slots=True)
class Area:
    """Rooms behind readers that know who is inside."""

    id: AreaId
    name: str
    passback: Passback = Passback.SOFT
    forget_h: int = 24  # 0 = never
    era: int = 0


@dataclass(frozen=True, slots=True)
class Credential:
    """A credential as the rules see it: its value only as a keyed tag."""

    id: CredentialId
    kind: CredentialKind
    tag: bytes  # HMAC-SHA-256, 32 bytes, see edge.core.tags
    apartment: ApartmentId
    resident: ResidentId | None = None
    valid_from_ms: int | None = None  # [from, until), Unix milliseconds
    valid_until_ms: int | None = None
    schedule: ScheduleId | None = None  # None = always
    uses_left: int | None = None  # None = without limit; as stored when the snapshot was taken
    doors: frozenset[DeviceId] = frozenset()  # narrows; empty = every door that serves the holder
    duress: bool = False
    origin: Origin = Origin.INSTALLER
    home: Home = Home.EDGE
    hint: str = ""  # what the log may show: last 4 characters of a card of at least 8, else ""


@dataclass(frozen=True, slots=True)
class Attempt:
    """Something presented at a reader, parsed and normalised."""

    id: str
    device: Mac
    method: UnlockMethod
    value: str  # as presented, 1-128 characters; never stored, never logged
    at_ms: int  # the device's clock, Unix milliseconds
    apartment: str | None = None  # number, for apt_pin
    building: str | None = None  # name, where the device knows it
    device_seq: int | None = None
    too_late: bool = False  # the device plane found it older than 10 s (decision 4)

    def __repr__(self) -> str:
        return f"Attempt({self.id}, {self.device}, {self.method.value})"


@dataclass(frozen=True, slots=True)
class AccessDecision:
    """The answer to an attempt or an opening request. The same value goes to device, log, central store and screen."""

    reason: Reason
    relays: tuple[int, ...] = ()  # to trigger; empty unless granted
    security_relays: tuple[int, ...] = ()
    holds: Mapping[str, int] = field(default_factory=dict)  # relay label -> seconds
    floors: tuple[str, ...] = ()
    web_relay: int = 0
    credential: CredentialId | None = None
    apartment: ApartmentId | None = None
    resident: ResidentId | None = None
    duress: bool = False
    hint: str = ""
    cause: Cause | None = None  # which rule said `not_allowed`
    second_factor: UnlockMethod | None = None  # what completes what was presented, where that was one of two

    @property
    def granted(self) -> bool:
        return self.reason is Reason.GRANTED

    @property
    def seconds(self) -> int:
        """The longest hold time of the relays to trigger, 0 if denied."""
        return max(self.holds.values(), default=0)

    @property
    def told(self) -> Reason:
        """What the device is told: a stranger must not learn that a code works elsewhere (decision 2)."""
        return Reason.UNKNOWN_CREDENTIAL if self.reason in _HIDDEN else self.reason


_HIDDEN = frozenset({Reason.DOOR_NOT_SERVED, Reason.PERMISSION, Reason.AMBIGUOUS})
