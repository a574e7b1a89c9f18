"""Closing many homes at once is confirmed, or nothing happens."""

import pytest

from edge.admin import apartments, buildings, mass
from edge.admin.edit import NotFound, Refused
from models.service import ServiceState

BLOCKED, OFF, ACTIVE = ServiceState.BLOCKED, ServiceState.OFF, ServiceState.ACTIVE


@pytest.fixture
def homes(edit):
    with edit() as change:
        for name in ("1", "2"):
            buildings.add(change, name)
            for number in range(101, 109):
                apartments.add(change, f"{name}/{number}")


def states(read, building="1"):
    with read() as scope:
        return {row["service"] for row in apartments.listed(scope, building)}


def numbers(count, building="1"):
    return [f"{building}/{number}" for number in range(101, 101 + count)]


def test_a_few_need_no_confirmation(homes, edit, read):
    with edit() as change:
        assert mass.set_services(change, numbers(5), BLOCKED) == 5
    assert states(read) == {"blocked", "active"}


def test_many_need_one_and_it_says_how_many(homes, edit, read):
    with pytest.raises(Refused, match="6 of the 8 apartments of building 1"), edit() as change:
        mass.set_services(change, numbers(6), BLOCKED)
    assert states(read) == {"active"}
    with edit() as change:
        mass.set_services(change, numbers(6), OFF, confirmed=True)
    assert states(read) == {"off", "active"}


def test_a_whole_building_is_named_by_its_name(homes, edit, read):
    with pytest.raises(Refused, match="8 of the 8"), edit() as change:
        mass.set_services(change, [], BLOCKED, whole_building="1")
    with edit() as change:
        assert mass.set_services(change, [], BLOCKED, whole_building="1", confirmed=True) == 8
    assert (states(read), states(read, "2")) == ({"blocked"}, {"active"})


def test_opening_and_what_is_closed_already_need_none(homes, edit, read):
    with edit() as change:
        mass.set_services(change, [], BLOCKED, whole_building="1", confirmed=True)
    with edit() as change:
        mass.set_services(change, [], BLOCKED, whole_building="1")
    with edit() as change:
        mass.set_services(change, [], ACTIVE, whole_building="1")
    assert states(read) == {"active"}


def test_two_buildings_are_counted_apart_and_a_doubled_name_once(homes, edit):
    with edit() as change:
        assert mass.set_services(change, [*numbers(5), *numbers(5, "2"), "1/101"], BLOCKED) == 10


def test_a_bad_name_stops_all(homes, edit, read):
    with pytest.raises(NotFound), edit() as change:
        mass.set_services(change, ["1/101", "1/999"], BLOCKED)
    assert states(read) == {"active"}
