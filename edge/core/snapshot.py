"""The community in memory: everything the rules and plans read, indexed once, never a query on the hot path.

The store builds it, the application swaps it whole (or with `with_credentials` for small changes). Nobody mutates it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from models.access import Area, Credential, CredentialKind, DoorOrder
from models.community import Apartment, Building, Community, Resident
from models.device import Device, DeviceType, Place
from models.ids import ApartmentId, AreaId, BuildingId, CredentialId, DeviceId, Mac, ResidentId, ScheduleId, SipUser
from models.schedule import NO_HOLIDAYS, Holidays, Schedule

Tags = Mapping[CredentialKind, dict[bytes, tuple[CredentialId, ...]]]
"""Credentials by kind and tag. Of 100,000, keys of one part each save 7 MB."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One consistent state of the store at *revision*."""

    revision: int
    community: Community
    buildings: Mapping[BuildingId, Building] = field(default_factory=dict)
    apartments: Mapping[ApartmentId, Apartment] = field(default_factory=dict)
    residents: Mapping[ResidentId, Resident] = field(default_factory=dict)
    devices: Mapping[DeviceId, Device] = field(default_factory=dict)
    schedules: Mapping[ScheduleId, Schedule] = field(default_factory=dict)
    credentials: Mapping[CredentialId, Credential] = field(default_factory=dict)
    caller_whitelist: frozenset[str] = frozenset()  # E.164 numbers that may ring a door or open by calling
    opens_by_calling: Mapping[str, DeviceId] = field(default_factory=dict)  # E.164 number -> the door it opens
    holidays: Holidays = NO_HOLIDAYS
    areas: Mapping[AreaId, Area] = field(default_factory=dict)
    orders: tuple[DoorOrder, ...] = ()
    emergency_numbers: tuple[str, ...] = ()  # E.164 or short numbers, called after the guard phones by "sos"
    # indexes, filled by `build`
    by_mac: Mapping[Mac, Device] = field(default_factory=dict)
    by_sip_user: Mapping[SipUser, Device | Resident] = field(default_factory=dict)
    by_number: Mapping[str, tuple[Apartment, ...]] = field(default_factory=dict)  # apartment number -> candidates
    by_tag: Tags = field(default_factory=dict)
    devices_of: Mapping[ApartmentId, tuple[Device, ...]] = field(default_factory=dict)
    residents_of: Mapping[ApartmentId, tuple[Resident, ...]] = field(default_factory=dict)
    guards: tuple[Device, ...] = ()  # enabled guard phones: every plan names them
    orders_of: Mapping[DeviceId, tuple[DoorOrder, ...]] = field(default_factory=dict)  # only doors that have some
    restricted: frozenset[DeviceId] = frozenset()  # doors that have more rules than others, see `_is_restricted`
    interlocked: Mapping[str, tuple[DeviceId, ...]] = field(default_factory=dict)  # name -> doors

    def tagged(self, kind: CredentialKind, tag: bytes) -> tuple[CredentialId, ...]:
        """Credentials of *kind* with this tag; more than one where two have the same value."""
        of_kind = self.by_tag.get(kind)
        return () if of_kind is None else of_kind.get(tag, ())

    def monitors_of(self, apartment: ApartmentId) -> tuple[Device, ...]:
        return tuple(d for d in self.devices_of.get(apartment, ()) if d.type is DeviceType.INDOOR_MONITOR)


def build(
    revision: int,
    community: Community,
    *,
    buildings: Iterable[Building] = (),
    apartments: Iterable[Apartment] = (),
    residents: Iterable[Resident] = (),
    devices: Iterable[Device] = (),
    schedules: Iterable[Schedule] = (),
    credentials: Iterable[Credential] = (),
    caller_whitelist: Iterable[str] = (),
    opens_by_calling: Mapping[str, DeviceId] | None = None,
    holidays: Holidays = NO_HOLIDAYS,
    areas: Iterable[Area] = (),
    orders: Iterable[DoorOrder] = (),
    emergency_numbers: Iterable[str] = (),
) -> Snapshot:
    """A snapshot with its indexes. Linear in what it is given."""
    apartment_map = {a.id: a for a in apartments}
    resident_map = {r.id: r for r in residents}
    device_map = {d.id: d for d in devices}
    credential_map = {c.id: c for c in credentials}
    by_number: dict[str, list[Apartment]] = {}
    for apartment in apartment_map.values():
        by_number.setdefault(apartment.number, []).append(apartment)
    devices_of: dict[ApartmentId, list[Device]] = {}
    for device in device_map.values():
        if device.apartment is not None:
            devices_of.setdefault(device.apartment, []).append(device)
    residents_of: dict[ApartmentId, list[Resident]] = {}
    for resident in resident_map.values():
        for home in resident.apartments:
            residents_of.setdefault(home, []).append(resident)
    ordered = tuple(orders)
    interlocked: dict[str, list[DeviceId]] = {}
    for device in device_map.values():
        if device.interlock:
            interlocked.setdefault(device.interlock, []).append(device.id)
    orders_of = _orders_of(ordered, device_map.values(), apartment_map)
    sip_users: dict[SipUser, Device | Resident] = {r.sip_user: r for r in resident_map.values()}
    sip_users.update({d.sip_user: d for d in device_map.values()})
    return Snapshot(
        revision=revision,
        community=community,
        buildings={b.id: b for b in buildings},
        apartments=apartment_map,
        residents=resident_map,
        devices=device_map,
        schedules={s.id: s for s in schedules},
        credentials=credential_map,
        caller_whitelist=frozenset(caller_whitelist),
        opens_by_calling=dict(opens_by_calling or {}),
        holidays=holidays,
        areas={area.id: area for area in areas},
        orders=ordered,
        emergency_numbers=tuple(emergency_numbers),
        by_mac={d.mac: d for d in device_map.values()},
        by_sip_user=sip_users,
        by_number={number: tuple(found) for number, found in by_number.items()},
        by_tag=_tags(credential_map.values()),
        devices_of={a: tuple(found) for a, found in devices_of.items()},
        residents_of={a: tuple(found) for a, found in residents_of.items()},
        guards=tuple(d for d in device_map.values() if d.type is DeviceType.GUARD_PHONE and d.enabled),
        orders_of=orders_of,
        restricted=frozenset(d.id for d in device_map.values() if d.id in orders_of or _is_restricted(d)),
        interlocked={name: tuple(doors) for name, doors in interlocked.items()},
    )


def with_orders(snapshot: Snapshot, orders: tuple[DoorOrder, ...]) -> Snapshot:
    """*snapshot* with other orders of operators, everything else shared."""
    devices = snapshot.devices.values()
    orders_of = _orders_of(orders, devices, snapshot.apartments)
    restricted = frozenset(d.id for d in devices if d.id in orders_of or _is_restricted(d))
    return replace(snapshot, orders=orders, orders_of=orders_of, restricted=restricted)


def _is_restricted(device: Device) -> bool:
    """Whether anything beside methods and credentials may keep *device* shut."""
    if device.schedule is not None or device.interlock or device.area is not None:
        return True
    return any(relay.schedule is not None or relay.two_factor for relay in device.relays)


def _orders_of(
    orders: tuple[DoorOrder, ...], devices: Iterable[Device], apartments: Mapping[ApartmentId, Apartment]
) -> dict[DeviceId, tuple[DoorOrder, ...]]:
    """The orders of each door that has some."""
    if not orders:
        return {}
    found = {d.id: tuple(order for order in orders if _is_for(order, d, apartments)) for d in devices}
    return {door: own for door, own in found.items() if own}


def _is_for(order: DoorOrder, device: Device, apartments: Mapping[ApartmentId, Apartment]) -> bool:
    """A building's order is for the doors that serve it alone: a gate of two buildings stays the other one's gate."""
    if order.device is not None:
        return order.device == device.id
    if order.building is None:
        return True
    if device.place is Place.APARTMENT:
        home = apartments.get(device.apartment) if device.apartment is not None else None
        return home is not None and home.building == order.building
    return device.buildings == frozenset({order.building})


def _tags(credentials: Iterable[Credential]) -> Tags:
    by_tag: dict[CredentialKind, dict[bytes, tuple[CredentialId, ...]]] = {kind: {} for kind in CredentialKind}
    for credential in credentials:
        of_kind = by_tag[credential.kind]
        of_kind[credential.tag] = (*of_kind.get(credential.tag, ()), credential.id)
    return by_tag


def with_credentials(
    snapshot: Snapshot, revision: int, changed: Iterable[Credential], removed: Iterable[CredentialId]
) -> Snapshot:
    """*snapshot* with a few credentials replaced, added or removed, without touching the rest of 100,000.

    The credential maps are shared and updated in place: call it from the thread that decides, between two decisions.
    """
    credentials = dict(snapshot.credentials) if not isinstance(snapshot.credentials, dict) else snapshot.credentials
    by_tag = snapshot.by_tag or _tags(credentials.values())
    gone = list(removed)
    new = list(changed)
    for identity in (*gone, *(c.id for c in new)):
        old = credentials.pop(identity, None)
        if old is None:
            continue
        of_kind = by_tag[old.kind]
        left = tuple(i for i in of_kind.get(old.tag, ()) if i != identity)
        if left:
            of_kind[old.tag] = left
        else:
            of_kind.pop(old.tag, None)
    for credential in new:
        credentials[credential.id] = credential
        of_kind = by_tag[credential.kind]
        of_kind[credential.tag] = (*of_kind.get(credential.tag, ()), credential.id)
    return replace(snapshot, revision=revision, credentials=credentials, by_tag=by_tag)
