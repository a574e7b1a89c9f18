"""What devices report besides attempts (`up/event`, `up/hello`, `up/state`, `up/ack`)."""

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field

from models.ids import Mac


class DeviceEventType(enum.Enum):
    EXIT_BUTTON = "exit_button"
    FIRE = "fire"
    DOOR_OPENED = "door_opened"
    DOOR_CLOSED = "door_closed"
    FORCED = "forced"
    HELD_OPEN = "held_open"
    TAMPER = "tamper"
    RELAY = "relay"
    ALARM = "alarm"
    ARMING = "arming"
    SOS = "sos"
    PANEL_OPENED = "panel_opened"
    PANEL_REFUSED = "panel_refused"


@dataclass(frozen=True, slots=True)
class DeviceEvent:
    id: str
    device: Mac
    type: DeviceEventType
    at_ms: int  # the device's clock
    fields: Mapping[str, object] = field(default_factory=dict)  # the type's own, checked
    too_late: bool = False  # older than 10 s where age was asked (decision 4)


@dataclass(frozen=True, slots=True)
class Hello:
    device: Mac
    model: str
    firmware: str
    ip: str
    relays: int | None
    at_ms: int | None
    live: bool  # cannot have waited at the broker, so the clock offset may be learnt from it


class OpenResult(enum.Enum):
    """What became of a `down/open`."""

    OPENED = "opened"  # the device said ok
    REFUSED = "refused"  # the device said no, or expired, or repeated
    OFFLINE = "offline"  # not sent
    NO_ACK = "no_ack"  # sent; it may have been carried out
