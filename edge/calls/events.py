"""What a call tells the journal and the integrators (decisions 19 and 33): names and numbers, never a secret."""

from edge.core.snapshot import Snapshot
from models.call import CallRecord, LegRecord
from models.ids import ApartmentId
from models.log import LogEntry, LogKind
from models.times import rfc3339

Event = dict[str, object]


def ring_entry(record: CallRecord) -> LogEntry:
    """Somebody dialled a known apartment, whether or not anybody could be called."""
    return LogEntry(
        LogKind.RING,
        record.at_ms,
        id=record.id,
        device=record.caller_device,
        apartment=record.apartment,
        detail={"from": record.caller, "dialled": record.dialled},
    )


def call_entry(record: CallRecord, now_ms: int) -> LogEntry:
    """A call has ended; its legs are in the call's own row."""
    answered = answered_leg(record)
    return LogEntry(
        LogKind.CALL,
        now_ms,
        id=record.id,
        device=record.caller_device,
        apartment=record.apartment,
        relays=record.opened,
        detail={
            "from": record.caller,
            "dialled": record.dialled,
            "outcome": record.outcome.value if record.outcome else None,
            "reason": record.reason.value if record.reason else None,
            "status": record.status,
            "answered_by": answered.target if answered else None,
            "ended_by": record.ended_by.value if record.ended_by else None,
            "duration_s": record.duration_s,
        },
    )


def ring_event(record: CallRecord, snapshot: Snapshot) -> Event:
    return {**_common(record, snapshot, record.at_ms), "type": "ring"}


def call_event(record: CallRecord, snapshot: Snapshot, now_ms: int) -> Event:
    answered = answered_leg(record)
    return {
        **_common(record, snapshot, now_ms),
        "type": "call",
        "state": call_state(record),
        "outcome": record.outcome.value if record.outcome else None,
        "reason": record.reason.value if record.reason else None,
        "status": record.status,
        "answered_by": {"kind": answered.kind.value, "target": answered.target} if answered else None,
        "opened": list(record.opened),
        "ended_by": record.ended_by.value if record.ended_by else None,
        "duration_s": record.duration_s,
    }


def call_state(record: CallRecord) -> str:
    if record.ended_by is not None:
        return "ended"
    return "ringing" if record.answered_by is None else "talking"


def answered_leg(record: CallRecord) -> LegRecord | None:
    return record.legs[record.answered_by] if record.answered_by is not None else None


def _common(record: CallRecord, snapshot: Snapshot, at_ms: int) -> Event:
    device = snapshot.devices.get(record.caller_device) if record.caller_device is not None else None
    return {
        "id": record.id,
        "at": rfc3339(at_ms),
        "from": record.caller,
        "door": device.name if device is not None and device.type.is_door else None,
        "mac": device.mac if device is not None else None,
        "dialled": record.dialled,
        "apartment": apartment_name(snapshot, record.apartment),
    }


def apartment_name(snapshot: Snapshot, identity: ApartmentId | None) -> str | None:
    """``BUILDING/NUMBER``, as the command line takes it."""
    apartment = snapshot.apartments.get(identity) if identity is not None else None
    if apartment is None:
        return None
    building = snapshot.buildings.get(apartment.building)
    return f"{building.name}/{apartment.number}" if building is not None else apartment.number
