"""Devices: the MAC library, where they stand, whom they serve, their relays and logins."""

import pytest

from edge.admin import apartments, buildings, device_list, devices, macs, relays
from edge.admin.devices import Placing
from edge.admin.edit import NotFound
from edge.core import checks
from edge.core.checks import RuleBroken
from edge.core.template import OddCell
from edge.store.accounts import device_mqtt_password, device_sip_password
from edge.store.devices import save_digest_fallback, save_hello, states
from edge.store.snapshot import load_snapshot
from models.access import UnlockMethod
from models.device import ContactDisplay, DeviceType, DigestOffer, Place
from models.tables.device import ConnectionType

GATE, ROOM, HALL = "0C1105000000", "0C1105000001", "0C1105000002"
DOOR, MONITOR = DeviceType.DOOR_PHONE, DeviceType.INDOOR_MONITOR


def furnish(change):
    macs.add(change, [GATE, ROOM, HALL])
    for name in ("1", "2"):
        buildings.add(change, name)
    apartments.add(change, "1/101")


@pytest.fixture
def house(edit):
    with edit() as change:
        furnish(change)


def stored(read):
    with read() as scope:
        return {device.name: device for device in load_snapshot(scope.connection).devices.values()}


def rule_of(edit, action, *arguments, **options):
    with pytest.raises(RuleBroken) as broken, edit() as change:
        action(change, *arguments, **options)
    return broken.value.problem.rule


def test_a_mac_comes_from_the_library_and_is_taken_once(house, edit):
    add = {"name": "Gate", "type": DOOR, "placing": Placing()}
    assert rule_of(edit, devices.add, "0C1105000009", **add) == "not_in_library"
    assert rule_of(edit, devices.add, "0C110500000", **add) == "mac"
    with edit() as change:
        devices.add(change, "0c:11:05:00:00:00", **add)
    assert rule_of(edit, devices.add, GATE, **add) == "bound"
    assert rule_of(edit, macs.remove, GATE) == "bound"
    with edit() as change:
        devices.remove(change, "Gate")
        macs.remove(change, GATE)
    with pytest.raises(NotFound), edit() as change:
        macs.remove(change, GATE)


PLACES = [
    (Placing(), Place.PUBLIC, None),
    (Placing(buildings=()), Place.PUBLIC, None),
    (Placing(buildings=("1", "2", "1")), Place.PUBLIC, {"1", "2"}),
    (Placing(Place.BUILDING, ("2",)), Place.BUILDING, {"2"}),
    (Placing(apartment="101"), Place.APARTMENT, set()),
    (Placing(Place.APARTMENT, apartment="1/101"), Place.APARTMENT, set()),
]


@pytest.mark.parametrize(("placing", "place", "served"), PLACES)
def test_where_a_device_stands(house, edit, read, placing, place, served):
    with edit() as change:
        devices.add(change, GATE, name="Gate", type=DOOR, placing=placing)
    device = stored(read)["Gate"]
    with read() as scope:
        names = {building.id: building.name for building in load_snapshot(scope.connection).buildings.values()}
    assert device.place is place
    assert (None if device.buildings is None else {names[b] for b in device.buildings}) == served
    assert (device.apartment is not None) == (place is Place.APARTMENT)


CONTRADICTIONS = [
    Placing(Place.BUILDING),
    Placing(Place.BUILDING, ("1", "2")),
    Placing(Place.APARTMENT),
    Placing(Place.PUBLIC, apartment="101"),
    Placing(buildings=("1",), apartment="101"),
]


@pytest.mark.parametrize("placing", CONTRADICTIONS)
def test_contradictory_places_are_refused(house, edit, placing):
    assert rule_of(edit, devices.add, GATE, name="Gate", type=DOOR, placing=placing) == "place"


def test_set_and_move(house, edit, read):
    with edit() as change:
        devices.add(change, GATE, name="Gate", type=DOOR, placing=Placing())
        devices.set_device(change, "Gate", name="Door", enabled=False, digest=DigestOffer.MD5, fire_group="A")
        devices.set_device(change, "Door", placing=Placing(Place.BUILDING, ("1",)))
    device = stored(read)["Door"]
    assert (device.enabled, device.digest, device.fire_group) == (False, DigestOffer.MD5, "A")
    assert device.place is Place.BUILDING


def test_one_works_offline_monitor_an_apartment(house, edit):
    with edit() as change:
        for mac, name in ((ROOM, "Room"), (HALL, "Hall")):
            devices.add(change, mac, name=name, type=MONITOR, placing=Placing(apartment="101"))
        devices.set_device(change, "Room", works_offline=True)
        devices.set_device(change, "Room", static_address="192.0.2.9")
    assert rule_of(edit, devices.set_device, "Hall", works_offline=True) == "one_works_offline"
    gate = {"name": "Gate", "type": DOOR, "placing": Placing(), "works_offline": True}
    assert rule_of(edit, devices.add, GATE, **gate) == "works_offline"


def test_basic_keeps_a_monitor_in_every_apartment(basic):
    edit = basic.admin("installer").edit
    with edit() as change:
        furnish(change)
        for mac, name in ((ROOM, "Room"), (HALL, "Hall")):
            devices.add(change, mac, name=name, type=MONITOR, placing=Placing(apartment="101"))
        devices.remove(change, "Hall")
    assert rule_of(edit, devices.remove, "Room") == "monitor_needed"
    assert rule_of(edit, devices.set_device, "Room", placing=Placing()) == "monitor_needed"
    with edit() as change:
        apartments.remove(change, "101")


def passwords(read, site, identity):
    with read() as scope:
        vault = site.secrets.vault
        sip = device_sip_password(scope.connection, vault, identity)
        return sip, device_mqtt_password(scope.connection, vault, identity)


def test_logins_are_random_sealed_and_renewed(house, edit, read, site):
    with edit() as change:
        identity = devices.add(change, GATE, name="Gate", type=DOOR, placing=Placing())
    before = passwords(read, site, identity)
    with edit() as change:
        devices.new_passwords(change, "Gate")
    assert len({*before, *passwords(read, site, identity)}) == 4
    assert all(len(password) >= 24 for password in before)
    assert 10_000_000 <= int(stored(read)["Gate"].sip_user) <= 49_999_999


def test_relays(house, edit, read):
    with edit() as change:
        devices.add(change, GATE, name="Gate", type=DOOR, placing=Placing())
        relays.add(change, "Gate", 1)
        relays.add(change, "Gate", 2, methods="pin,dtmf", dtmf="22", hold_s=9, name="Garage", enabled=False)
        relays.add(change, "Gate", 1, security=True, methods="dtmf", dtmf="*1")
    first, second, security = stored(read)["Gate"].relays
    assert (first.methods, first.dtmf, first.hold_s, first.enabled) == (checks.DOOR_METHODS, "1", 5, True)
    assert (second.methods, second.dtmf, second.hold_s) == (frozenset({UnlockMethod.PIN, UnlockMethod.DTMF}), "22", 9)
    assert (second.name, second.enabled) == ("Garage", False)
    assert (security.label, security.dtmf) == ("s1", "*1")
    assert rule_of(edit, relays.add, "Gate", 1) == "duplicate"
    assert rule_of(edit, relays.add, "Gate", 5) == "relay_number"
    assert rule_of(edit, relays.add, "Gate", 3, dtmf="2") == "dtmf_prefix"
    assert rule_of(edit, relays.set_relay, "Gate", 2, dtmf="12") == "dtmf_prefix"
    assert rule_of(edit, relays.set_relay, "Gate", 2, hold_s=61) == "hold_s"
    with edit() as change:
        relays.set_relay(change, "Gate", 2, dtmf="23", enabled=True)
        relays.set_relay(change, "Gate", 1, security=True, methods="")
        relays.remove(change, "Gate", 1)
    with read() as scope:
        rows = relays.listed(scope, "Gate")
    assert [(row["number"], row["security"], row["dtmf"]) for row in rows] == [(2, False, "23"), (1, True, "*1")]
    with pytest.raises(NotFound, match="no relay s2"), edit() as change:
        relays.remove(change, "Gate", 2, security=True)


def test_the_list_joins_what_is_stored_and_what_is_live(house, edit, read):
    with edit() as change:
        devices.add(change, GATE, name="Gate", type=DOOR, placing=Placing(buildings=("2", "1")))
        devices.add(change, ROOM, name="Room", type=MONITOR, placing=Placing(apartment="101"))
        relays.add(change, "Gate", 1)
    live = {GATE.lower(): {"sip": {"online": True, "contact": "sip:1@h", "transport": "udp"}, "mqtt": {"online": True}}}
    with read() as scope:
        gate, room = device_list.listed(scope, live)
        (alone,) = device_list.listed(scope, None, only=ROOM)
    assert (gate["mac"], gate["type"], gate["place"], gate["buildings"]) == (GATE.lower(), 0, "public", ["1", "2"])
    assert (room["place"], room["buildings"], room["apartment"]) == ("apartment", ["1"], "1/101")
    assert gate["sip"]["online"] is gate["mqtt"]["online"] is True
    assert gate["sip"]["expires_at"] is None
    assert (room["sip"]["online"], room["mqtt"]) == (False, {"online": False, "since": None})
    assert set(gate["revision"]) == {"wanted", "confirmed"}
    assert alone == room
    assert [relay["number"] for relay in gate["relays"]] == [1]


def test_macs_of_a_sheet():
    rows = [["MAC"], [], ["0C1105000000"], ["", "0c:11:05:00:00:01"]]
    assert macs.from_rows(rows) == (["0c1105000000", "0c1105000001"], [])
    bad = [["0C1105000000", "x"], ["nothing"], [112233445566], [OddCell("formula", "is a formula")]]
    _, errors = macs.from_rows(bad)
    assert [(error.row, error.column, error.code) for error in errors] == [
        (1, "MAC", "extra_cell"),
        (2, "MAC", "mac"),
        (3, "MAC", "number"),
        (4, "MAC", "formula"),
    ]
    assert macs.from_rows([["MAC"]])[1][0].code == "no_rows"


def test_adding_macs_again_adds_nothing(edit):
    with edit() as change:
        assert macs.add(change, [GATE, GATE.lower(), ROOM]) == 2
        assert macs.add(change, [GATE]) == 0


def test_whom_a_door_lists_and_how_it_is_reached_are_set(house, edit, read):
    with edit() as change:
        devices.add(change, GATE, name="Gate", type=DOOR, placing=Placing())
    assert stored(read)["Gate"].contact_display is ContactDisplay.ALL
    with edit() as change:
        shown = {"contact_display": ContactDisplay.APARTMENTS, "connection": ConnectionType.TCP}
        devices.set_device(change, "Gate", **shown)
    assert stored(read)["Gate"].contact_display is ContactDisplay.APARTMENTS
    with read() as scope:
        (row,) = device_list.listed(scope, None)
    assert (row["contact_display"], row["connection"]) == ("apartments", "tcp")


def test_another_device_takes_the_place_of_a_broken_one(house, edit, read, site):
    with edit() as change:
        identity = devices.add(change, GATE, name="Gate", type=DOOR, placing=Placing())
        relays.add(change, GATE, 1)
        save_hello(change.connection, identity, model="R20", firmware="1", ip="127.0.0.9", relays=2, now_ms=1)
        save_digest_fallback(change.connection, identity)
    before = passwords(read, site, identity)
    assert rule_of(edit, devices.replace, GATE, "0C1105000009") == "not_in_library"
    assert rule_of(edit, devices.replace, GATE, GATE) == "bound"
    user = stored(read)["Gate"].sip_user
    with edit() as change:
        assert devices.replace(change, "Gate", HALL) == HALL.lower()
    after = stored(read)["Gate"]
    assert (after.id, after.mac, after.sip_user, len(after.relays)) == (identity, HALL.lower(), user, 1)
    assert after.digest is DigestOffer.BOTH
    assert not set(passwords(read, site, identity)) & set(before)
    with read() as scope:
        assert states(scope.connection)[identity].model == ""
    with edit() as change:
        macs.remove(change, GATE)
