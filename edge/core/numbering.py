"""What a dialled string means to the one who dialled it. A number is parsed once, here, into a destination.

No destination is a telephone number: a device reaches the trunk only through a plan (domain §2).
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from typing import Final, TypeVar

from edge.core.snapshot import Snapshot
from models.community import Apartment, Building, Resident
from models.device import Device, DeviceType
from models.ids import ApartmentId, SipUser

_Thing = TypeVar("_Thing")

MAX_DIALLED: Final = 300  # characters; a building's and an apartment's name together are shorter
GUARD: Final = "guard"
SOS: Final = "sos"
APARTMENT_NUMBER: Final = re.compile(r"[0-9]{1,6}(?:#[0-9]{1,6})*", re.ASCII)
SIP_NUMBER: Final = re.compile(r"[0-9]{8}", re.ASCII)  # of devices and apps; no apartment has such a number
_ESCAPED: Final = {"%23": "#", "%2A": "*", "%2a": "*"}  # some phones escape what need not be escaped


@dataclass(frozen=True, slots=True)
class ToApartment:
    apartment: Apartment


@dataclass(frozen=True, slots=True)
class ToGuards:
    phones: tuple[Device, ...]


@dataclass(frozen=True, slots=True)
class ToSos:
    pass


@dataclass(frozen=True, slots=True)
class ToDoor:
    door: Device


@dataclass(frozen=True, slots=True)
class ToMonitor:
    monitor: Device


@dataclass(frozen=True, slots=True)
class ToApp:
    resident: Resident


@dataclass(frozen=True, slots=True)
class Nobody:
    """Nothing by that name for this caller, or more than one thing. The caller is told 404 in every case."""


Destination = ToApartment | ToGuards | ToSos | ToDoor | ToMonitor | ToApp | Nobody


@dataclass(frozen=True, slots=True)
class OutsideCaller:
    """Somebody who calls in through the trunk."""

    number: str


Party = Device | Resident | OutsideCaller


def resolve(snapshot: Snapshot, party: Party, dialled: str) -> Destination:
    """What *dialled* (user part of a Request-URI) means to *party*. Never raises for bad input."""
    if len(dialled) > MAX_DIALLED:
        return Nobody()
    text = _unescaped(dialled).strip()
    if text.casefold() == GUARD:
        return ToGuards(snapshot.guards)
    if text.casefold() == SOS:
        return ToSos()
    if SIP_NUMBER.fullmatch(text):
        return _by_sip_number(snapshot, text)
    apartment = _only(a for a in _apartments(snapshot, text) if _may_reach(party, a))
    return ToApartment(apartment) if apartment else _by_name(snapshot, party, text)


def _unescaped(dialled: str) -> str:
    """*dialled* with ``#`` and ``*`` as they are: both spellings are the same apartment."""
    for escaped, plain in _ESCAPED.items():
        dialled = dialled.replace(escaped, plain)
    return dialled


def _by_sip_number(snapshot: Snapshot, number: str) -> Destination:
    match snapshot.by_sip_user.get(SipUser(number)):
        case Device() as device if device.enabled:
            return _to_device(device)
        case Resident() as resident:
            return ToApp(resident)
        case _:
            return Nobody()


def _to_device(device: Device) -> Destination:
    if device.type.is_door:
        return ToDoor(device)
    return ToGuards((device,)) if device.type is DeviceType.GUARD_PHONE else ToMonitor(device)


def _apartments(snapshot: Snapshot, text: str) -> Iterable[Apartment]:
    """Apartments that *text* may mean: ``<number>``, or ``<building>*<number>`` (decision 28)."""
    building_name, star, number = text.rpartition("*")
    if not APARTMENT_NUMBER.fullmatch(number):
        return ()
    found = snapshot.by_number.get(number, ())
    if not star:
        return found
    building = _building(snapshot, building_name)
    return (a for a in found if building is not None and a.building == building.id)


def _building(snapshot: Snapshot, name: str) -> Building | None:
    """The building of that name, in whatever case where this leaves only one."""
    exact = _only(b for b in snapshot.buildings.values() if b.name == name)
    return exact or _only(b for b in snapshot.buildings.values() if b.name.casefold() == name.casefold())


def _may_reach(party: Party, apartment: Apartment) -> bool:
    """A door knows no apartment but those that it serves."""
    return not (isinstance(party, Device) and party.type.is_door) or party.serves(apartment.id, apartment.building)


def _by_name(snapshot: Snapshot, party: Party, name: str) -> Destination:
    """A door or guard phone by its name, where that leaves one; a resident's own doors come first."""
    named = [
        device
        for device in snapshot.devices.values()
        if device.enabled
        and (device.type.is_door or device.type is DeviceType.GUARD_PHONE)
        and device.name.casefold() == name.casefold()
    ]
    homes = homes_of(snapshot, party)
    near = [d for d in named if not d.type.is_door or any(d.serves(home.id, home.building) for home in homes)]
    found = _only(near) or _only(named)
    return _to_device(found) if found else Nobody()


def homes_of(snapshot: Snapshot, party: Party) -> tuple[Apartment, ...]:
    """The apartments *party* calls from: a monitor's one, a resident's all; none of others."""
    homes: tuple[ApartmentId, ...] = ()
    if isinstance(party, Resident):
        homes = party.apartments
    elif isinstance(party, Device) and party.type is DeviceType.INDOOR_MONITOR and party.apartment is not None:
        homes = (party.apartment,)
    return tuple(snapshot.apartments[home] for home in homes if home in snapshot.apartments)


def _only(found: Iterable[_Thing]) -> _Thing | None:
    """The one thing found; None where there is none, or more than one."""
    first_two = list(islice(found, 2))
    return first_two[0] if len(first_two) == 1 else None
