"""Apartments: their options, service state, and emptying between tenants."""

import pytest
from sqlalchemy import insert, select

from edge.admin import apartments, buildings, credentials, devices, macs, residents
from edge.admin.credentials import NewCredential
from edge.admin.devices import Placing
from edge.admin.edit import NotFound
from edge.core.checks import RuleBroken
from edge.store import journal
from edge.store.snapshot import load_snapshot
from edge.store.tables import call
from models.access import CredentialKind
from models.call import CallType
from models.device import DeviceType
from models.ids import ApartmentId
from models.log import LogEntry, LogKind
from models.service import Role, ServiceState

DAY_MS = 86_400_000


@pytest.fixture
def home(edit):
    """1/101 with a master, a member, a landline, a monitor and three credentials."""
    with edit() as change:
        buildings.add(change, "1")
        identity = apartments.add(change, "1/101", call_type="3", floor="1", accessible_floors="1,B1", has_handset=True)
        apartments.set_landline(change, "101", 1, "12 345 67 89")
        master = residents.add(change, "101", first_name="Anna", last_name="M", email="a@b.org", mobile="501234567")
        member = residents.add(change, "101", first_name="Bob", last_name="M")
        macs.add(change, ["0C1105000000"])
        devices.add(
            change, "0C1105000000", name="Room", type=DeviceType.INDOOR_MONITOR, placing=Placing(apartment="101")
        )
        for kind, value in (("rf_card", "04A1B2C3"), ("nfc", "04A1B2C3"), ("pin", "824613")):
            credentials.add(change, NewCredential(CredentialKind(kind), "101", value, resident=member))
    return identity, master, member


def shown(read):
    with read() as scope:
        return apartments.listed(scope)


def test_what_was_said_is_stored(home, read):
    (row,) = shown(read)
    assert row["apartment"] == "1/101"
    assert (row["call_type"], row["floor"], row["accessible_floors"]) == (3, "1", ["1", "B1"])
    assert (row["landlines"], row["handset"], row["whitelisted"]) == (["+48123456789"], True, False)
    with read() as scope:
        (stored,) = load_snapshot(scope.connection).apartments.values()
    assert stored.call_type is CallType.MONITORS_THEN_APP


def test_set_changes_only_what_is_said(home, edit, read):
    with edit() as change:
        apartments.set_apartment(change, "1/101", whitelisted=True, floor="")
    (row,) = shown(read)
    assert (row["whitelisted"], row["floor"], row["call_type"], row["handset"]) == (True, "", 3, True)


def test_numbers_are_unique_in_a_building(edit):
    with edit() as change:
        for name in ("1", "2"):
            buildings.add(change, name)
            apartments.add(change, f"{name}/101")
    for typed, rule in (("1/101", "duplicate"), ("101", "building_missing"), ("1/#1", "apartment_number")):
        with pytest.raises(RuleBroken) as broken, edit() as change:
            apartments.add(change, typed)
        assert broken.value.problem.rule == rule
    with pytest.raises(NotFound), edit() as change:
        apartments.add(change, "3/101")


def test_landlines(home, edit, read):
    with edit() as change:
        apartments.set_landline(change, "101", 3, "+442079460958")
    assert shown(read)[0]["landlines"] == ["+48123456789", None, "+442079460958"]
    with edit() as change:
        apartments.set_landline(change, "101", 1, "")
    with read() as scope:
        assert apartments.landlines_listed(scope) == [{"apartment": "1/101", "position": 3, "number": "+442079460958"}]
    with pytest.raises(RuleBroken), edit() as change:
        apartments.set_landline(change, "101", 4, "+442079460958")


def test_reset_empties_and_keeps_the_masters_subscription(home, edit, read, site):
    identity, master, member = home
    with read() as scope:
        before = next(row for row in residents.listed(scope) if row["id"] == master)
    with site.store.write() as connection:
        journal.append(connection, LogEntry(LogKind.ACCESS, 1, apartment=ApartmentId(identity)))
        connection.execute(
            insert(call).values(
                id="c1", community_id=site_community(connection), at_ms=1, caller="Gate", dialled="101",
                apartment_id=identity,
            )
        )  # fmt: skip
    with edit() as change:
        residents.set_resident(change, master, activation_until_ms=change.now_ms + 365 * DAY_MS)
    with edit() as change:
        apartments.reset(change, "101")
    with read() as scope:
        (left,) = residents.listed(scope)
        rows = list(journal.rows(scope.connection))
        assert credentials.listed(scope) == []
        assert scope.connection.execute(select(call)).all() == []
        assert journal.verify(scope.connection).sound
        (row,) = apartments.listed(scope)
    assert (left["id"], left["email"], left["mobile"], left["app_registered"]) == (master, "", "", False)
    assert left["expires"] is not None
    assert left["sip_user"] != before["sip_user"]
    assert {each["kind"] for each in rows} == {"audit"}
    assert (row["landlines"], row["call_type"], row["handset"]) == ([], 3, True)
    assert member != master


def site_community(connection):
    from edge.store.changes import the_community

    return the_community(connection)


def test_who_lives_elsewhere_too_only_moves_out(home, edit, read):
    _, master, _ = home
    with edit() as change:
        apartments.add(change, "1/102")
        residents.set_resident(change, master, add_apartment="102")
        apartments.reset(change, "1/101")
    with read() as scope:
        (left,) = residents.listed(scope)
    assert (left["apartments"], left["email"]) == (["1/102"], "a@b.org")


def test_remove_takes_devices_residents_and_credentials_along(home, edit, read):
    with edit() as change:
        apartments.remove(change, "101")
    with read() as scope:
        snapshot = load_snapshot(scope.connection)
        assert (snapshot.apartments, snapshot.residents, snapshot.devices, snapshot.credentials) == ({}, {}, {}, {})
        assert macs.listed(scope) == [{"mac": "0c1105000000", "bound": False, "device": None}]


def test_a_building_goes_with_its_apartments(home, edit, read):
    with read() as scope:
        assert buildings.holds(scope, "1") == 1
    with edit() as change:
        buildings.remove(change, "1")
    with read() as scope:
        assert buildings.listed(scope) == []
        assert load_snapshot(scope.connection).apartments == {}


def test_dormant_credentials_go_after_their_time(home, edit, site):
    with edit() as change:
        apartments.set_service(change, "101", ServiceState.OFF)
        assert apartments.erase_dormant(change, 30) == 0
    with edit() as change:
        change.now_ms += 31 * DAY_MS
        assert apartments.erase_dormant(change, 30) == 3


def test_credentials_of_who_came_back_stay(home, edit):
    with edit() as change:
        apartments.set_service(change, "101", ServiceState.OFF)
    with edit() as change:
        apartments.set_service(change, "101", ServiceState.ACTIVE)
    with edit() as change:
        change.now_ms += 31 * DAY_MS
        assert apartments.erase_dormant(change, 30) == 0


def test_the_same_state_again_is_no_change(home, edit, read):
    with edit() as change:
        apartments.set_service(change, "101", ServiceState.ACTIVE)
    with read() as scope:
        assert list(journal.rows(scope.connection))[-1]["detail"]["action"] != "apartment.service"


def test_the_first_resident_is_the_master(home, read):
    _, master, member = home
    with read() as scope:
        roles = {row["id"]: row["role"] for row in residents.listed(scope, "101")}
    assert roles == {master: Role.MASTER.value, member: Role.MEMBER.value}
