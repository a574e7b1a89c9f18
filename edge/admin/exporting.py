"""The community as rows of the import template: imported into an empty site, they make the same."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sqlalchemy import select

from edge.admin import apartments
from edge.admin.edit import Reading
from edge.admin.importing import stored_devices
from edge.admin.sheet_write import write_sheet
from edge.core.template import COLUMNS, MORE_COLUMNS, PHONES, NewDevice
from edge.store.tables import resident, resident_apartment
from models.device import DeviceType, Place
from models.service import Role

EXPORTED: Final = (*COLUMNS, *MORE_COLUMNS)
_HOME_TYPES: Final = (DeviceType.DOOR_PHONE_SINGLE, DeviceType.INDOOR_MONITOR)


@dataclass(frozen=True, slots=True)
class Exported:
    """How many rows were written, and what the template has no place for."""

    rows: int
    notices: tuple[str, ...]


def export_file(scope: Reading, file: Path) -> Exported:
    """Write everything the template can say to *file*, CSV or XLSX by its name. Raises ValueError, OSError."""
    notices: list[str] = []
    rows = list(_rows(scope, notices))
    write_sheet(file, EXPORTED, ([row.get(column, "") for column in EXPORTED] for row in rows))
    return Exported(len(rows), tuple(notices))


def _rows(scope: Reading, notices: list[str]) -> Iterator[dict[str, str]]:
    of_home: dict[tuple[str, str], list[NewDevice]] = {}
    of_building: dict[str, list[NewDevice]] = {}
    for mac, device in stored_devices(scope):
        if device is None:
            notices.append(f"{mac.upper()} serves several chosen buildings; the template can't say so")
        elif device.place is Place.APARTMENT and device.type not in _HOME_TYPES:
            notices.append(f"{mac.upper()} is a door of one apartment; in the template it would be the building's")
        elif device.place is Place.APARTMENT:
            of_home.setdefault((device.building, device.apartment), []).append(device)
        else:
            of_building.setdefault(device.building, []).append(device)
    for building, devices in sorted(of_building.items()):
        yield {"Building": building, "Device": _device_cell(devices)}
    people = _people(scope, notices)
    for home in apartments.listed(scope):
        devices = of_home.get((home["building"], home["number"]), [])
        yield _apartment_row(home, devices) | people.get(home["id"], {})


def _device_cell(devices: list[NewDevice]) -> str:
    return "; ".join(f"{device.name},{int(device.type)},{device.mac.upper()}" for device in devices)


def _apartment_row(home: dict[str, Any], devices: list[NewDevice]) -> dict[str, str]:
    phones = dict(zip(PHONES, (number or "" for number in home["landlines"]), strict=False))
    return {
        "Building": home["building"],
        "Apt": home["number"],
        "AptName": home["name"],
        "Device": _device_cell(devices),
        **phones,
        "CallType": str(home["call_type"]),
        "WebRelayID": str(home["web_relay"]),
        "Floor": home["floor"],
        "AccessibleFloors": ",".join(home["accessible_floors"]),
        "NetworkGroup": home["network_group"],
        "Handset": "yes" if home["handset"] else "no",
        "Whitelisted": "yes" if home["whitelisted"] else "no",
    }


def _people(scope: Reading, notices: list[str]) -> dict[str, dict[str, str]]:
    """Apartment id -> the resident that its row names: the master, or else whoever is first."""
    query = (
        select(resident, resident_apartment.c.apartment_id, resident_apartment.c.role)
        .join(resident_apartment, resident_apartment.c.resident_id == resident.c.id)
        .where(resident.c.community_id == scope.community_id)
        .order_by(resident.c.id)
    )
    rows = sorted(scope.connection.execute(query), key=lambda row: row.role is not Role.MASTER)
    found: dict[str, dict[str, str]] = {}
    for row in rows:
        if row.apartment_id in found:
            notices.append(f"{row.first_name} {row.last_name} is not exported: a row names one resident")
            continue
        found[row.apartment_id] = {
            "FirstName": row.first_name, "LastName": row.last_name, "Email": row.email, "MobileNumber": row.mobile,
        }  # fmt: skip
    return found
