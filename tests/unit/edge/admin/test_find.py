"""Finding things by what a person types."""

import pytest

from edge.admin import apartments, buildings, devices, macs, schedules
from edge.admin.devices import Placing
from edge.admin.edit import Ambiguous, NotFound
from edge.admin.find import ApartmentRef, find_apartment, find_building, find_device, find_schedule, parse_apartment
from edge.core.checks import RuleBroken
from models.device import DeviceType

PARSED = [
    ("1/101", ApartmentRef("1", "101")),
    ("1*101", ApartmentRef("1", "101")),
    ("Haus 7/b/2#123", ApartmentRef("Haus 7/b", "2#123")),
    ("A*B/5", ApartmentRef("A*B", "5")),
    ("007", ApartmentRef(None, "007")),
]


@pytest.mark.parametrize(("typed", "reference"), PARSED)
def test_an_apartment_as_typed(typed, reference):
    assert parse_apartment(typed) == reference


@pytest.mark.parametrize("typed", ["", "/101", "1/", "1/abc", "101 102", "1/#5"])
def test_what_is_no_apartment(typed):
    with pytest.raises(RuleBroken):
        parse_apartment(typed)


def test_a_bare_number_must_be_unambiguous(edit, read):
    with edit() as change:
        for name in ("1", "2"):
            buildings.add(change, name)
            apartments.add(change, f"{name}/101")
        apartments.add(change, "2/102")
    with read() as scope:
        assert find_apartment(scope, "102").building == "2"
        assert find_apartment(scope, "2*101").number == "101"
        with pytest.raises(Ambiguous, match="1/101, 2/101"):
            find_apartment(scope, "101")
        with pytest.raises(NotFound):
            find_apartment(scope, "3/101")
        with pytest.raises(NotFound):
            find_building(scope, "3")


def test_a_device_by_mac_or_name(edit, read):
    with edit() as change:
        macs.add(change, ["0C1105000000", "0C1105000001", "0C1105000002"])
        for mac, name in (("0C1105000000", "Gate"), ("0C1105000001", "Door"), ("0C1105000002", "Door")):
            devices.add(change, mac, name=name, type=DeviceType.DOOR_PHONE, placing=Placing())
    with read() as scope:
        assert find_device(scope, "Gate").mac == find_device(scope, "0c:11:05:00:00:00").mac == "0c1105000000"
        with pytest.raises(Ambiguous, match="0c1105000001, 0c1105000002"):
            find_device(scope, "Door")
        for nobody in ("Lobby", "0C1105000009", ""):
            with pytest.raises(NotFound):
                find_device(scope, nobody)


def test_a_schedule_by_name(edit, read):
    with edit() as change:
        schedules.add(change, "Work", "mon 08:00-18:00")
    with read() as scope:
        assert find_schedule(scope, "Work").name == "Work"
        with pytest.raises(NotFound):
            find_schedule(scope, "work")
