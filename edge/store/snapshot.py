"""The whole community as one value, and what a small change does to it.

100,000 credentials are read here, so the statements are plain SQL and the rows plain tuples: no types between the
driver and the value.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from sqlalchemy import Connection, Executable, bindparam, text

from edge.core import snapshot as core
from edge.core.schedule import HOLIDAY, holidays_of
from edge.core.snapshot import Snapshot
from edge.store.changes import CREDENTIAL, DOOR_ORDER, Changes, load_changes, the_community
from edge.store.collector import paused_collector
from models.access import (
    Area,
    Credential,
    CredentialKind,
    DoorOrder,
    Home,
    OrderKind,
    Origin,
    Passback,
    UnlockMethod,
)
from models.call import CallType
from models.community import Apartment, Building, Community, Resident
from models.device import AreaSide, ContactDisplay, Device, DeviceType, DigestOffer, Place, Relay
from models.ids import (
    ApartmentId,
    AreaId,
    BuildingId,
    CommunityId,
    CredentialId,
    DeviceId,
    Mac,
    ResidentId,
    ScheduleId,
    SipUser,
)
from models.schedule import Schedule, Span, WeeklyRow
from models.service import AccessPermission, Activation, FeaturePlan, PinMode, Role, ServiceState

MAX_CREDENTIALS_IN_PLACE: Final = 2_000
"""More changed credentials than this are read with everything else: swapping is then cheaper than patching."""

_KINDS: Final = {kind.value: kind for kind in CredentialKind}
_ORIGINS: Final = {origin.value: origin for origin in Origin}
_HOMES: Final = {home.value: home for home in Home}
_ROWS_AT_ONCE: Final = 1_000
_EVERY_DOOR: Final[frozenset[DeviceId]] = frozenset()
_NO_DOOR: Final = DeviceId("")  # which no device has

_COMMUNITY: Final = text(
    "SELECT revision, name, time_zone, plan, permission, pin_mode, community_calls, landline_service, home_automation,"
    " country, emergency_numbers FROM community WHERE id = :community"
)
_BUILDINGS: Final = text("SELECT id, name FROM building WHERE community_id = :community")
_APARTMENTS: Final = text(
    "SELECT id, building_id, number, name, floor, accessible_floors, call_type, web_relay, has_handset, whitelisted,"
    " service, network_group FROM apartment WHERE community_id = :community"
)
_LANDLINES: Final = text(
    "SELECT l.apartment_id, l.number FROM landline l JOIN apartment a ON a.id = l.apartment_id"
    " WHERE a.community_id = :community ORDER BY l.apartment_id, l.position"
)
_RESIDENTS: Final = text(
    "SELECT id, first_name, last_name, sip_user, activation, activation_until_ms FROM resident"
    " WHERE community_id = :community"
)
_HOMES_OF_RESIDENTS: Final = text(
    "SELECT h.resident_id, h.apartment_id, h.role FROM resident_apartment h JOIN resident r ON r.id = h.resident_id"
    " WHERE r.community_id = :community ORDER BY h.resident_id, h.apartment_id"
)
_DEVICES: Final = text(
    "SELECT d.id, d.mac, d.name, d.type, d.sip_user, d.enabled, d.place, d.all_buildings, d.apartment_id,"
    " d.network_group, d.has_internet, d.works_offline, d.static_address, d.fire_group, d.digest, s.digest_fallback,"
    " d.schedule_id, d.open_schedule_id, d.interlock, d.area_id, d.area_side, d.contact_display"
    " FROM device d LEFT JOIN device_state s ON s.device_id = d.id WHERE d.community_id = :community"
)
_SERVED: Final = text(
    "SELECT s.device_id, s.building_id FROM device_building s JOIN device d ON d.id = s.device_id"
    " WHERE d.community_id = :community"
)
_RELAYS: Final = text(
    "SELECT r.device_id, r.number, r.security, r.name, r.enabled, r.methods, r.hold_s, r.dtmf, r.schedule_id,"
    " r.two_factor, r.trigger_s FROM relay r"
    " JOIN device d ON d.id = r.device_id WHERE d.community_id = :community ORDER BY r.device_id, r.security, r.number"
)
_SCHEDULES: Final = text("SELECT id, name FROM schedule WHERE community_id = :community")
_SCHEDULE_ROWS: Final = text(
    "SELECT r.schedule_id, r.weekday, r.from_minute, r.to_minute FROM schedule_row r"
    " JOIN schedule s ON s.id = r.schedule_id WHERE s.community_id = :community"
    " ORDER BY r.schedule_id, r.weekday, r.from_minute, r.to_minute"
)
_SCHEDULE_DAYS: Final = text(
    "SELECT d.schedule_id, d.day, d.spans FROM schedule_day d JOIN schedule s ON s.id = d.schedule_id"
    " WHERE s.community_id = :community"
)
_HOLIDAYS: Final = text("SELECT day FROM holiday WHERE community_id = :community")
_AREAS: Final = text("SELECT id, name, passback, forget_h, era FROM area WHERE community_id = :community")
_ORDERS: Final = text(
    "SELECT id, kind, device_id, building_id, until_ms FROM door_order WHERE community_id = :community ORDER BY id"
)
_CREDENTIAL_COLUMNS: Final = (
    "SELECT id, kind, tag, apartment_id, resident_id, valid_from_ms, valid_until_ms, schedule_id, uses_left,"
    " duress, origin, home, hint FROM credential WHERE community_id = :community"
)
_CREDENTIALS: Final = text(_CREDENTIAL_COLUMNS)
_CREDENTIALS_OF: Final = text(_CREDENTIAL_COLUMNS + " AND id IN :ids").bindparams(bindparam("ids", expanding=True))
_DOORS: Final = text(
    "SELECT n.credential_id, n.device_id FROM credential_door n JOIN credential c ON c.id = n.credential_id"
    " WHERE c.community_id = :community"
)
_DOORS_OF: Final = text("SELECT credential_id, device_id FROM credential_door WHERE credential_id IN :ids").bindparams(
    bindparam("ids", expanding=True)
)
_GROUPS: Final = text(
    "SELECT n.credential_id, m.device_id FROM credential_door_group n"
    " JOIN credential c ON c.id = n.credential_id LEFT JOIN door_group_member m ON m.group_id = n.group_id"
    " WHERE c.community_id = :community"
)
_GROUPS_OF: Final = text(
    "SELECT n.credential_id, m.device_id FROM credential_door_group n"
    " LEFT JOIN door_group_member m ON m.group_id = n.group_id WHERE n.credential_id IN :ids"
).bindparams(bindparam("ids", expanding=True))
_WHITELIST: Final = text("SELECT number, opens_device_id FROM caller_whitelist WHERE community_id = :community")


def load_snapshot(connection: Connection) -> Snapshot:
    """Everything, as *connection* sees it in its one transaction. Raises StoreEmpty before there is a community."""
    try:
        with paused_collector():
            return _load(_Reader(connection, the_community(connection)))
    finally:
        if connection.dialect.name == "sqlite":  # the pages just read, 16 MB of them, are not asked for again
            connection.exec_driver_sql("PRAGMA shrink_memory")


def _load(read: "_Reader") -> Snapshot:
    (found,) = read.rows(_COMMUNITY)
    revision, name, zone, plan, permission, pin_mode, community_calls, landlines, automation, country, emergency = found
    community = Community(
        read.community,
        name,
        zone,
        FeaturePlan(plan),
        AccessPermission(permission),
        PinMode(pin_mode),
        bool(community_calls),
        bool(landlines),
        bool(automation),
        country,
    )
    callers = read.rows(_WHITELIST)
    return core.build(
        revision,
        community,
        buildings=[Building(BuildingId(identity), name) for identity, name in read.rows(_BUILDINGS)],
        apartments=_apartments(read),
        residents=_residents(read),
        devices=_devices(read),
        schedules=_schedules(read),
        credentials=_credentials(read.stream(_CREDENTIALS), _narrowed(read.grouped(_DOORS), read.grouped(_GROUPS))),
        caller_whitelist=[number for number, _ in callers],
        opens_by_calling={number: DeviceId(door) for number, door in callers if door is not None},
        holidays=holidays_of(day for (day,) in read.rows(_HOLIDAYS)),
        areas=[
            Area(AreaId(identity), name, Passback(passback), forget_h, era)
            for identity, name, passback, forget_h, era in read.rows(_AREAS)
        ],
        orders=_orders(read),
        emergency_numbers=json.loads(emergency),
    )


class _Reader:
    """Runs the statements above for one community."""

    def __init__(self, connection: Connection, community: CommunityId) -> None:
        self._connection = connection
        self.community = community

    def rows(self, statement: Executable, **values: object) -> Sequence[Any]:
        """Plain tuples, unpacked where they are used."""
        return self._connection.execute(statement, {"community": self.community, **values}).all()

    def stream(self, statement: Executable, **values: object) -> Iterable[Any]:
        """As `rows`, a few at a time: for the one table that is long."""
        options = {"yield_per": _ROWS_AT_ONCE}
        return self._connection.execute(statement, {"community": self.community, **values}, execution_options=options)

    def grouped(self, statement: Executable, **values: object) -> dict[str, list[Any]]:
        """The rows by their first column: the second column's values, or the rest of the row where there is more."""
        found: dict[str, list[Any]] = defaultdict(list)
        for key, *rest in self.rows(statement, **values):
            found[key].append(rest[0] if len(rest) == 1 else tuple(rest))
        return found


def _orders(read: _Reader) -> tuple[DoorOrder, ...]:
    return tuple(
        DoorOrder(identity, OrderKind(kind), device, building, until_ms)
        for identity, kind, device, building, until_ms in read.rows(_ORDERS)
    )


def _apartments(read: _Reader) -> Iterator[Apartment]:
    landlines = read.grouped(_LANDLINES)
    for row in read.rows(_APARTMENTS):
        identity, building, number, name, floor, floors, call_type, web_relay, handset, listed, service, group = row
        yield Apartment(
            ApartmentId(identity),
            BuildingId(building),
            number,
            name,
            floor,
            tuple(json.loads(floors)),
            CallType(call_type),
            web_relay,
            tuple(landlines.get(identity, ())),
            bool(handset),
            bool(listed),
            ServiceState(service),
            group,
        )


def _residents(read: _Reader) -> Iterator[Resident]:
    homes = read.grouped(_HOMES_OF_RESIDENTS)
    for identity, first, last, sip_user, activation, until_ms in read.rows(_RESIDENTS):
        own = homes.get(identity, ())
        yield Resident(
            ResidentId(identity),
            tuple(ApartmentId(apartment) for apartment, _ in own),
            first,
            last,
            SipUser(sip_user),
            Role.MASTER if any(role == Role.MASTER.value for _, role in own) else Role.MEMBER,
            Activation(activation),
            until_ms,
        )


def _devices(read: _Reader) -> Iterator[Device]:
    served, relays = read.grouped(_SERVED), read.grouped(_RELAYS)
    for row in read.rows(_DEVICES):
        identity, mac, name, kind, sip_user, enabled, place, everywhere, apartment, group, *rest = row
        has_internet, works_offline, static_address, fire_group, digest, fallback, *rest = rest
        schedule, open_schedule, interlock, area, side, shown = rest
        offer = DigestOffer(digest)
        yield Device(
            DeviceId(identity),
            Mac(mac),
            name,
            DeviceType(kind),
            SipUser(sip_user),
            bool(enabled),
            Place(place),
            None if everywhere else frozenset(BuildingId(b) for b in served.get(identity, ())),
            None if apartment is None else ApartmentId(apartment),
            group,
            bool(has_internet),
            bool(works_offline),
            static_address,
            fire_group,
            DigestOffer.MD5 if fallback and offer is DigestOffer.BOTH else offer,
            tuple(_relay(*relay) for relay in relays.get(identity, ())),
            schedule,
            open_schedule,
            interlock,
            area,
            None if side is None else AreaSide(side),
            ContactDisplay(shown),
        )


def _relay(
    number: int,
    security: int,
    name: str,
    enabled: int,
    methods: str,
    hold_s: int,
    dtmf: str,
    schedule: str | None,
    two_factor: int,
    trigger_s: int,
) -> Relay:
    listed = frozenset(UnlockMethod(word) for word in methods.split(",") if word)
    hours = None if schedule is None else ScheduleId(schedule)
    return Relay(number, bool(security), name, bool(enabled), listed, hold_s, dtmf, hours, bool(two_factor), trigger_s)


def _schedules(read: _Reader) -> Iterator[Schedule]:
    weekly, special = read.grouped(_SCHEDULE_ROWS), read.grouped(_SCHEDULE_DAYS)
    for identity, name in read.rows(_SCHEDULES):
        days = {day: tuple(Span(*span) for span in json.loads(spans)) for day, spans in special.get(identity, ())}
        holiday = days.pop(HOLIDAY, None)
        yield Schedule(
            ScheduleId(identity),
            name,
            tuple(WeeklyRow(*row) for row in weekly.get(identity, ())),
            holiday,
            {date.fromisoformat(day): spans for day, spans in days.items()},
        )


def _narrowed(doors: dict[str, list[Any]], groups: dict[str, list[Any]]) -> dict[str, list[Any]]:
    """Credential -> the doors it is narrowed to, those of its groups included.

    A group without doors narrows to none: an empty list would mean every door.
    """
    for credential, members in groups.items():
        found = [door for door in members if door is not None]
        doors[credential] = [*doors.get(credential, ()), *found] or [_NO_DOOR]
    return doors


def _credentials(rows: Iterable[Any], doors: dict[str, list[Any]]) -> Iterator[Credential]:
    shared: dict[Any, Any] = {}  # one object for each apartment, schedule and hint, not one for each credential of it
    for identity, kind, tag, apartment, resident, from_ms, until_ms, schedule, uses, duress, origin, home, hint in rows:
        yield Credential(
            identity,
            _KINDS[kind],
            tag,
            shared.setdefault(apartment, apartment),
            shared.setdefault(resident, resident),
            from_ms,
            until_ms,
            shared.setdefault(schedule, schedule),
            uses,
            frozenset(doors[identity]) if identity in doors else _EVERY_DOOR,
            bool(duress),
            _ORIGINS[origin],
            _HOMES[home],
            shared.setdefault(hint, hint),
        )


@dataclass(frozen=True, slots=True)
class Update:
    """What takes a snapshot to *revision*. Read in any thread; applied in the thread that decides."""

    revision: int
    whole: Snapshot | None = None  # everything was read anew
    changed: tuple[Credential, ...] = ()
    removed: tuple[CredentialId, ...] = ()
    orders: tuple[DoorOrder, ...] | None = None  # None = as they were

    def apply(self, snapshot: Snapshot) -> Snapshot:
        """The new snapshot; *snapshot* must not be used afterwards, it may have been patched in place."""
        if self.whole is not None:
            return self.whole
        if self.orders is not None:
            snapshot = core.with_orders(snapshot, self.orders)
        return core.with_credentials(snapshot, self.revision, self.changed, self.removed)


def load_update(connection: Connection, since: int) -> Update | None:
    """What takes a snapshot of revision *since* to the present one; None where it is the present one."""
    changes = load_changes(connection, since)
    if changes.complete and changes.revision == since:
        return None
    if not changes.small or len(changes.things) > MAX_CREDENTIALS_IN_PLACE:
        return Update(changes.revision, whole=load_snapshot(connection))
    return _credential_update(connection, changes)


def _credential_update(connection: Connection, changes: Changes) -> Update:
    ids = [identity for kind, identity in changes.things if kind == CREDENTIAL]
    ordered = any(kind == DOOR_ORDER for kind, _ in changes.things)
    read = _Reader(connection, the_community(connection))
    doors = _narrowed(read.grouped(_DOORS_OF, ids=ids), read.grouped(_GROUPS_OF, ids=ids))
    changed = tuple(_credentials(read.stream(_CREDENTIALS_OF, ids=ids), doors))
    there = {credential.id for credential in changed}
    removed = tuple(CredentialId(i) for i in ids if i not in there)
    return Update(changes.revision, None, changed, removed, _orders(read) if ordered else None)
