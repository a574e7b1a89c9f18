"""Whom a plan can ring: an apartment's legs, guards, emergency numbers, each in or out with the reason why."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from edge.core.numbering import Party
from edge.core.settings import CallSettings
from edge.core.snapshot import Snapshot
from models.call import LegKind, PlannedLeg, Stage, Target
from models.community import Apartment, Resident
from models.device import Device
from models.service import Activation

LAST_DIGITS: Final = 4  # of a telephone number that a log or a screen may show

_APP_IS_OUT: Final[Mapping[Activation, str]] = {
    Activation.INACTIVE: "the app is not activated",
    Activation.ACTIVE: "the app subscription has ended",
    Activation.EXPIRED: "the app subscription has expired",
}


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What a plan depends on beside who calls whom."""

    snapshot: Snapshot
    settings: CallSettings
    trunk: bool  # a telephone provider is configured
    now_ms: int  # Unix milliseconds; app subscriptions end

    def stage(self, index: int, legs: Iterable[PlannedLeg]) -> Stage:
        """Stage number *index* (0 = the first) of *legs*."""
        return Stage(tuple(legs), self.settings.ring_s(index), in_turn=self.settings.landline_order == "in_turn")


def short_number(number: str) -> str:
    """A telephone number as logs and screens show it."""
    return number if len(number) <= LAST_DIGITS else f"…{number[-LAST_DIGITS:]}"


def device_target(snapshot: Snapshot, kind: LegKind, device: Device) -> Target:
    return Target(kind, device.sip_user, device.name, device=device.mac, network_group=group_of(snapshot, device))


def app_target(resident: Resident) -> Target:
    """An app is in no network group: its media always passes through the edge."""
    return Target(LegKind.APP, resident.sip_user, resident.name, resident=resident.id)


def group_of(snapshot: Snapshot, party: Party) -> str:
    """The network group of a device: its own, else its apartment's; "" = in none (decision 20)."""
    if not isinstance(party, Device):
        return ""
    home = snapshot.apartments.get(party.apartment) if party.apartment is not None else None
    return party.network_group or (home.network_group if home is not None else "")


def apartment_legs(about: Circumstances, apartment: Apartment, caller: Party | None) -> tuple[PlannedLeg, ...]:
    """Every leg that *apartment* could have. *caller* is not rung by its own call."""
    snapshot = about.snapshot
    monitors = [monitor_leg(snapshot, device, caller) for device in snapshot.monitors_of(apartment.id)]
    apps = [app_leg(resident, caller, about.now_ms) for resident in snapshot.residents_of.get(apartment.id, ())]
    return (*monitors, *apps, *_landline_legs(about, apartment))


def monitor_leg(snapshot: Snapshot, device: Device, caller: Party | None) -> PlannedLeg:
    target = device_target(snapshot, LegKind.MONITOR, device)
    if isinstance(caller, Device) and caller.id == device.id:
        return PlannedLeg(target, False, "is the caller")
    return PlannedLeg(target, device.enabled, "indoor monitor" if device.enabled else "the monitor is disabled")


def app_leg(resident: Resident, caller: Party | None, now_ms: int) -> PlannedLeg:
    target = app_target(resident)
    if isinstance(caller, Resident) and caller.id == resident.id:
        return PlannedLeg(target, False, "is the caller")
    works = resident.app_works(now_ms)
    return PlannedLeg(target, works, "active resident" if works else _APP_IS_OUT[resident.activation])


def _landline_legs(about: Circumstances, apartment: Apartment) -> list[PlannedLeg]:
    if not about.snapshot.community.landline_service:
        included, why = False, "the community has no landline service"
    elif not about.trunk:
        included, why = False, "no trunk is configured"
    else:
        included, why = True, "landline"
    return [
        PlannedLeg(Target(LegKind.LANDLINE, number, short_number(number)), included, why)
        for number in apartment.landlines
    ]


def guard_legs(snapshot: Snapshot, phones: Iterable[Device], caller: Party | None) -> tuple[PlannedLeg, ...]:
    """Guard phones; a guard that calls is not rung by its own call."""
    legs: list[PlannedLeg] = []
    for phone in phones:
        calls = isinstance(caller, Device) and caller.id == phone.id
        target = device_target(snapshot, LegKind.GUARD, phone)
        legs.append(PlannedLeg(target, not calls, "is the caller" if calls else "guard phone"))
    return tuple(legs)


def emergency_legs(about: Circumstances) -> tuple[PlannedLeg, ...]:
    why = "emergency number" if about.trunk else "no trunk is configured"
    return tuple(
        PlannedLeg(Target(LegKind.PHONE, number, short_number(number)), about.trunk, why)
        for number in about.snapshot.emergency_numbers
    )


def redirects(about: Circumstances, apartment: Apartment | None, caller: Party | None) -> dict[str, Target]:
    """Whom a 302 may name: the apartment's own monitors and apps, and guard phones (decision 27)."""
    snapshot = about.snapshot
    legs = guard_legs(snapshot, snapshot.guards, caller)
    if apartment is not None:
        legs = (*apartment_legs(about, apartment, caller), *legs)
    return {leg.target.address: leg.target for leg in legs if leg.included and leg.target.kind is not LegKind.LANDLINE}
