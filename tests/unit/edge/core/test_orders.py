from dataclasses import replace

import pytest

from edge.core.orders import PanelOrder, held, to_tell
from edge.core.snapshot import Snapshot, with_orders
from models.access import DoorOrder, OrderKind
from models.device import Relay
from tests.unit.edge.core.door_house import ALL_METHODS, DEVICES, DOOR_A, GATE, NOW_MS, house

HOLD = DoorOrder("o-hold", OrderKind.HOLD_OPEN, device=GATE, until_ms=NOW_MS + 90_500)
LOCK = DoorOrder("o-lock", OrderKind.LOCK_DOWN)
NOBODY = house()


def told(before: tuple[DoorOrder, ...], after: tuple[DoorOrder, ...]) -> list[tuple[str, int]]:
    return [(o.order, o.seconds) for o in to_tell(house(orders=before), house(orders=after), NOW_MS)]


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ((), (HOLD,), [("o-hold", 90)]),
        ((HOLD,), (HOLD,), []),
        ((HOLD,), (), [("o-hold", 0)]),
        ((HOLD,), (HOLD, LOCK), [("o-hold", 0)]),
        ((LOCK,), (), []),
        ((HOLD, LOCK), (HOLD,), []),  # the end of a lock-down moves no relay
        ((HOLD,), (replace(HOLD, id="o-new", until_ms=NOW_MS + 5_000),), [("o-new", 5)]),
        ((), (replace(HOLD, until_ms=NOW_MS),), []),
        ((), (LOCK,), []),
        ((LOCK,), (LOCK, HOLD), []),
        ((), (replace(HOLD, until_ms=NOW_MS + 10**12),), [("o-hold", 86_400)]),
        ((), (replace(HOLD, until_ms=NOW_MS + 1),), [("o-hold", 1)]),
    ],
)
def test_a_hold_is_told_once_and_its_end_once(
    before: tuple[DoorOrder, ...], after: tuple[DoorOrder, ...], expected: list[tuple[str, int]]
) -> None:
    assert told(before, after) == expected


def test_only_relays_for_remote_opening_are_held() -> None:
    relays = (Relay(1, methods=ALL_METHODS), Relay(2), Relay(3, enabled=False, methods=ALL_METHODS))
    secure = Relay(1, security=True, methods=ALL_METHODS)
    devices = [replace(DEVICES[0], relays=(*relays, secure))]
    (order,) = to_tell(house(devices=devices), house(devices=devices, orders=[HOLD]), NOW_MS)
    assert order == PanelOrder(devices[0], "o-hold", (1,), 90)
    dead = [replace(DEVICES[0], relays=(Relay(2),))]
    assert to_tell(house(devices=dead), house(devices=dead, orders=[HOLD]), NOW_MS) == ()


def test_a_disabled_door_is_not_held() -> None:
    devices = [replace(DEVICES[0], enabled=False)]
    assert held(house(devices=devices, orders=[HOLD]), NOW_MS) == {}


def test_orders_are_swapped_without_the_rest() -> None:
    def same(one: Snapshot, other: Snapshot) -> bool:
        return (one.orders, one.orders_of, one.restricted) == (other.orders, other.orders_of, other.restricted)

    swapped = with_orders(NOBODY, (HOLD, LOCK))
    assert same(swapped, house(orders=(HOLD, LOCK)))
    assert swapped.credentials is NOBODY.credentials
    assert same(with_orders(swapped, ()), NOBODY)
    assert DOOR_A in swapped.orders_of
