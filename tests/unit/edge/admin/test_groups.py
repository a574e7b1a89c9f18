"""Groups of doors: what a credential narrowed to one opens, whatever becomes of the group."""

import pytest

from edge.admin import apartments, buildings, credentials, devices, groups, macs
from edge.admin.credentials import NewCredential
from edge.admin.devices import Placing
from edge.admin.edit import NotFound
from edge.core.checks import RuleBroken
from edge.store.snapshot import load_snapshot, load_update
from models.access import CredentialKind
from models.device import DeviceType
from tests.unit.edge.admin.conftest import MACS

GATE, STAIRS, YARD = MACS[:3]
CARD = CredentialKind.RF_CARD


@pytest.fixture
def doors(edit):
    with edit() as change:
        buildings.add(change, "1")
        apartments.add(change, "1/101")
        macs.add(change, [GATE, STAIRS, YARD])
        for mac, name in ((GATE, "Gate"), (STAIRS, "Stairs"), (YARD, "Yard")):
            devices.add(change, mac, name=name, type=DeviceType.DOOR_PHONE, placing=Placing())
        groups.add(change, "Outside", ["Gate", YARD])


def add(edit, value, *doors):
    with edit() as change:
        return credentials.add(change, NewCredential(CARD, "101", value, doors=doors)).id


def opened_by(read, identity):
    with read() as scope:
        snapshot = load_snapshot(scope.connection)
    found = snapshot.credentials[identity].doors
    return sorted(snapshot.devices[door].name if door in snapshot.devices else "nothing" for door in found)


def test_a_credential_is_narrowed_to_a_group_and_to_doors_beside_it(doors, edit, read):
    group, both = add(edit, "04A1", "group:Outside"), add(edit, "04A2", "group:Outside", "Stairs", "Gate")
    assert opened_by(read, group) == ["Gate", "Yard"]
    assert opened_by(read, both) == ["Gate", "Stairs", "Yard"]
    with read() as scope:
        shown = {row["id"]: row["doors"] for row in credentials.listed(scope)}
    assert shown[both] == [GATE, STAIRS, "group:Outside"]


def test_it_follows_its_group(doors, edit, read):
    card = add(edit, "04A1", "group:Outside")
    with edit() as change:
        groups.set_group(change, "Outside", new_name="Night", doors=["Stairs"])
    assert opened_by(read, card) == ["Stairs"]
    with edit() as change:
        devices.remove(change, STAIRS)
    assert opened_by(read, card) == ["nothing"]


def test_an_empty_group_opens_nothing_rather_than_everything(doors, edit, read):
    with edit() as change:
        groups.add(change, "Empty")
    assert opened_by(read, add(edit, "04A1", "group:Empty")) == ["nothing"]
    assert opened_by(read, add(edit, "04A2", "group:Empty", "Gate")) == ["Gate"]


def test_a_small_change_is_narrowed_as_well(doors, edit, read):
    with edit() as change:
        groups.add(change, "Empty")
    with read() as scope:
        before = load_snapshot(scope.connection)
    empty, outside = add(edit, "04A1", "group:Empty"), add(edit, "04A2", "group:Outside")
    with read() as scope:
        update = load_update(scope.connection, before.revision)
        whole = load_snapshot(scope.connection)
    assert update.whole is None
    patched = update.apply(before)
    assert {i: patched.credentials[i] for i in (empty, outside)} == whole.credentials


def test_a_group_in_use_stays(doors, edit, read):
    card = add(edit, "04A1", "group:Outside")
    with pytest.raises(RuleBroken, match="1 credentials"), edit() as change:
        groups.remove(change, "Outside")
    with edit() as change:
        credentials.remove(change, card)
        groups.remove(change, "Outside")
    with read() as scope:
        assert groups.listed(scope) == []


def test_names_are_checked(doors, edit):
    for name in ("Outside", "", "a,b"):
        with pytest.raises(RuleBroken), edit() as change:
            groups.add(change, name)
    with pytest.raises(NotFound), edit() as change:
        groups.add(change, "New", ["Nowhere"])
    with pytest.raises(NotFound):
        add(edit, "04A1", "group:Nowhere")
    with edit() as change:
        groups.set_group(change, "Outside", new_name="Outside")
