"""Devices: who they are, where they stand, whom they serve, and their logins."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, func, insert, select, update

from edge.admin.edit import Edit, given
from edge.admin.find import find_apartment, find_building, find_device, schedule_id
from edge.core import checks
from edge.core.checks import RuleBroken
from edge.store.accounts import allocate_device_number, new_device_secrets, renew_device_secrets
from edge.store.devices import forget_told
from edge.store.panels import forget_confirmed
from edge.store.tables import binding, device, device_building, mac_library
from models.device import DeviceType, Place
from models.ids import DeviceId, Mac, new_id
from models.service import FeaturePlan

_NAMES = ("network_group", "static_address", "fire_group", "interlock")
_SCHEDULES = ("schedule", "open_schedule")


@dataclass(frozen=True, slots=True)
class Placing:
    """Where a device stands and whom it serves, as typed. *buildings* None = not said; () = all."""

    place: Place | None = None
    buildings: Sequence[str] | None = None
    apartment: str | None = None


@dataclass(frozen=True, slots=True)
class _Where:
    place: Place
    all_buildings: bool
    buildings: tuple[str, ...]  # ids
    apartment: str | None  # id


def add(edit: Edit, typed_mac: str, *, name: str, type: DeviceType, placing: Placing, **options: Any) -> DeviceId:
    """A device with new logins. Its MAC must be in the library and free.

    Raises RuleBroken, NotFound for a building or apartment that is not there.
    """
    mac = checks.mac(typed_mac)
    _must_be_free(edit, mac)
    found = values(edit, {"name": name, **options})
    where = _where(edit, placing)
    identity = DeviceId(new_id("d"))
    user = allocate_device_number(edit.connection, edit.community_id)
    _check_works_offline(edit, found.get("works_offline", False), type, where.apartment, identity)
    edit.insert(
        device, id=identity, community_id=edit.community_id, mac=mac, type=type, place=where.place,
        all_buildings=where.all_buildings, apartment_id=where.apartment, sip_user=user,
        **new_device_secrets(edit.vault, identity), **found,
    )  # fmt: skip
    _serve(edit, identity, where.buildings)
    edit.note("device", identity)
    edit.audit("device.add", device=identity, apartment=where.apartment)
    return identity


def values(edit: Edit, options: Mapping[str, Any]) -> dict[str, Any]:
    """Columns of a device from the options typed, each checked. Raises RuleBroken, NotFound."""
    found = given(options)
    for field in _SCHEDULES:
        if field in found:
            found[f"{field}_id"] = schedule_id(edit, found.pop(field))
    if "name" in found:
        found["name"] = checks.name("name", found["name"], may_be_empty=False)
    for field in _NAMES:
        if field in found:
            found[field] = checks.name(field, found[field])
    return found


def _must_be_free(edit: Edit, mac: Mac) -> None:
    known = select(mac_library.c.mac).where(mac_library.c.community_id == edit.community_id, mac_library.c.mac == mac)
    if edit.connection.execute(known).scalar() is None:
        raise RuleBroken(
            "mac", "not_in_library", f"{mac.upper()} is not in the MAC library: `edge mac add {mac}` first"
        )
    taken = select(device.c.name).where(device.c.community_id == edit.community_id, device.c.mac == mac)
    name = edit.connection.execute(taken).scalar()
    if name is not None:
        raise RuleBroken("mac", "bound", f"{mac.upper()} is bound to {name} already")


def _where(edit: Edit, placing: Placing) -> _Where:
    """Sort out what was typed. A device of a building is a public one serving that building (decision 9)."""
    place = placing.place or (Place.APARTMENT if placing.apartment else Place.PUBLIC)
    if (place is Place.APARTMENT) != (placing.apartment is not None):
        raise RuleBroken("apartment", "place", "a device of an apartment, and only such a one, names its apartment")
    if place is Place.APARTMENT:
        if placing.buildings is not None:
            raise RuleBroken("buildings", "place", "a device of an apartment serves that apartment, no buildings")
        return _Where(place, False, (), find_apartment(edit, str(placing.apartment)).id)
    served = tuple(dict.fromkeys(find_building(edit, name).id for name in placing.buildings or ()))
    if place is Place.BUILDING and len(served) != 1:
        raise RuleBroken("buildings", "place", "a device of a building names that one building")
    return _Where(place, not served, served, None)


def _serve(edit: Edit, identity: str, buildings: Sequence[str]) -> None:
    edit.connection.execute(delete(device_building).where(device_building.c.device_id == identity))
    if buildings:
        rows = [{"device_id": identity, "building_id": building} for building in buildings]
        edit.connection.execute(insert(device_building), rows)


def _check_works_offline(edit: Edit, wanted: bool, type: DeviceType, home: str | None, identity: str) -> None:
    if not wanted:
        return
    if type is not DeviceType.INDOOR_MONITOR or home is None:
        raise RuleBroken("works_offline", "works_offline", "only an indoor monitor of an apartment works offline")
    other = select(device.c.name).where(device.c.apartment_id == home, device.c.works_offline, device.c.id != identity)
    name = edit.connection.execute(other).scalar()
    if name is not None:
        raise RuleBroken(
            "works_offline", "one_works_offline", f"{name} is the apartment's works-offline monitor already"
        )


def set_device(edit: Edit, typed: str, *, placing: Placing | None = None, **options: Any) -> None:
    """Change a device, and move it where *placing* says something."""
    row = find_device(edit, typed)
    edit.refuse_if_owned("device", row.id)
    found = values(edit, options)
    home = row.apartment_id
    if placing is not None:
        where = _where(edit, placing)
        home = where.apartment
        if home != row.apartment_id:
            _keep_a_monitor(edit, row)
        found |= {"place": where.place, "all_buildings": where.all_buildings, "apartment_id": home}
        _serve(edit, row.id, where.buildings)
    _check_works_offline(edit, found.get("works_offline", row.works_offline), found.get("type", row.type), home, row.id)
    if found:
        edit.connection.execute(update(device).where(device.c.id == row.id).values(**found))
        edit.note("device", row.id)
        edit.audit("device.set", device=row.id, changed=sorted(found))


def remove(edit: Edit, typed: str, *, with_apartment: bool = False) -> None:
    """The device and its logins; its MAC stays in the library. *with_apartment*: its apartment goes too."""
    row = find_device(edit, typed)
    edit.refuse_if_owned("device", row.id)
    if not with_apartment:
        _keep_a_monitor(edit, row)
    edit.audit_now("device.remove", device=row.id, apartment=row.apartment_id, mac=row.mac)
    _drop_contacts(edit, row.sip_user)
    edit.connection.execute(delete(device).where(device.c.id == row.id))
    edit.note("device", row.id)


def _drop_contacts(edit: Edit, sip_user: str) -> None:
    own = (binding.c.community_id == edit.community_id, binding.c.sip_user == sip_user)
    edit.connection.execute(delete(binding).where(*own))


def replace(edit: Edit, typed: str, typed_mac: str) -> Mac:
    """Another device takes the place of a broken one: its name, relays, numbers, rights, pending work. The new MAC.

    It gets new passwords, so the old one is out at once, and is told everything anew. The old MAC stays in the library.
    Raises RuleBroken for a MAC that is not in the library or not free, NotFound.
    """
    row = find_device(edit, typed)
    edit.refuse_if_owned("device", row.id)
    mac = checks.mac(typed_mac)
    _must_be_free(edit, mac)
    _drop_contacts(edit, row.sip_user)
    edit.connection.execute(update(device).where(device.c.id == row.id).values(mac=mac))
    renew_device_secrets(edit.connection, edit.vault, row.id)
    forget_told(edit.connection, row.id, edit.now_ms)
    forget_confirmed(edit.connection, row.id, edit.now_ms)
    edit.note("device", row.id)
    edit.audit("device.replace", device=row.id, mac_before=row.mac, mac=mac)
    return mac


def _keep_a_monitor(edit: Edit, row: Any) -> None:
    """Basic plan: every apartment needs at least one indoor monitor."""
    monitor_at_home = row.type is DeviceType.INDOOR_MONITOR and row.apartment_id is not None
    if edit.community.plan is not FeaturePlan.BASIC or not monitor_at_home:
        return
    others = select(func.count()).where(
        device.c.apartment_id == row.apartment_id, device.c.type == DeviceType.INDOOR_MONITOR, device.c.id != row.id
    )
    if not edit.connection.execute(others).scalar_one():
        raise RuleBroken("device", "monitor_needed", "under the basic plan every apartment needs an indoor monitor")


def new_passwords(edit: Edit, typed: str) -> None:
    """Other SIP and MQTT passwords: whoever knows the old ones is locked out."""
    row = find_device(edit, typed)
    renew_device_secrets(edit.connection, edit.vault, row.id)
    edit.note("device", row.id)
    edit.audit("device.new_passwords", device=row.id)
