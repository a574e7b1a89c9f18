"""What integrators are told on `edge/event` (decision 19): nothing secret, and of a denial no more than the device."""

from typing import Final

from edge.core.access import labels
from edge.core.snapshot import Snapshot
from models.access import AccessDecision, UnlockMethod
from models.device import Device
from models.device_events import DeviceEvent
from models.ids import ApartmentId, Mac, new_id
from models.times import rfc3339

Notice = dict[str, object]
_NOTICE_ID: Final = "e"


def apartment_label(snapshot: Snapshot, apartment: ApartmentId | None) -> str | None:
    """``BUILDING/NUMBER``; None where it is not known (any more)."""
    home = snapshot.apartments.get(apartment) if apartment is not None else None
    building = snapshot.buildings.get(home.building) if home is not None else None
    return None if home is None or building is None else f"{building.name}/{home.number}"


def access_notice(
    snapshot: Snapshot, device: Device, method: UnlockMethod, decision: AccessDecision, now_ms: int
) -> Notice:
    """An attempt or an opening. Whether it was under duress is for operators only (decision 13)."""
    return {
        **_notice("access", device.mac, device.name, now_ms),
        "method": method.value,
        "outcome": "granted" if decision.granted else "denied",
        "reason": decision.told.value,
        # Whose code was tried is not told where the device must not know it either.
        "apartment": apartment_label(snapshot, decision.apartment) if decision.told is decision.reason else None,
        "relays": list(labels(decision)),
    }


def event_notice(event: DeviceEvent, device: Device | None, alarm: bool, now_ms: int) -> Notice:
    """Something a device reported."""
    notice = _notice("alarm" if alarm else "device", event.device, device.name if device else None, now_ms)
    return {**event.fields, **notice, "event": event.type.value}


def alarm_notice(alarm: str, device: Device, now_ms: int) -> Notice:
    """Something at *device* that a person must look at, found by the rules and not by the device itself."""
    return {**_notice("alarm", device.mac, device.name, now_ms), "event": alarm}


def presence_notice(mac: Mac, device: Device | None, online: bool, now_ms: int) -> Notice:
    notice = _notice("device", mac, device.name if device else None, now_ms)
    return {**notice, "event": "online" if online else "offline"}


def store_notice(now_ms: int) -> Notice:
    """The store does not commit in time: doors go on opening, and the log follows."""
    return {**_notice("alarm", None, None, now_ms), "event": "store_late"}


def _notice(kind: str, mac: Mac | None, door: str | None, now_ms: int) -> Notice:
    return {"id": new_id(_NOTICE_ID), "at": rfc3339(now_ms), "type": kind, "device": mac, "door": door}
