from typing import Any

import pytest

from edge.core.openings import OpenRequest
from models.access import Reason, UnlockMethod
from models.device_events import OpenResult
from models.ids import CallId, DeviceId
from models.log import LogKind, Outcome
from tests.unit.edge.core.door_house import A101, ACCESS, ANN, BLOCKED, GATE, MAC_OF, house
from tests.unit.edge.doors.desk_kit import Disk, House, house_open

CALL = CallId("call-1")


def dtmf(**more: Any) -> OpenRequest:
    return OpenRequest(GATE, UnlockMethod.DTMF, **{"relay": "1", "apartments": (A101,), **more})


async def test_a_partys_opening_is_logged_under_the_call_and_sent_to_the_door() -> None:
    async with house_open(house()) as h:
        assert h.desk.open_in_call(CALL, dtmf(resident=ANN))
        await h.plane.until(lambda: h.plane.opened)
        ((mac, decision),) = h.plane.opened
        assert (mac, decision.holds, decision.web_relay) == (MAC_OF[GATE], {"1": 3}, 4)
        (row,) = h.ledger.rows
        assert (row.kind, row.id, row.method, row.reason) == (LogKind.ACCESS, CALL, UnlockMethod.DTMF, Reason.GRANTED)
        assert (row.apartment, row.resident, row.relays) == (A101, ANN, ("1",))
        await h.plane.until(lambda: h.plane.events)
        assert (h.plane.events[0]["type"], h.plane.events[0]["method"]) == ("access", "dtmf")


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        (dtmf(apartments=()), Reason.NOT_ALLOWED),
        (dtmf(apartments=(BLOCKED,)), Reason.SERVICE_BLOCKED),
        (dtmf(relay="2"), Reason.METHOD_NOT_ON_RELAY),
    ],
)
async def test_a_refused_opening_is_logged_and_nothing_is_sent(request_: OpenRequest, reason: Reason) -> None:
    async with house_open(house()) as h:
        assert not h.desk.open_in_call(CALL, request_)
        await h.ledger.until(lambda: h.ledger.rows)
        assert (h.ledger.rows[0].outcome, h.ledger.rows[0].reason) == (Outcome.DENIED, reason)
        await h.settle()
        assert h.plane.opened == []


async def test_a_door_that_is_away_was_not_opened() -> None:
    async with house_open(house()) as h:
        h.plane.reachable, h.plane.result = False, OpenResult.OFFLINE
        assert not h.desk.open_in_call(CALL, dtmf())
        await h.ledger.until(lambda: len(h.ledger.rows) == 2)
        assert h.ledger.rows[1].detail == {"type": "open", "result": "offline"}


async def test_a_call_opens_without_the_store() -> None:
    async with house_open(house()) as h:
        h.ledger.disk = Disk.FULL
        assert h.desk.open_in_call(CALL, dtmf())
        await h.plane.until(lambda: h.plane.opened)
        assert h.desk.store_trouble is not None
        h.ledger.disk = Disk.GOOD
        await h.ledger.until(lambda: h.ledger.of(LogKind.ACCESS))


async def opened(h: House, door: DeviceId = GATE, relay: str | None = None) -> tuple[str, str | None, dict[str, Any]]:
    opening = await h.desk.open_remote(door, relay, by="operator")
    (audit,) = h.ledger.of(LogKind.AUDIT)
    return opening.decision.reason.value, opening.result and opening.result.value, dict(audit.detail)


@pytest.mark.parametrize("result", OpenResult)
async def test_remote_opening_waits_for_the_device_and_is_audited(result: OpenResult) -> None:
    async with house_open(house()) as h:
        h.plane.result = result
        assert await opened(h) == (
            "granted",
            result.value,
            {"by": "operator", "action": "door open", "result": result.value},
        )
        (row,) = h.ledger.of(LogKind.ACCESS)
        assert (row.method, row.outcome, row.relays) == (UnlockMethod.REMOTE, Outcome.GRANTED, ("1", "s1"))


async def test_remote_opening_of_one_relay() -> None:
    async with house_open(house()) as h:
        await opened(h, relay="s1")
        assert h.plane.opened[0][1].holds == {"s1": 7}


@pytest.mark.parametrize(("door", "reason"), [(ACCESS, "not_allowed"), (DeviceId("d-nowhere"), "device_unknown")])
async def test_remote_opening_that_is_not_allowed_is_logged_and_audited(door: DeviceId, reason: str) -> None:
    async with house_open(house()) as h:
        assert await opened(h, door) == (
            reason,
            None,
            {"by": "operator", "action": "door open", "result": reason},
        )
        assert h.ledger.of(LogKind.ACCESS)[0].outcome is Outcome.DENIED
        assert h.plane.opened == []
