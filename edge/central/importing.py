"""The installers' template at the central store: read by the same rules as at an edge, and stored as things."""

import tempfile
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from edge.admin.sheet import Sheet, read_sheet
from edge.admin.sheet_limits import SheetError
from edge.central.changes import Change, new_thing_id
from edge.central.problems import CentralProblem
from edge.core.template import CellError, Import, Known, NewApartment, NewDevice, read
from models.device import DeviceType
from models.ids import Mac
from models.service import FeaturePlan

_ERRORS_IN_TEXT: Final = 100


class BadSheet(CentralProblem):
    """Cells of a template are not good; nothing of it is stored."""

    status = 422

    def __init__(self, errors: Iterable[CellError]) -> None:
        cells = list(errors)
        first = [f"row {each.row}, {each.column}: {each.reason}" for each in cells[:_ERRORS_IN_TEXT]]
        super().__init__("sheet", "; ".join(first) or "the sheet is empty")
        self.extra = {"errors": [asdict(each) for each in cells]}


def open_sheet(file: Path) -> Sheet:
    """The cells of a CSV or XLSX file, told apart by content and within the limits of decision 48. May take seconds.

    Raises BadSheet for what is no such file, or too large.
    """
    try:
        return read_sheet(file)
    except SheetError as error:
        raise BadSheet([CellError(None, None, error.code, str(error))]) from error


def sheet_of(text: str) -> Sheet:
    """The same of CSV *text*."""
    with tempfile.TemporaryDirectory(prefix="edge-central-") as folder:
        file = Path(folder) / "sheet.csv"
        file.write_text(text, "utf-8", newline="")
        return open_sheet(file)


def import_sheet(change: Change, sheet: Sheet) -> dict[str, Any]:
    """Store the template in *sheet*; what it comes to. Raises BadSheet, Invalid."""
    names = {identity: body["name"] for identity, body in change.all("building").items()}
    found = read(sheet.rows, _known(change, names))
    if isinstance(found, list):
        raise BadSheet(found)
    _store(change, found, {name: identity for identity, name in names.items()})
    change.note("import", rows=found.rows, apartments=len(found.apartments), devices=len(found.devices))
    return {
        "rows": found.rows, "buildings": len(found.buildings), "apartments": len(found.apartments),
        "residents": sum(each.resident is not None for each in found.apartments), "devices": len(found.devices),
        "notices": [*sheet.notices, *found.notices],
    }  # fmt: skip


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
