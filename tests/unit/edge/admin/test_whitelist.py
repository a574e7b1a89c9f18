"""Callers' numbers: in one spelling, and the door that a call from one opens."""

import pytest

from edge.admin import devices, macs, relays, whitelist
from edge.admin.devices import Placing
from edge.admin.edit import NotFound
from edge.core.checks import RuleBroken
from edge.store.snapshot import load_snapshot
from models.device import DeviceType
from tests.unit.edge.admin.conftest import MACS

GATE = MACS[0]


@pytest.fixture
def gate(edit):
    with edit() as change:
        macs.add(change, [GATE])
        devices.add(change, GATE, name="Gate", type=DeviceType.DOOR_PHONE, placing=Placing())
        relays.add(change, GATE, 1)


def opens(read):
    with read() as scope:
        snapshot = load_snapshot(scope.connection)
    names = {number: snapshot.devices[door].name for number, door in snapshot.opens_by_calling.items()}
    return snapshot.caller_whitelist, names


def test_a_number_may_call_and_may_open_a_door(gate, edit, read):
    with edit() as change:
        assert whitelist.add(change, "22 123 45 67", "Ann") == "+48221234567"
        whitelist.add(change, "+4930123456", opens="Gate")
    assert opens(read) == ({"+48221234567", "+4930123456"}, {"+4930123456": "Gate"})
    with edit() as change:
        whitelist.set_number(change, "+48221234567", opens=GATE)
        whitelist.set_number(change, "+4930123456", opens="", note="Bob")
    assert opens(read)[1] == {"+48221234567": "Gate"}
    with read() as scope:
        assert whitelist.listed(scope) == [
            {"number": "+48221234567", "note": "Ann", "opens": "Gate"},
            {"number": "+4930123456", "note": "Bob", "opens": None},
        ]


def test_a_removed_door_leaves_the_number(gate, edit, read):
    with edit() as change:
        whitelist.add(change, "+4930123456", opens="Gate")
        devices.remove(change, GATE)
    assert opens(read) == ({"+4930123456"}, {})


def test_only_a_door_that_telephones_open_is_opened_by_calling(gate, edit, read):
    with edit() as change:
        relays.set_relay(change, GATE, 1, methods="pin")
    with pytest.raises(RuleBroken, match="dtmf"), edit() as change:
        whitelist.add(change, "+4930123456", opens="Gate")
    assert opens(read) == (set(), {})


def test_what_is_not_there_is_refused(gate, edit):
    with pytest.raises(NotFound), edit() as change:
        whitelist.add(change, "+4930123456", opens="Nowhere")
    for function in (whitelist.set_number, whitelist.remove):
        with pytest.raises(NotFound), edit() as change:
            function(change, "+4930123456")
    with pytest.raises(RuleBroken), edit() as change:
        whitelist.add(change, "anonymous")
