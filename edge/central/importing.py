"""The installers' template at the central store: read by the same rules as at an edge, and stored as things."""

import csv
import io
from collections.abc import Iterable
from typing import Any, Final

from edge.central.changes import Change, new_thing_id
from edge.central.problems import CentralProblem
from edge.core.template import CellError, Import, Known, NewApartment, NewDevice, read
from models.device import DeviceType
from models.ids import Mac
from models.service import FeaturePlan

_SEPARATORS: Final = ",;\t"


class BadSheet(CentralProblem):
    """Cells of a template are not good; nothing of it is stored."""

    status = 422

    def __init__(self, errors: Iterable[CellError]) -> None:
        first = [f"row {each.row}, {each.column}: {each.reason}" for each in errors]
        super().__init__("sheet", "; ".join(first[:100]) or "the sheet is empty")


def import_text(change: Change, text: str) -> dict[str, Any]:
    """Store the template in *text*; what it comes to. Raises BadSheet, Invalid."""
    rows = list(csv.reader(io.StringIO(text), delimiter=_separator(text)))
    names = {identity: body["name"] for identity, body in change.all("building").items()}
    found = read(rows, _known(change, names))
    if isinstance(found, list):
        raise BadSheet(found)
    _store(change, found, {name: identity for identity, name in names.items()})
    return {
        "rows": found.rows, "buildings": len(found.buildings), "apartments": len(found.apartments),
        "residents": sum(each.resident is not None for each in found.apartments), "devices": len(found.devices),
        "notices": list(found.notices),
    }  # fmt: skip


def _separator(text: str) -> str:
    first = text.split("\n", 1)[0]
    return max(_SEPARATORS, key=first.count)


def _known(change: Change, names: dict[str, str]) -> Known:
    body = change.get("community", change.community)
    homes = {identity: (names[each["building"]], each["number"]) for identity, each in change.all("apartment").items()}
    return Known(
        FeaturePlan(body.get("plan", FeaturePlan.PREMIUM.value)), body.get("country", ""), frozenset(names.values()),
        frozenset(homes.values()), frozenset(Mac(each) for each in change.all("mac")),
        {Mac(each["mac"]): _as_row(each, names, homes) for each in change.all("device").values()},
    )  # fmt: skip


def _as_row(body: dict[str, Any], names: dict[str, str], homes: dict[str, tuple[str, str]]) -> NewDevice | None:
    """A stored device as a row of the template would say it; None where no row can."""
    where = homes.get(body.get("apartment") or "", ("", ""))
    if body.get("buildings"):
        if len(body["buildings"]) != 1:
            return None
        where = (names[body["buildings"][0]], "")
    return NewDevice(Mac(body["mac"]), body["name"], DeviceType(int(body["type"])), *where)


def _store(change: Change, found: Import, houses: dict[str, str]) -> None:
    homes: dict[tuple[str, str], str] = {}
    for name in found.buildings:
        houses[name] = new_thing_id("building")
        change.put("building", houses[name], {"name": name})
    for each in found.apartments:
        identity = homes[each.building, each.number] = new_thing_id("apartment")
        change.put("apartment", identity, _apartment(each, houses[each.building]))
        if each.resident is not None:
            change.put("resident", new_thing_id("resident"), {
                "first": each.resident.first_name, "last": each.resident.last_name, "email": each.resident.email,
                "mobile": each.resident.mobile, "apartment": identity,
            })  # fmt: skip
    library = change.all("mac")
    for device in found.devices:
        _device(change, device, library, houses, homes)


def _apartment(each: NewApartment, building: str) -> dict[str, Any]:
    return {
        "building": building, "number": each.number, "name": each.name, "floor": each.floor,
        "accessible_floors": list(each.accessible_floors), "call_type": int(each.call_type),
        "web_relay": each.web_relay, "handset": each.has_handset, "whitelisted": each.whitelisted,
        "network_group": each.network_group, "landlines": [each.landlines[key] for key in sorted(each.landlines)],
    }  # fmt: skip


def _device(
    change: Change, each: NewDevice, library: dict[str, Any], houses: dict[str, str],
    homes: dict[tuple[str, str], str],
) -> None:  # fmt: skip
    body: dict[str, Any] = {"mac": each.mac, "name": each.name, "type": int(each.type)}
    if each.apartment:
        home = homes.get((each.building, each.apartment)) or change.apartment(each.building, each.apartment)
        body["apartment"] = home
    elif each.building:
        body |= {"place": "building", "buildings": [houses[each.building]]}
    if each.mac not in library:
        change.put("mac", each.mac, {"mac": each.mac})
    identity = change.named("device", each.mac) or new_thing_id("device")
    change.put("device", identity, body)
    if each.type.is_door and not change.pointing_at("device", identity, "relay"):
        change.put("relay", new_thing_id("relay"), {"device": identity, "number": 1, "dtmf": "1"})
