"""In whose right somebody in a call asks a door to open."""

from typing import Final

from edge.core.call_events import RequestOpen
from edge.core.openings import OpenRequest
from edge.core.snapshot import Snapshot
from models.call import Caller, CallPlan, LegKind, Target
from models.device import DeviceType

_OF_THE_APARTMENT: Final = frozenset({LegKind.MONITOR, LegKind.APP, LegKind.LANDLINE})


def open_request(
    plan: CallPlan, party: Target | Caller, request: RequestOpen, snapshot: Snapshot
) -> OpenRequest | None:
    """What the door rules are asked; None where the call has no door.

    A monitor, an app and a landline speak for the apartment of the call, a guard for the house, an outside caller for
    the community's whitelist. An emergency number speaks for nobody, and nobody opens nothing.
    """
    if plan.door is None:
        return None
    staff = _is_staff(party, snapshot)
    speaks_for_home = not isinstance(party, Target) or party.kind in _OF_THE_APARTMENT
    home = plan.apartment if speaks_for_home and not staff else None
    return OpenRequest(
        device=plan.door,
        method=request.method,
        relay=request.label,
        apartments=(home,) if home is not None else (),
        resident=party.resident,
        staff=staff,
        guard=staff and not _is_outside(party),
    )


def _is_outside(party: Target | Caller) -> bool:
    return not isinstance(party, Target) and party.trunk_number is not None


def _is_staff(party: Target | Caller, snapshot: Snapshot) -> bool:
    if isinstance(party, Target):
        return party.kind is LegKind.GUARD
    if party.trunk_number is not None:
        return party.trunk_number in snapshot.caller_whitelist
    device = snapshot.devices.get(party.device) if party.device is not None else None
    return device is not None and device.type is DeviceType.GUARD_PHONE
