"""Openings that present no credential: by a call, an app, a guard, an operator, an exit button, a fire signal.

The right to open comes with who asks, which somebody proved before: a digest login, a call in progress, a rank.
"""

from dataclasses import dataclass
from typing import Final

from edge.core.access import DoorState, Judgement, grant, relays_for
from edge.core.restrictions import LETS_OUT, UNRESTRICTED, interlocked_by, locked_down, within_hours
from edge.core.service import app_objection, service_objection
from edge.core.snapshot import Snapshot
from models.access import AccessDecision, Cause, Reason, UnlockMethod
from models.community import Apartment
from models.device import Device, Relay
from models.ids import ApartmentId, DeviceId, ResidentId

UNCONDITIONAL: Final = LETS_OUT
"""Let people out: no rule but *device known* and *too late* may object (decision 1)."""

_STAFF: Final = frozenset({UnlockMethod.GUARD, UnlockMethod.REMOTE})
_NOTHING_KNOWN: Final = DoorState()
_HOLDERS: Final = frozenset({UnlockMethod.DTMF, UnlockMethod.APP_HOME, UnlockMethod.APP_TALK})


@dataclass(frozen=True, slots=True)
class OpenRequest:
    """Who asks *device* to open, how, and in whose right."""

    device: DeviceId
    method: UnlockMethod
    relay: str | None = None  # label; None = every enabled relay that lists the method
    apartments: tuple[ApartmentId, ...] = ()  # whose right it may be, the preferred one first
    resident: ResidentId | None = None
    staff: bool = False  # a guard, or an outside caller of the community's whitelist: needs no apartment
    guard: bool = False  # a guard: goes on outside hours and under lock-down
    too_late: bool = False


def decide_request(
    request: OpenRequest, snapshot: Snapshot, now_ms: int, state: DoorState = _NOTHING_KNOWN
) -> Judgement:
    """Judge *request* at *now_ms* (Unix milliseconds). The first rule that objects gives the reason."""
    device = snapshot.devices.get(request.device)
    if device is None:
        return Judgement(_denied(Reason.DEVICE_UNKNOWN, request))
    relays = _relays(device, request)
    # A fire signal opens whatever its age (decision 4).
    if request.too_late and request.method is not UnlockMethod.FIRE:
        return Judgement(_denied(Reason.TOO_LATE, request), device)
    if request.method in UNCONDITIONAL:
        opens = grant(relays) if relays else _denied(Reason.METHOD_NOT_ON_RELAY, request)
        return Judgement(opens, device)
    if not device.enabled:
        return Judgement(_denied(Reason.DEVICE_DISABLED, request), device)
    if not _unrestricted(request) and locked_down(snapshot, device, now_ms):
        return Judgement(_denied(Reason.NOT_ALLOWED, request, Cause.LOCK_DOWN), device)
    if not relays:
        missing = Reason.NOT_ALLOWED if request.method is UnlockMethod.REMOTE else Reason.METHOD_NOT_ON_RELAY
        return Judgement(_denied(missing, request), device)
    decision = _decide_right(request, device, relays, snapshot, now_ms)
    if decision.granted and interlocked_by(snapshot, device, state.passages, state.now_s) is not None:
        decision = _denied(Reason.NOT_ALLOWED, request, Cause.INTERLOCK)
    return Judgement(decision, device)


def _unrestricted(request: OpenRequest) -> bool:
    return request.guard or request.method in UNRESTRICTED


def _relays(device: Device, request: OpenRequest) -> tuple[Relay, ...]:
    if request.method is UnlockMethod.FIRE:
        return tuple(relay for relay in device.relays if relay.enabled)
    listed = relays_for(device, request.method)
    return tuple(relay for relay in listed if request.relay is None or relay.label == request.relay)


def _decide_right(
    request: OpenRequest, device: Device, relays: tuple[Relay, ...], snapshot: Snapshot, now_ms: int
) -> AccessDecision:
    """The holder's rules. A resident of several apartments opens by the first that is served and active."""
    open_now = relays if _unrestricted(request) else within_hours(snapshot, device, relays, now_ms)
    if request.method in _STAFF or request.staff:
        return grant(open_now) if open_now else _denied(Reason.OUTSIDE_SCHEDULE, request)
    if request.method not in _HOLDERS:
        return _denied(Reason.NOT_ALLOWED, request)  # a credential must be presented for it
    first_objection = Reason.NOT_ALLOWED
    for place, apartment_id in enumerate(request.apartments):
        apartment = snapshot.apartments.get(apartment_id)
        objection = _objection(request, device, apartment, snapshot, now_ms, bool(open_now))
        if apartment is not None and objection is None:
            return grant(open_now, apartment, resident=request.resident)
        if place == 0 and objection is not None:
            first_objection = objection
    return _denied(first_objection, request)


def _objection(
    request: OpenRequest,
    device: Device,
    apartment: Apartment | None,
    snapshot: Snapshot,
    now_ms: int,
    within_door_hours: bool,
) -> Reason | None:
    if apartment is None or not device.serves(apartment.id, apartment.building):
        return Reason.DOOR_NOT_SERVED
    if not within_door_hours:
        return Reason.OUTSIDE_SCHEDULE
    if service := service_objection(apartment.service, request.method):
        return service
    resident = snapshot.residents.get(request.resident) if request.resident is not None else None
    return app_objection(resident, request.method, now_ms)


def _denied(reason: Reason, request: OpenRequest, cause: Cause | None = None) -> AccessDecision:
    apartment = request.apartments[0] if request.apartments else None
    return AccessDecision(reason, apartment=apartment, resident=request.resident, cause=cause)
