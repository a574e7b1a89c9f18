import asyncio

import pytest

from edge.core.lockout import TRIES, LockKey
from edge.doors import desk as desk_module
from edge.store.errors import StoreFull
from models.device_events import Hello
from models.ids import Mac
from models.log import LogKind
from tests.unit.edge.core.door_house import GATE, MAC_OF, NOW_MS, attempt, house
from tests.unit.edge.doors.desk_kit import Disk, HandClock, house_open

GATE_MAC = MAC_OF[GATE]


async def test_presence_is_a_row_when_it_changes() -> None:
    async with house_open(house()) as h:
        for online in (True, True, False, False, True):
            await h.desk.presence(GATE_MAC, online)
        assert [row.detail["type"] for row in h.ledger.rows] == ["online", "offline", "online"]
        assert {row.kind for row in h.ledger.rows} == {LogKind.DEVICE}
        assert h.ledger.online == {GATE}
        await h.plane.until(lambda: len(h.plane.events) == 3)
        assert [event["event"] for event in h.plane.events] == ["online", "offline", "online"]


async def test_a_restart_is_no_change_of_presence() -> None:
    async with house_open(house()) as before:
        await before.desk.presence(GATE_MAC, True)
    async with house_open(house(), ledger=before.ledger) as after:
        await after.desk.presence(GATE_MAC, True)
        assert len(after.ledger.rows) == 1
        await after.desk.presence(GATE_MAC, False)
        assert len(after.ledger.rows) == 2


async def test_presence_of_a_device_that_is_gone_is_logged_by_its_address() -> None:
    async with house_open(house()) as h:
        await h.desk.presence(Mac("0c11050000ff"), False)
        assert h.ledger.rows[0].detail == {"type": "offline", "mac": "0c11050000ff"}


async def test_presence_that_cannot_be_stored_follows() -> None:
    async with house_open(house()) as h:
        h.ledger.disk = Disk.FULL
        await h.desk.presence(GATE_MAC, True)
        h.ledger.disk = Disk.GOOD
        await h.ledger.until(lambda: h.ledger.of(LogKind.DEVICE))
        assert h.ledger.online == {GATE}


async def test_when_everybody_is_back_at_once_a_card_waits_for_a_few_of_them_only() -> None:
    many = [Mac(f"0c11aa{number:06x}") for number in range(200)]
    async with house_open(house()) as h, asyncio.TaskGroup() as group:
        h.ledger.disk = Disk.HANGING
        for device in many:
            group.create_task(h.desk.presence(device, False))
        await asyncio.sleep(0)
        assert len(h.ledger.hanging) == desk_module.FACTS_AT_ONCE
        h.ledger.mend()
        await h.ledger.until(lambda: len(h.ledger.rows) == len(many))


async def test_a_stuck_disk_is_found_out_once_not_by_each_device_in_turn() -> None:
    many = [Mac(f"0c11aa{number:06x}") for number in range(200)]
    turns = len(many) / desk_module.FACTS_AT_ONCE
    async with house_open(house(), commit_within_s=0.3) as h:
        h.ledger.disk = Disk.HANGING
        async with asyncio.timeout(0.7 * 0.3 * turns), asyncio.TaskGroup() as group:
            for device in many:
                group.create_task(h.desk.presence(device, False))
        h.ledger.mend()
        await h.ledger.until(lambda: len(h.ledger.of(LogKind.DEVICE)) == len(many))


async def test_late_rows_go_to_the_writer_at_the_end() -> None:
    async with house_open(house()) as h:
        h.ledger.disk = Disk.FULL
        await h.desk.attempt(attempt("000001"))
        h.ledger.disk = Disk.HANGING  # it takes them, and commits as it closes
    h.ledger.mend()
    assert [row.id for row in h.ledger.rows] == ["t1"]


async def test_rows_that_nobody_takes_at_the_end_are_told_of(caplog: pytest.LogCaptureFixture) -> None:
    async with house_open(house()) as h:
        h.ledger.disk = Disk.OVERLOADED
        await h.desk.attempt(attempt("000001"))
    assert "1 rows of the journal are lost" in caplog.text


async def test_hello_is_kept_for_known_devices() -> None:
    hello = Hello(GATE_MAC, "R29", "29.1", "10.0.0.9", 2, NOW_MS, True)
    async with house_open(house()) as h:
        await h.desk.hello(hello)
        await h.desk.hello(Hello(Mac("0c11050000ff"), "", "", "", None, None, True))
        assert h.ledger.hellos == [(GATE, hello)]
        assert h.ledger.rows == []


async def test_a_hello_that_is_not_stored_is_said_so() -> None:
    async with house_open(house()) as h:
        h.ledger.disk = Disk.FULL
        with pytest.raises(StoreFull):
            await h.desk.hello(Hello(GATE_MAC, "", "", "", None, None, True))


async def test_old_answers_and_idle_counters_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(desk_module, "TIDY_EVERY_S", 0.005)
    clock = HandClock()
    async with house_open(house(), clock=clock) as h:
        for n in range(TRIES):
            await h.desk.attempt(attempt("000001", id=str(n)))
        assert list(h.ledger.counters) == [LockKey(GATE)]
        clock.advance(24 * 3_600)
        await h.ledger.until(lambda: not h.ledger.counters)
        await h.settle()
        assert h.ledger.answers == {}
        assert list(h.desk.lockout.items()) == []
