"""Kept lines of extra configuration: whom they reach, duplicates, and that their values are no one's to read."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest

from edge.admin import apartments, autop_lines, buildings, devices, macs
from edge.admin.autop_lines import For
from edge.admin.devices import Placing
from edge.admin.edit import Edit, NotFound, Reading
from edge.admin.site import Site
from edge.core.checks import RuleBroken
from edge.store.autop_lines import lines_of
from edge.store.snapshot import load_snapshot
from edge.store.tables import autop_line
from models.device import DeviceType, Place
from models.tables.provisioning import LinesFor
from tests.unit.edge.admin.conftest import MACS

GATE, STAIRS, HALL = MACS[:3]
ALL = For(LinesFor.COMMUNITY)
Editing = Callable[[], AbstractContextManager[Edit]]
Look = Callable[[], AbstractContextManager[Reading]]


@pytest.fixture
def house(edit: Editing) -> None:
    """A gate in the public area, a door of building 1, a monitor in an apartment of it."""
    with edit() as change:
        buildings.add(change, "1")
        buildings.add(change, "2")
        apartments.add(change, "1/101")
        macs.add(change, [GATE, STAIRS, HALL])
        door, monitor = DeviceType.DOOR_PHONE, DeviceType.INDOOR_MONITOR
        devices.add(change, GATE, name="Gate", type=door, placing=Placing())
        devices.add(change, STAIRS, name="Stairs", type=door, placing=Placing(Place.BUILDING, buildings=["1"]))
        devices.add(change, HALL, name="Hall", type=monitor, placing=Placing(Place.APARTMENT, apartment="1/101"))


def lines(site: Site, read: Look, mac: str, model: str = "") -> dict[str, str]:
    with read() as scope:
        device = load_snapshot(scope.connection).by_mac[mac]  # type: ignore[index]  # a Mac is a string
        return dict(lines_of(scope.connection, site.secrets.vault, device, model))


@pytest.mark.usefixtures("house")
def test_each_device_has_the_lines_that_are_for_it(edit: Editing, read: Look, site: Site) -> None:
    with edit() as change:
        autop_lines.add(change, ALL, [("A", "all")])
        autop_lines.add(change, For(LinesFor.PUBLIC), [("B", "public")])
        autop_lines.add(change, For(LinesFor.BUILDING, "1"), [("C", "one")])
        autop_lines.add(change, For(LinesFor.BUILDING, "2"), [("D", "two")])
        autop_lines.add(change, For(LinesFor.MODEL, "R29"), [("E", "r29")])
        autop_lines.add(change, For(LinesFor.DEVICE, "Hall"), [("F", "hall")])
    assert lines(site, read, GATE) == {"A": "all", "B": "public"}
    assert lines(site, read, STAIRS, "r29") == {"A": "all", "C": "one", "E": "r29"}
    assert lines(site, read, HALL) == {"A": "all", "C": "one", "F": "hall"}


@pytest.mark.usefixtures("house")
def test_what_is_said_of_one_device_counts_more_than_what_is_said_of_many(
    edit: Editing, read: Look, site: Site
) -> None:
    for whom in (For(LinesFor.DEVICE, GATE), For(LinesFor.MODEL, "R29"), For(LinesFor.PUBLIC), ALL):
        with edit() as change:
            autop_lines.add(change, whom, [("A", whom.scope.value)])
    assert lines(site, read, GATE, "R29") == {"A": "device"}
    with edit() as change:
        autop_lines.remove(change, For(LinesFor.DEVICE, GATE), ["A"])
    assert lines(site, read, GATE, "R29") == {"A": "model"}


@pytest.mark.usefixtures("house")
def test_a_line_that_is_there_is_dropped_and_a_known_key_gets_its_new_value(
    edit: Editing, read: Look, site: Site
) -> None:
    with edit() as change:
        assert autop_lines.add(change, ALL, [("A", "1"), ("B", "2")]) == 2
        assert autop_lines.add(change, ALL, [("A", "1"), ("B", "3")]) == 1
    assert lines(site, read, GATE) == {"A": "1", "B": "3"}
    with edit() as change:
        assert autop_lines.remove(change, ALL, []) == 2
    assert lines(site, read, GATE) == {}
    with edit() as change, pytest.raises(NotFound):
        autop_lines.remove(change, ALL, ["A"])


@pytest.mark.usefixtures("house")
def test_values_are_sealed_masked_and_in_no_row_of_the_log(edit: Editing, read: Look, site: Site) -> None:
    from edge.store.tables import journal

    with edit() as change:
        autop_lines.add(change, ALL, [("Config.Secret", "hunter22")])
    with read() as scope:
        (row,) = scope.connection.execute(autop_line.select()).all()
        audit = str(scope.connection.execute(journal.select()).all())
        masked = autop_lines.listed(scope, site.secrets.vault, secrets=False)
        whole = autop_lines.listed(scope, site.secrets.vault, secrets=True)
    assert b"hunter22" not in bytes(row.value)
    assert "Config.Secret" in audit
    assert "hunter22" not in audit + str(masked)
    assert whole == [{"scope": "community", "what": "", "key": "Config.Secret", "value": "hunter22"}]


def test_there_is_an_end_to_what_is_kept(edit: Editing, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(autop_lines, "MAX_KEPT", 3)
    many: list[tuple[str, Any]] = [(f"K{n}", "1") for n in range(4)]
    with pytest.raises(RuleBroken), edit() as change:
        autop_lines.add(change, ALL, many)
