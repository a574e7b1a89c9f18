"""Areas and their readers."""

import pytest

from edge.admin import areas, devices, macs
from edge.admin.devices import Placing
from edge.admin.edit import NotFound
from edge.core.checks import RuleBroken
from edge.core.passage import Passage
from edge.store.passages import load_passages, save_passage
from edge.store.snapshot import load_snapshot
from edge.store.tables import whereabouts
from models.access import Passback
from models.device import AreaSide, DeviceType
from models.ids import AreaId
from tests.unit.edge.admin.conftest import MACS

GATE, STAIRS = MACS[:2]


@pytest.fixture
def cellar(edit):
    with edit() as change:
        macs.add(change, [GATE, STAIRS])
        for mac, name in ((GATE, "Gate"), (STAIRS, "Stairs")):
            devices.add(change, mac, name=name, type=DeviceType.ACCESS_CONTROL, placing=Placing())
        return areas.add(change, "Cellar", entry=["Gate"], exit=[STAIRS], passback=Passback.HARD, forget_h=8)


def snapshot(read):
    with read() as scope:
        return load_snapshot(scope.connection)


def sides(read):
    return {door.name: door.area_side for door in snapshot(read).devices.values()}


def test_an_area_and_its_readers_reach_the_rules(cellar, edit, read):
    found = snapshot(read)
    (area,) = found.areas.values()
    assert (area.id, area.name, area.passback, area.forget_h, area.era) == (cellar, "Cellar", Passback.HARD, 8, 0)
    assert sides(read) == {"Gate": AreaSide.ENTRY, "Stairs": AreaSide.EXIT}
    assert len(found.restricted) == 2
    with edit() as change:
        areas.set_area(change, "Cellar", entry=[], passback=Passback.SOFT)
    assert sides(read) == {"Gate": None, "Stairs": AreaSide.EXIT}
    with edit() as change:
        areas.remove(change, "Cellar")
    assert (sides(read), snapshot(read).areas) == ({"Gate": None, "Stairs": None}, {})


def test_a_reader_belongs_to_one_area(cellar, edit):
    for options in ({"entry": ["Gate"]}, {"exit": ["Gate"]}):
        with pytest.raises(RuleBroken, match="reader of an area"), edit() as change:
            areas.add(change, "Attic", **options)


def test_bad_areas_are_refused(cellar, edit):
    for name, options in (("Cellar", {}), ("", {}), ("Attic", {"forget_h": -1}), ("Attic", {"forget_h": 9_000})):
        with pytest.raises(RuleBroken), edit() as change:
            areas.add(change, name, **options)
    with pytest.raises(NotFound), edit() as change:
        areas.add(change, "Attic", entry=["Nowhere"])
    for function in (areas.set_area, areas.reset, areas.remove):
        with pytest.raises(NotFound), edit() as change:
            function(change, "Attic")


def test_a_reset_begins_a_new_era(cellar, edit, read, site):
    with site.store.write() as connection:
        for holder, inside in (("r-1", True), ("r-2", True), ("r-3", False)):
            save_passage(connection, Passage(holder, AreaId(cellar), inside, 0), 1_000)
        save_passage(connection, Passage("r-2", AreaId(cellar), False, 0), 2_000)
    with read() as scope:
        assert [row["inside"] for row in areas.listed(scope)] == [1]
        assert [stored.passage.holder for stored in load_passages(scope.connection)] == ["r-1", "r-3", "r-2"]
    with edit() as change:
        areas.reset(change, "Cellar")
    assert [area.era for area in snapshot(read).areas.values()] == [1]
    with read() as scope:
        assert [row["inside"] for row in areas.listed(scope)] == [0]


def test_a_passage_into_a_removed_area_is_passed_over(cellar, edit, site):
    with edit() as change:
        areas.remove(change, "Cellar")
    with site.store.write() as connection:
        save_passage(connection, Passage("r-1", AreaId(cellar), True, 0), 1_000)
        assert load_passages(connection) == ()
        assert connection.execute(whereabouts.select()).all() == []
