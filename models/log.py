"""One row of the journal. Never holds a PIN, a full card number or a password."""

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field

from models.access import Reason, UnlockMethod
from models.ids import ApartmentId, CredentialId, DeviceId, ResidentId


class LogKind(enum.Enum):
    ACCESS = "access"  # every attempt and every opening, granted or denied
    RING = "ring"  # somebody dialled a known apartment
    CALL = "call"  # a call ended; details are in the call's own row
    DEVICE = "device"  # something a device reported
    ALARM = "alarm"
    AUDIT = "audit"  # who changed what


class Outcome(enum.Enum):
    GRANTED = "granted"
    DENIED = "denied"


@dataclass(frozen=True, slots=True)
class LogEntry:
    """What is appended; the store adds ``seq``."""

    kind: LogKind
    at_ms: int  # the edge's clock
    id: str = ""  # the device's id of the attempt or event, the call's id, …
    device: DeviceId | None = None
    device_at_ms: int | None = None  # the device's clock
    method: UnlockMethod | None = None
    outcome: Outcome | None = None
    reason: Reason | None = None
    apartment: ApartmentId | None = None
    resident: ResidentId | None = None
    credential: CredentialId | None = None
    relays: tuple[str, ...] = ()  # labels: "1", "s1"
    duress: bool = False
    detail: Mapping[str, object] = field(default_factory=dict)  # JSON-able, kind's own
