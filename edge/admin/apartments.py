"""Apartments: what they are, their service state, emptying them between tenants, and their landlines."""

from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import delete, select, update

from edge.admin import devices, residents
from edge.admin.edit import Edit, Reading, given
from edge.admin.find import find_apartment, find_building, must_be_free, parse_apartment
from edge.core import checks
from edge.core.checks import RuleBroken
from edge.store import journal
from edge.store.tables import apartment, building, call, credential, device, landline, resident_apartment
from models.call import CallType
from models.ids import ApartmentId, new_id
from models.service import ServiceState

_MS_A_DAY: Final = 86_400_000
LANDLINE_POSITIONS: Final = (1, 2, 3)


def values(options: Mapping[str, Any]) -> dict[str, Any]:
    """Columns of an apartment from the options typed, each checked. Raises RuleBroken."""
    found = given(options)
    for field in ("name", "network_group"):
        if field in found:
            found[field] = checks.name(field, found[field])
    if "floor" in found:
        found["floor"] = checks.text("floor", found["floor"], checks.FLOOR_MAX_CHARS)
    if isinstance(found.get("accessible_floors"), str):
        found["accessible_floors"] = checks.floors("accessible_floors", found["accessible_floors"])
    if "call_type" in found:
        found["call_type"] = CallType(int(found["call_type"]))
    if "web_relay" in found:
        found["web_relay"] = checks.web_relay(str(found["web_relay"]))
    return found


def add(edit: Edit, typed: str, **options: Any) -> ApartmentId:
    """*typed* is `BUILDING/NUMBER`; the building must be there. Raises RuleBroken, NotFound."""
    reference = parse_apartment(typed)
    if reference.building is None:
        raise RuleBroken(
            "apartment", "building_missing", f"{typed}: a new apartment needs its building, BUILDING/NUMBER"
        )
    home = find_building(edit, reference.building)
    found = values(options)
    wanted = select(apartment.c.id).where(apartment.c.building_id == home.id, apartment.c.number == reference.number)
    must_be_free(edit.connection.execute(wanted).scalar(), "apartment", f"apartment {home.name}/{reference.number}")
    identity = ApartmentId(new_id("a"))
    edit.insert(
        apartment, id=identity, community_id=edit.community_id, building_id=home.id, number=reference.number, **found
    )
    edit.note("apartment", identity)
    edit.audit("apartment.add", apartment=identity)
    return identity


def set_apartment(edit: Edit, typed: str, **options: Any) -> None:
    row = find_apartment(edit, typed)
    edit.refuse_if_owned("apartment", row.id)
    found = values(options)
    if found:
        edit.connection.execute(update(apartment).where(apartment.c.id == row.id).values(**found))
        edit.note("apartment", row.id)
        edit.audit("apartment.set", apartment=row.id, changed=sorted(found))


def set_service(edit: Edit, typed: str, state: ServiceState) -> None:
    """Active, blocked or off. Credentials sleep while it is off, and are deleted after 30 days (decision 14)."""
    row = find_apartment(edit, typed)
    edit.refuse_if_owned("apartment", row.id)
    if row.service is state:
        return
    change = update(apartment).where(apartment.c.id == row.id).values(service=state, service_since_ms=edit.now_ms)
    edit.connection.execute(change)
    edit.note("apartment", row.id)
    edit.audit("apartment.service", apartment=row.id, service=state.value)


def erase_dormant(edit: Edit, after_days: int) -> int:
    """Delete the credentials of apartments that have been off for *after_days*; how many went."""
    long_off = select(apartment.c.id).where(
        apartment.c.community_id == edit.community_id,
        apartment.c.service == ServiceState.OFF,
        apartment.c.service_since_ms <= edit.now_ms - after_days * _MS_A_DAY,
    )
    wanted = select(credential.c.id, credential.c.apartment_id).where(credential.c.apartment_id.in_(long_off))
    rows = edit.connection.execute(wanted).all()
    for home in sorted({row.apartment_id for row in rows}):
        _erase_credentials(edit, home)
        edit.audit("apartment.dormant_credentials_erased", apartment=home)
    return len(rows)


def reset(edit: Edit, typed: str) -> None:
    """Empty the apartment between tenants (domain section 8): people's data, histories, every credential.

    Kept: the master's subscription, the audit rows, and the apartment's own settings. The master's app has to be
    registered anew, with other login data.
    """
    row = find_apartment(edit, typed)
    edit.refuse_if_owned("apartment", row.id)
    _erase_credentials(edit, row.id)
    edit.connection.execute(delete(landline).where(landline.c.apartment_id == row.id))
    residents.leave_apartment(edit, row.id, keep_master=True)
    journal.erase_apartment(edit.connection, row.id)
    edit.connection.execute(delete(call).where(call.c.apartment_id == row.id))
    edit.note("apartment", row.id)
    edit.audit("apartment.reset", apartment=row.id)


def remove(edit: Edit, typed: str) -> None:
    """The apartment with its credentials, devices, and the residents who live nowhere else."""
    row = find_apartment(edit, typed)
    edit.refuse_if_owned("apartment", row.id)
    edit.audit_now("apartment.remove", apartment=row.id)
    _erase_credentials(edit, row.id)
    residents.leave_apartment(edit, row.id, keep_master=False)
    for mac in edit.connection.execute(select(device.c.mac).where(device.c.apartment_id == row.id)).scalars().all():
        devices.remove(edit, mac, with_apartment=True)
    edit.connection.execute(delete(apartment).where(apartment.c.id == row.id))
    edit.note("apartment", row.id)


def _erase_credentials(edit: Edit, home: str) -> None:
    gone = edit.connection.execute(
        delete(credential).where(credential.c.apartment_id == home).returning(credential.c.id)
    )
    for identity in gone.scalars().all():
        edit.note("credential", identity)


def set_landline(edit: Edit, typed: str, position: int, number: str) -> None:
    """Landline *position* (1-3) of the apartment; *number* "" takes it away. Raises RuleBroken, NotFound."""
    row = find_apartment(edit, typed)
    edit.refuse_if_owned("apartment", row.id)
    if position not in LANDLINE_POSITIONS:
        raise RuleBroken("position", "landline_position", "an apartment has landlines 1, 2 and 3")
    gone = delete(landline).where(landline.c.apartment_id == row.id, landline.c.position == position)
    edit.connection.execute(gone)
    if number:
        parsed = checks.phone("number", number, country=edit.community.country)
        edit.insert(landline, apartment_id=row.id, position=position, number=parsed)
    edit.note("apartment", row.id)
    edit.audit("landline.set" if number else "landline.clear", apartment=row.id, position=position)


def listed(scope: Reading, building_name: str | None = None, only: str | None = None) -> list[dict[str, Any]]:
    """Rows of `edge apartment list --json`: of one building, or of one apartment by its id, or all."""
    query = select(apartment, building.c.name.label("building"))
    query = query.join(building, building.c.id == apartment.c.building_id)
    query = query.where(apartment.c.community_id == scope.community_id)
    query = query.order_by(building.c.name, apartment.c.number)
    if building_name is not None:
        query = query.where(apartment.c.building_id == find_building(scope, building_name).id)
    if only is not None:
        query = query.where(apartment.c.id == only)
    numbers = landlines_by_apartment(scope)
    people = _residents_by_apartment(scope)
    return [_shape(row, numbers.get(row.id, {}), people.get(row.id, [])) for row in scope.connection.execute(query)]


def _shape(row: Any, landlines: Mapping[int, str], people: list[str]) -> dict[str, Any]:
    return {
        "id": row.id,
        "building": row.building,
        "number": row.number,
        "apartment": f"{row.building}/{row.number}",
        "name": row.name,
        "floor": row.floor,
        "accessible_floors": list(row.accessible_floors),
        "call_type": int(row.call_type),
        "web_relay": row.web_relay,
        "landlines": [landlines.get(position) for position in LANDLINE_POSITIONS[: max(landlines, default=0)]],
        "handset": row.has_handset,
        "whitelisted": row.whitelisted,
        "service": row.service.value,
        "network_group": row.network_group,
        "residents": people,
    }


def landlines_by_apartment(scope: Reading) -> dict[str, dict[int, str]]:
    """Apartment id -> position -> number."""
    query = select(landline).join(apartment, apartment.c.id == landline.c.apartment_id)
    found: dict[str, dict[int, str]] = {}
    for row in scope.connection.execute(query.where(apartment.c.community_id == scope.community_id)):
        found.setdefault(row.apartment_id, {})[row.position] = row.number
    return found


def _residents_by_apartment(scope: Reading) -> dict[str, list[str]]:
    query = select(resident_apartment.c.apartment_id, resident_apartment.c.resident_id)
    found: dict[str, list[str]] = {}
    for row in scope.connection.execute(query.order_by(resident_apartment.c.resident_id)):
        found.setdefault(row.apartment_id, []).append(row.resident_id)
    return found


def landlines_listed(scope: Reading) -> list[dict[str, Any]]:
    """Rows of `edge landline list --json`."""
    return [
        {"apartment": row["apartment"], "position": position, "number": number}
        for row in listed(scope)
        for position, number in enumerate(row["landlines"], start=1)
        if number is not None
    ]
