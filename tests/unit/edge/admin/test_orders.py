"""Hold, lock down, release: what is stored, who may, and what the rules read."""

import pytest

from edge.admin import apartments, buildings, devices, macs, orders, relays
from edge.admin.devices import Placing
from edge.admin.edit import NotFound, Refused
from edge.admin.orders import Scope
from edge.core.checks import RuleBroken
from edge.store import journal
from edge.store.snapshot import load_snapshot, load_update
from models.access import OrderKind
from models.device import DeviceType
from models.log import LogKind
from tests.unit.edge.admin.conftest import MACS

GATE, STAIRS, HOME = MACS[:3]


@pytest.fixture
def doors(edit):
    with edit() as change:
        for name in ("1", "2"):
            buildings.add(change, name)
        apartments.add(change, "1/101")
        macs.add(change, [GATE, STAIRS, HOME])
        devices.add(change, GATE, name="Gate", type=DeviceType.DOOR_PHONE, placing=Placing())
        devices.add(change, STAIRS, name="Stairs", type=DeviceType.DOOR_PHONE, placing=Placing(buildings=["1"]))
        devices.add(
            change, HOME, name="Home", type=DeviceType.DOOR_PHONE_SINGLE, placing=Placing(apartment="1/101")
        )  # fmt: skip
        for mac in (GATE, STAIRS, HOME):
            relays.add(change, mac, 1)


def minutes(edit, count):
    with edit() as change:
        return change.now_ms + 60_000 * count


def by_door(read):
    with read() as scope:
        snapshot = load_snapshot(scope.connection)
    return {
        snapshot.devices[door].name: sorted(order.kind.value for order in own)
        for door, own in snapshot.orders_of.items()
    }


def do(edit, function, *arguments):
    with edit() as change:
        return function(change, *arguments)


def test_orders_reach_their_doors(doors, edit, read):
    do(edit, orders.lock, Scope(building="1"))
    assert by_door(read) == {"Stairs": ["lock_down"], "Home": ["lock_down"]}
    do(edit, orders.hold, "Gate", minutes(edit, 5))
    assert by_door(read)["Gate"] == ["hold_open"]
    do(edit, orders.lock, Scope())
    assert by_door(read) == {
        "Gate": ["lock_down"], "Stairs": ["lock_down", "lock_down"], "Home": ["lock_down", "lock_down"]
    }  # fmt: skip
    assert do(edit, orders.release, Scope()) == 1
    assert do(edit, orders.release, Scope(building="1")) == 1
    assert do(edit, orders.release, Scope(building="1")) == 0
    assert by_door(read) == {}


@pytest.mark.parametrize(
    ("lock", "held"),
    [
        (Scope(), []),
        (Scope("Stairs"), ["Gate", "Home"]),
        (Scope(building="1"), ["Gate"]),
        (Scope(building="2"), ["Gate", "Home", "Stairs"]),
    ],
)
def test_a_lock_down_ends_the_holds_of_its_doors(doors, edit, read, lock, held):
    for door in ("Gate", "Stairs", "Home"):
        do(edit, orders.hold, door, minutes(edit, 5))
    do(edit, orders.lock, lock)
    found = by_door(read)
    assert sorted(door for door, kinds in found.items() if "hold_open" in kinds) == held


def test_a_locked_door_is_not_held(doors, edit):
    do(edit, orders.lock, Scope(building="1"))
    for door in ("Stairs", "Home"):
        with pytest.raises(Refused, match="locked down"):
            do(edit, orders.hold, door, minutes(edit, 5))
    do(edit, orders.hold, "Gate", minutes(edit, 5))


@pytest.mark.parametrize("options", [{"methods": "pin"}, {"enabled": False}])
def test_a_door_that_no_operator_may_open_is_not_held(doors, edit, options):
    with edit() as change:
        relays.set_relay(change, GATE, 1, **options)
    with pytest.raises(Refused, match="remote"):
        do(edit, orders.hold, "Gate", minutes(edit, 5))


@pytest.mark.parametrize("count", [-1, 0, 24 * 60 + 2])
def test_a_hold_has_an_end_within_a_day(doors, edit, count):
    with pytest.raises(RuleBroken):
        do(edit, orders.hold, "Gate", minutes(edit, count))


def test_an_order_replaces_the_one_before(doors, edit, read):
    for count in (5, 10):
        do(edit, orders.hold, "Gate", minutes(edit, count))
    with read() as scope:
        (row,) = orders.listed(scope, 0)
    assert (row["order"], row["door"], row["by"]) == ("hold_open", "Gate", "installer")


def test_what_is_over_is_not_listed(doors, edit, read):
    until_ms = minutes(edit, 5)
    do(edit, orders.hold, "Gate", until_ms)
    with read() as scope:
        assert orders.listed(scope, until_ms) == []


def test_names_that_are_not_there_are_refused(doors, edit):
    for scope in (Scope("Nowhere"), Scope(building="9")):
        for function in (orders.lock, orders.release):
            with pytest.raises(NotFound):
                do(edit, function, scope)
    with pytest.raises(RuleBroken):
        do(edit, orders.lock, Scope(), 1)


def test_orders_are_audited(doors, edit, read):
    do(edit, orders.hold, "Gate", minutes(edit, 5))
    do(edit, orders.lock, Scope())
    do(edit, orders.release, Scope())
    with read() as scope:
        rows = journal.rows(scope.connection, journal.LogFilter(kind=LogKind.AUDIT))
        told = [(row["detail"]["action"], row["door"], row["detail"].get("scope")) for row in rows]
    assert told[-3:] == [
        ("door.hold", "Gate", "Gate"),
        ("door.lock", None, "all doors"),
        ("door.release", None, "all doors"),
    ]


def test_a_lock_down_is_a_small_change_for_a_daemon(doors, edit, read):
    """100,000 credentials are not read anew for it."""
    with read() as scope:
        before = load_snapshot(scope.connection)
    do(edit, orders.lock, Scope())
    with read() as scope:
        update = load_update(scope.connection, before.revision)
    assert update.whole is None
    (order,) = update.apply(before).orders
    assert order.kind is OrderKind.LOCK_DOWN
