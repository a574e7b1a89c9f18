"""Operators' orders on their way to the panels."""

import pytest

from edge.core.snapshot import with_orders
from models.access import DoorOrder, OrderKind
from models.device_events import OpenResult
from models.log import LogKind
from tests.unit.edge.core.door_house import GATE, MAC_OF, NOW_MS, house
from tests.unit.edge.doors.desk_kit import House, house_open

HOLD = DoorOrder("o-hold", OrderKind.HOLD_OPEN, device=GATE, until_ms=NOW_MS + 60_000)


async def change(h: House, *orders: DoorOrder) -> None:
    before, after = h.world.snapshot, with_orders(h.world.snapshot, orders)
    h.world.snapshot = after
    h.desk.world_changed(before, after)
    await h.settle()


@pytest.mark.parametrize("result", OpenResult)
async def test_a_hold_and_its_end_are_told_once_and_written_down(result: OpenResult) -> None:
    async with house_open(house()) as h:
        h.plane.result = result
        await change(h, HOLD)
        await change(h, HOLD)
        assert h.plane.commands == [(MAC_OF[GATE], "hold", {"relays": [1], "seconds": 60})]
        (row,) = h.ledger.of(LogKind.DEVICE)
        assert (row.id, row.device) == ("o-hold", GATE)
        assert row.detail == {"type": "hold", "result": result.value, "relays": [1], "seconds": 60}
        await change(h)
        assert h.plane.commands[1:] == [(MAC_OF[GATE], "release", {"relays": [1]})]


async def test_a_start_and_a_device_that_is_back_move_nothing() -> None:
    """The order survives as a state; the relay waits for a new one."""
    async with house_open(house(orders=[HOLD])) as h:
        await h.desk.presence(MAC_OF[GATE], online=True)
        await h.desk.presence(MAC_OF[GATE], online=False)
        await h.desk.presence(MAC_OF[GATE], online=True)
        await h.settle()
        assert (h.plane.commands, h.plane.opened) == ([], [])
