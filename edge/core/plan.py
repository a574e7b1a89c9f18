"""Who may call whom, and in which stages: a caller and a dialled string become a `CallPlan`."""

import enum
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from edge.core.admission import admit
from edge.core.call_verdicts import ALL_BUSY, REFUSED
from edge.core.numbering import (
    Destination,
    Nobody,
    OutsideCaller,
    Party,
    ToApartment,
    ToApp,
    ToDoor,
    ToGuards,
    ToMonitor,
    ToSos,
    homes_of,
    resolve,
)
from edge.core.plan_legs import (
    Circumstances,
    apartment_legs,
    app_leg,
    device_target,
    emergency_legs,
    group_of,
    guard_legs,
    monitor_leg,
    redirects,
)
from edge.core.snapshot import Snapshot
from models.access import UnlockMethod
from models.call import CHAINS, Caller, CallPlan, DigitSource, LegKind, PlannedLeg, Refusal, Stage
from models.community import Apartment, Resident
from models.device import Device, DeviceType, Place
from models.service import ServiceState

NEIGHBOUR_KINDS: Final = frozenset({LegKind.MONITOR, LegKind.APP})
"""What rings when residents call each other: together, and never a telephone (decision 29)."""


@dataclass(frozen=True, slots=True)
class Calling:
    """Who calls, and what the plan depends on."""

    about: Circumstances
    party: Party | None  # None: nobody in particular, for a plan that is only shown

    @property
    def snapshot(self) -> Snapshot:
        return self.about.snapshot

    @property
    def door(self) -> Device | None:
        """The door that calls, if one does."""
        return self.party if isinstance(self.party, Device) and self.party.type.is_door else None

    def plan(self, *stages: Stage, apartment: Apartment | None = None, door: Device | None = None) -> CallPlan:
        """An allowed plan. *door* can be opened in it by the side that is not the door."""
        door = door or self.door
        group = group_of(self.snapshot, self.party) if self.party else ""
        base = self._base(apartment)
        return replace(
            base,
            stages=stages,
            door=door.id if door else None,
            door_codes=door_codes(door) if door else {},
            digits_from=_digits_from(door, self.party),
            redirect_to=redirects(self.about, apartment, self.party),
            relayed_audio=not group or (door is not None and lists_dtmf(door)),
        )

    def refuse(self, refusal: Refusal, apartment: Apartment | None = None) -> CallPlan:
        return replace(self._base(apartment), refusal=refusal, status=REFUSED[refusal].status)

    def _base(self, apartment: Apartment | None) -> CallPlan:
        return CallPlan(
            apartment=apartment.id if apartment else None,
            caller_device=self.party.id if isinstance(self.party, Device) else None,
            caller_group=group_of(self.snapshot, self.party) if self.party else "",
            max_talk_s=self.about.settings.max_talk_s,
        )


def lists_dtmf(door: Device) -> bool:
    """Whether *door* has an enabled relay that lists DTMF: its audio then passes the edge (decision 20)."""
    return any(relay.enabled and UnlockMethod.DTMF in relay.methods for relay in door.relays)


def door_codes(door: Device) -> dict[str, str]:
    """DTMF code -> relay label of *door*."""
    return {
        relay.dtmf: relay.label
        for relay in door.relays
        if relay.enabled and relay.dtmf and UnlockMethod.DTMF in relay.methods
    }


def _digits_from(door: Device | None, party: Party | None) -> DigitSource:
    if door is None:
        return DigitSource.NOBODY
    return DigitSource.CALLEE if door == party else DigitSource.CALLER


def make_plan(about: Circumstances, caller: Caller, dialled: str) -> CallPlan:
    """The plan for what *caller* dialled (user part of the Request-URI). Never raises for bad input."""
    party = party_of(about.snapshot, caller)
    calling = Calling(about, party)
    if party is None:
        return calling.refuse(Refusal.NOT_ALLOWED)
    if isinstance(party, OutsideCaller):
        return from_outside(calling, party, dialled)
    return plan_to(calling, party, resolve(about.snapshot, party, dialled))


def plan_to(calling: Calling, party: Party, destination: Destination) -> CallPlan:
    """The plan for a destination already found."""
    if isinstance(destination, Nobody):
        return calling.refuse(Refusal.UNKNOWN)
    dialled_apartment = destination.apartment if isinstance(destination, ToApartment) else None
    route = ROUTES[side_of(party)].get(type(destination))
    plan = route(calling, destination) if route else calling.refuse(Refusal.NOT_ALLOWED, dialled_apartment)
    return replace(plan, ring_event=dialled_apartment is not None)


def busy(plan: CallPlan) -> CallPlan:
    """*plan* of a door that is in another call: nobody is rung, the visitor gets 486 (decision 25)."""
    return replace(plan, stages=(), status=ALL_BUSY.status) if plan.allowed else plan


def party_of(snapshot: Snapshot, caller: Caller) -> Party | None:
    """Who *caller* is now; None if it is gone or disabled."""
    if caller.trunk_number is not None:
        return OutsideCaller(caller.trunk_number)
    if caller.resident is not None:
        return snapshot.residents.get(caller.resident)
    device = snapshot.devices.get(caller.device) if caller.device is not None else None
    return device if device is not None and device.enabled else None


# --- routes ---------------------------------------------------------------------------------------------------------


def _to_apartment(calling: Calling, destination: ToApartment) -> CallPlan:
    return to_apartment(calling, destination.apartment)


def to_apartment(calling: Calling, apartment: Apartment) -> CallPlan:
    """By the apartment's call type, all stages: what a door and a guard ring (decision 29)."""
    refusal = _admitted(calling, apartment)
    if refusal is not None:
        return calling.refuse(refusal, apartment)
    legs = apartment_legs(calling.about, apartment, calling.party)
    stages = [
        calling.about.stage(index, (leg for leg in legs if leg.target.kind in kinds))
        for index, kinds in enumerate(CHAINS[apartment.call_type])
    ]
    return calling.plan(*stages, apartment=apartment)


def to_neighbour(calling: Calling, destination: ToApartment) -> CallPlan:
    apartment = destination.apartment
    refusal = _neighbourly(calling) or _admitted(calling, apartment)
    if refusal is not None:
        return calling.refuse(refusal, apartment)
    legs = apartment_legs(calling.about, apartment, calling.party)
    stage = calling.about.stage(0, (leg for leg in legs if leg.target.kind in NEIGHBOUR_KINDS))
    return calling.plan(stage, apartment=apartment)


def to_monitor(calling: Calling, destination: ToMonitor) -> CallPlan:
    """One monitor by its number: an apartment's rules apply, as if the apartment had been dialled."""
    monitor = destination.monitor
    apartment = calling.snapshot.apartments.get(monitor.apartment) if monitor.apartment is not None else None
    refusal = _neighbourly(calling) or (_admitted(calling, apartment) if apartment else None)
    if refusal is not None:
        return calling.refuse(refusal, apartment)
    return calling.plan(_one(calling, monitor_leg(calling.snapshot, monitor, calling.party)), apartment=apartment)


def to_app(calling: Calling, destination: ToApp) -> CallPlan:
    """One resident's app by its number, in the right of a home of theirs that may be called."""
    homes = homes_of(calling.snapshot, destination.resident)
    refusals = {home.id: _admitted(calling, home) for home in homes}
    home = next((home for home in homes if refusals[home.id] is None), homes[0] if homes else None)
    refusal = _neighbourly(calling) or (refusals[home.id] if home else Refusal.UNKNOWN)
    if refusal is not None:
        return calling.refuse(refusal, home)
    leg = app_leg(destination.resident, calling.party, calling.about.now_ms)
    return calling.plan(_one(calling, leg), apartment=home)


def look_in(calling: Calling, destination: ToDoor) -> CallPlan:
    """A resident looks at a door that serves a home of theirs, then talks, and may open by digits (domain §2)."""
    if isinstance(calling.party, Resident) and not calling.party.app_works(calling.about.now_ms):
        return calling.refuse(Refusal.NOT_ALLOWED)
    homes = homes_of(calling.snapshot, calling.party) if calling.party else ()
    served = [home for home in homes if destination.door.serves(home.id, home.building)]
    home = next((home for home in served if home.service is ServiceState.ACTIVE), None)
    if home is None:
        return calling.refuse(_without_service(served))
    return _door_plan(calling, destination.door, home)


def to_any_door(calling: Calling, destination: ToDoor) -> CallPlan:
    """A guard reaches every door; so does an outside caller on the whitelist (domain §3)."""
    return _door_plan(calling, destination.door, None)


def from_outside(calling: Calling, caller: OutsideCaller, dialled: str) -> CallPlan:
    """A number of the caller whitelist opens its door by calling, or rings one: the door that it dialled, if a provider
    lets it dial at all, else the only one there is. Everything else is 403, whatever it was."""
    snapshot = calling.snapshot
    if caller.number not in snapshot.caller_whitelist:
        return calling.refuse(Refusal.NOT_ALLOWED)
    destination = resolve(snapshot, caller, dialled)
    if not isinstance(destination, Nobody):
        return plan_to(calling, caller, destination)
    opens = snapshot.opens_by_calling.get(caller.number)
    door = snapshot.devices.get(opens) if opens is not None else None
    if door is not None:
        return _opened_by_calling(calling, door)
    doors = [d for d in snapshot.devices.values() if d.type.is_door and d.enabled and d.place is not Place.APARTMENT]
    return to_any_door(calling, ToDoor(doors[0])) if len(doors) == 1 else calling.refuse(Refusal.NOT_ALLOWED)


def _opened_by_calling(calling: Calling, door: Device) -> CallPlan:
    """The first relay that lists DTMF, the method of telephones."""
    labels = [r.label for r in door.relays if r.enabled and not r.security and UnlockMethod.DTMF in r.methods]
    if not (door.enabled and labels):
        return calling.refuse(Refusal.NOT_ALLOWED)
    return replace(calling.plan(door=door), opens=min(labels))


def to_guards(calling: Calling, destination: ToGuards) -> CallPlan:
    legs = guard_legs(calling.snapshot, destination.phones, calling.party)
    return calling.plan(calling.about.stage(0, legs))


def to_sos(calling: Calling, _destination: ToSos) -> CallPlan:
    """All guards, then the community's emergency numbers: the one plan with telephones that no apartment owns."""
    guards = guard_legs(calling.snapshot, calling.snapshot.guards, calling.party)
    return calling.plan(calling.about.stage(0, guards), calling.about.stage(1, emergency_legs(calling.about)))


def _admitted(calling: Calling, apartment: Apartment) -> Refusal | None:
    return admit(apartment, has_monitor=bool(calling.snapshot.monitors_of(apartment.id)))


def _neighbourly(calling: Calling) -> Refusal | None:
    """Why a resident may not call other residents; None if it may. A guard always may."""
    party = calling.party
    if isinstance(party, Device) and party.type is DeviceType.GUARD_PHONE:
        return None
    if not calling.snapshot.community.community_calls:
        return Refusal.NOT_ALLOWED
    if isinstance(party, Resident) and not party.app_works(calling.about.now_ms):
        return Refusal.NOT_ALLOWED
    homes = homes_of(calling.snapshot, party) if party else ()
    return None if any(h.service is ServiceState.ACTIVE for h in homes) else _without_service(homes)


def _without_service(homes: Sequence[Apartment]) -> Refusal:
    """The refusal where none of *homes* is active: one that is off is as unknown as none at all."""
    return Refusal.BLOCKED if any(h.service is ServiceState.BLOCKED for h in homes) else Refusal.UNKNOWN


def _one(calling: Calling, leg: PlannedLeg) -> Stage:
    return calling.about.stage(0, (leg,))


def _door_plan(calling: Calling, door: Device, home: Apartment | None) -> CallPlan:
    target = device_target(calling.snapshot, LegKind.DOOR, door)
    return calling.plan(_one(calling, PlannedLeg(target, True, "door")), apartment=home, door=door)


class Side(enum.Enum):
    """What a caller is to the rules."""

    DOOR = "door"
    HOME = "home"  # a monitor or an app
    GUARD = "guard"
    OUTSIDE = "outside"


def side_of(party: Party) -> Side:
    match party:
        case OutsideCaller():
            return Side.OUTSIDE
        case Device(type=DeviceType.GUARD_PHONE):
            return Side.GUARD
        case Device() if party.type.is_door:
            return Side.DOOR
        case _:
            return Side.HOME


_Route = Callable[[Calling, Any], CallPlan]  # Any: the destination's own type, by the key it stands under

ROUTES: Final[Mapping[Side, Mapping[type, _Route]]] = {
    Side.DOOR: {ToApartment: _to_apartment, ToGuards: to_guards, ToSos: to_sos},
    Side.HOME: {
        ToApartment: to_neighbour,
        ToMonitor: to_monitor,
        ToApp: to_app,
        ToDoor: look_in,
        ToGuards: to_guards,
        ToSos: to_sos,
    },
    Side.GUARD: {
        ToApartment: _to_apartment,
        ToMonitor: to_monitor,
        ToApp: to_app,
        ToDoor: to_any_door,
        ToGuards: to_guards,
        ToSos: to_sos,
    },
    Side.OUTSIDE: {ToDoor: to_any_door},
}
"""Who may call what. A pair that is absent is refused (domain §2: everything else is refused)."""
