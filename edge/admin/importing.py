"""Carrying out an import: a file's rows become buildings, apartments, residents and devices, all or none of them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sqlalchemy import select

from edge.admin import macs
from edge.admin.bulk import insert_rows
from edge.admin.edit import Admin, Edit, Reading, reading
from edge.admin.sheet import read_sheet
from edge.admin.sheet_limits import SheetError
from edge.core import checks
from edge.core.template import CellError, Import, Known, NewApartment, NewDevice, Progress, read
from edge.store.accounts import device_numbers, new_device_secrets, new_resident_secrets, resident_numbers
from edge.store.collector import paused_collector
from edge.store.tables import (
    apartment,
    building,
    device,
    device_building,
    landline,
    relay,
    resident,
    resident_apartment,
)
from models.device import Place
from models.ids import DeviceId, Mac, ResidentId, new_id
from models.service import Role

_IMPORTED_RELAY: Final[Mapping[str, Any]] = {
    "number": 1, "security": False, "enabled": True, "methods": checks.DOOR_METHODS, "hold_s": 5, "dtmf": "1",
}  # fmt: skip
"""Relay 1 of an imported door (decision 46)."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an import came to. *errors* empty: it was stored (or, in a dry run, could be)."""

    errors: tuple[CellError, ...]
    rows: int = 0
    buildings: int = 0
    apartments: int = 0
    residents: int = 0
    devices: int = 0
    notices: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        return not self.errors


def import_file(admin: Admin, file: Path, *, dry_run: bool = False, progress: Progress | None = None) -> Outcome:
    """Import *file* in one transaction. Raises OSError where it can't be read, StoreError where the store fails."""
    try:
        sheet = read_sheet(file)
    except SheetError as error:
        return Outcome((CellError(None, None, error.code, str(error)),))
    with paused_collector():
        # Judged before the write lock is taken, which a running daemon waits for; again only if the store has changed.
        with reading(admin.store) as scope:
            before = known(scope)
        found = read(sheet.rows, before, progress)
        if dry_run or isinstance(found, list):
            return _outcome(found, sheet.notices)
        with admin.edit() as edit:
            now = known(edit)
            if now != before:
                found = read(sheet.rows, now)
            if isinstance(found, Import):
                store(edit, found)
                edit.note("import", new_id("i"))
                edit.audit("import", file=file.name, rows=found.rows, apartments=len(found.apartments))
    return _outcome(found, sheet.notices)


def _outcome(found: Import | list[CellError], notices: Sequence[str]) -> Outcome:
    if isinstance(found, list):
        return Outcome(tuple(found), notices=tuple(notices))
    return Outcome(
        (), found.rows, len(found.buildings), len(found.apartments), found.residents, len(found.devices),
        (*notices, *found.notices),
    )  # fmt: skip


def known(scope: Edit | Reading) -> Known:
    """What the store holds, as far as an import can clash with it."""
    names = building_names(scope)
    homes = select(apartment.c.building_id, apartment.c.number).where(apartment.c.community_id == scope.community_id)
    return Known(
        scope.community.plan,
        scope.community.country,
        frozenset(names.values()),
        frozenset((names[row.building_id], row.number) for row in scope.connection.execute(homes)),
        macs.library(scope),
        {mac: found for mac, found in stored_devices(scope)},
    )


def building_names(scope: Edit | Reading) -> dict[str, str]:
    """Building id -> name, in the order of the names."""
    query = select(building.c.id, building.c.name).where(building.c.community_id == scope.community_id)
    return {row.id: row.name for row in scope.connection.execute(query.order_by(building.c.name))}


def stored_devices(scope: Edit | Reading) -> Iterator[tuple[Mac, NewDevice | None]]:
    """Each stored device as a row of the template would say it; None where no row can."""
    names = building_names(scope)
    homes = {
        row.id: (names[row.building_id], row.number)
        for row in scope.connection.execute(select(apartment.c.id, apartment.c.building_id, apartment.c.number))
    }
    served: dict[str, list[str]] = {}
    for row in scope.connection.execute(select(device_building)):
        served.setdefault(row.device_id, []).append(names.get(row.building_id, ""))
    query = select(device).where(device.c.community_id == scope.community_id).order_by(device.c.name, device.c.mac)
    for row in scope.connection.execute(query):
        where = homes.get(row.apartment_id, ("", ""))
        if row.place is not Place.APARTMENT and not row.all_buildings:
            buildings = served.get(row.id, [])
            if len(buildings) != 1:
                yield Mac(row.mac), None
                continue
            where = (buildings[0], "")
        yield Mac(row.mac), NewDevice(Mac(row.mac), row.name, row.type, *where)


def store(edit: Edit, found: Import) -> None:
    """Write a checked import, a table at a time."""
    names = {name: identity for identity, name in building_names(edit).items()}
    fresh = {name: new_id("b") for name in found.buildings}
    names |= fresh
    owner = edit.community_id
    insert_rows(
        edit.connection,
        building,
        [{"id": identity, "community_id": owner, "name": name} for name, identity in fresh.items()],
    )
    homes = {(home.building, home.number): new_id("a") for home in found.apartments}
    insert_rows(edit.connection, apartment, [_apartment_row(home, homes, names, owner) for home in found.apartments])
    insert_rows(
        edit.connection,
        landline,
        [
            {"apartment_id": homes[home.building, home.number], "position": position, "number": number}
            for home in found.apartments
            for position, number in home.landlines.items()
        ],
    )
    _store_residents(edit, found.apartments, homes)
    _store_devices(edit, found.devices, homes, names)


def _apartment_row(
    home: NewApartment, homes: Mapping[tuple[str, str], str], names: Mapping[str, str], owner: str
) -> dict[str, Any]:
    return {
        "id": homes[home.building, home.number],
        "community_id": owner,
        "building_id": names[home.building],
        "number": home.number,
        "name": home.name,
        "floor": home.floor,
        "accessible_floors": home.accessible_floors,
        "call_type": home.call_type,
        "web_relay": home.web_relay,
        "network_group": home.network_group,
        "has_handset": home.has_handset,
        "whitelisted": home.whitelisted,
    }


def _store_residents(edit: Edit, apartments: Iterable[NewApartment], homes: Mapping[tuple[str, str], str]) -> None:
    users = resident_numbers(edit.connection, edit.community_id)
    people: list[dict[str, Any]] = []
    living: list[dict[str, Any]] = []
    for home in apartments:
        if home.resident is None:
            continue
        identity = ResidentId(new_id("r"))
        person = home.resident
        people.append(
            {
                "id": identity, "community_id": edit.community_id, "first_name": person.first_name,
                "last_name": person.last_name, "email": person.email, "mobile": person.mobile,
                "sip_user": next(users), **new_resident_secrets(edit.vault, identity),
            }
        )  # fmt: skip
        here = homes[home.building, home.number]
        living.append({"resident_id": identity, "apartment_id": here, "role": Role.MASTER})
    insert_rows(edit.connection, resident, people)
    insert_rows(edit.connection, resident_apartment, living)


def _store_devices(
    edit: Edit, devices: Iterable[NewDevice], homes: Mapping[tuple[str, str], str], names: Mapping[str, str]
) -> None:
    users = device_numbers(edit.connection, edit.community_id)
    rows: list[dict[str, Any]] = []
    served: list[dict[str, Any]] = []
    relays: list[dict[str, Any]] = []
    for new in devices:
        identity = DeviceId(new_id("d"))
        rows.append(
            {
                "id": identity, "community_id": edit.community_id, "mac": new.mac, "name": new.name, "type": new.type,
                "place": new.place, "all_buildings": new.place is Place.PUBLIC,
                "apartment_id": homes[new.building, new.apartment] if new.apartment else None,
                "sip_user": next(users), **new_device_secrets(edit.vault, identity),
            }
        )  # fmt: skip
        if new.place is Place.BUILDING:
            served.append({"device_id": identity, "building_id": names[new.building]})
        if new.type.is_door:
            relays.append({"id": new_id("y"), "device_id": identity, **_IMPORTED_RELAY})
    insert_rows(edit.connection, device, rows)
    insert_rows(edit.connection, device_building, served)
    insert_rows(edit.connection, relay, relays)
