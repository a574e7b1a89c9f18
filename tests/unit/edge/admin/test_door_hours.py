"""Schedules of relays and doors, and the community's holidays, from what is typed to what the rules read."""

from datetime import date

import pytest

from edge.admin import devices, holidays, macs, relays, schedules
from edge.admin.devices import Placing
from edge.admin.edit import NotFound
from edge.core.checks import RuleBroken
from edge.core.schedule import render_hours
from edge.store import journal
from edge.store.snapshot import load_snapshot
from models.device import DeviceType
from models.log import LogKind
from tests.unit.edge.admin.conftest import MACS

GATE = MACS[0]
WEEK = "mon 08:00-18:00; hol closed; 2026-12-24 08:00-12:00"


@pytest.fixture
def gate(edit):
    with edit() as change:
        macs.add(change, [GATE])
        devices.add(change, GATE, name="Gate", type=DeviceType.DOOR_PHONE, placing=Placing())
        relays.add(change, GATE, 1)
        schedules.add(change, "Work", WEEK)


def snapshot(read):
    with read() as scope:
        return load_snapshot(scope.connection)


def test_hours_of_a_relay_and_of_a_door_reach_the_rules(gate, edit, read):
    with edit() as change:
        relays.set_relay(change, GATE, 1, schedule="Work", two_factor=True)
        devices.set_device(change, GATE, schedule="Work", open_schedule="Work", interlock="yard")
    found = snapshot(read)
    (door,) = found.devices.values()
    (work,) = found.schedules.values()
    assert (door.schedule, door.open_schedule, door.relays[0].schedule) == (work.id, work.id, work.id)
    assert (door.interlock, door.relays[0].two_factor) == ("yard", True)
    assert render_hours(work) == WEEK
    assert date(2026, 12, 24) in work.days
    with edit() as change:
        relays.set_relay(change, GATE, 1, schedule="")
        devices.set_device(change, GATE, schedule="always", open_schedule="")
    (door,) = snapshot(read).devices.values()
    assert (door.schedule, door.open_schedule, door.relays[0].schedule) == (None, None, None)


@pytest.mark.parametrize("user", ["relay", "schedule", "open_schedule"])
def test_a_schedule_in_use_is_not_removed(gate, edit, user):
    with edit() as change:
        if user == "relay":
            relays.set_relay(change, GATE, 1, schedule="Work")
        else:
            devices.set_device(change, GATE, **{user: "Work"})
    with pytest.raises(RuleBroken, match="use the schedule Work"), edit() as change:
        schedules.remove(change, "Work")


def test_a_schedule_that_is_not_there_is_refused(gate, edit):
    with pytest.raises(NotFound), edit() as change:
        relays.set_relay(change, GATE, 1, schedule="Play")
    with pytest.raises(NotFound), edit() as change:
        devices.set_device(change, GATE, schedule="Play")


def test_holidays_reach_the_rules_and_are_audited(edit, read):
    with edit() as change:
        holidays.add(change, "12-25", "Christmas")
        holidays.add(change, "2026-04-06")
    found = snapshot(read).holidays
    assert date(2030, 12, 25) in found
    assert date(2026, 4, 6) in found
    assert date(2027, 4, 6) not in found
    with read() as scope:
        assert holidays.listed(scope) == [
            {"day": "12-25", "name": "Christmas"}, {"day": "2026-04-06", "name": ""}
        ]  # fmt: skip
    with edit() as change:
        holidays.remove(change, "12-25")
    assert date(2030, 12, 25) not in snapshot(read).holidays
    with read() as scope:
        rows = journal.rows(scope.connection, journal.LogFilter(kind=LogKind.AUDIT))
        actions = [row["detail"]["action"] for row in rows if "holiday" in row["detail"]["action"]]
    assert actions == ["holiday.add", "holiday.add", "holiday.remove"]


def test_a_holiday_is_there_once(edit):
    with edit() as change:
        holidays.add(change, "12-25")
    with pytest.raises(RuleBroken), edit() as change:
        holidays.add(change, "12-25")
    with pytest.raises(RuleBroken), edit() as change:
        holidays.add(change, "Easter")
    with pytest.raises(NotFound), edit() as change:
        holidays.remove(change, "12-26")
