import asyncio
import json
from dataclasses import replace
from typing import Any

import pytest

from edge.core.lockout import TRIES
from edge.core.snapshot import Snapshot, build, with_credentials
from edge.store.errors import StoreError, StoreFull
from models.access import CredentialKind, Reason, UnlockMethod
from models.log import LogKind, Outcome
from tests.unit.edge.core.door_house import A101, ANN, DOOR_A, GATE, MAC_OF, NOW_MS, attempt, credential, house
from tests.unit.edge.doors.desk_kit import DAY_MS, Disk, HandClock, attempt_key, house_open

PIN, CARD = CredentialKind.PIN, CredentialKind.RF_CARD
RF = UnlockMethod.RF_CARD


def pin(**changes: Any) -> Snapshot:
    return house([credential(PIN, "482915", **changes)])


async def test_an_attempt_is_committed_and_then_answered() -> None:
    async with house_open(pin(resident=ANN)) as h:
        await h.desk.attempt(attempt(device_seq=7))
        assert [(mac, json.loads(body)["granted"]) for mac, body in h.plane.told] == [(MAC_OF[GATE], True)]
        assert h.plane.rows_when_told == [1]
        (row,) = h.ledger.rows
        assert (row.kind, row.id, row.device, row.device_at_ms) == (LogKind.ACCESS, "t1", GATE, NOW_MS)
        assert (row.outcome, row.reason, row.relays) == (Outcome.GRANTED, Reason.GRANTED, ("1",))
        assert (row.apartment, row.resident, row.detail) == (A101, ANN, {"device_seq": 7})


async def test_the_log_has_the_truth_and_the_device_has_not() -> None:
    async with house_open(house([credential(PIN, "482915", doors=frozenset({DOOR_A}))])) as h:
        await h.desk.attempt(attempt())
        assert h.ledger.rows[0].reason is Reason.DOOR_NOT_SERVED
        assert h.plane.answers()[0]["reason"] == "unknown_credential"
        await h.plane.until(lambda: h.plane.events)
        assert h.plane.events[0]["reason"] == "unknown_credential"
        assert h.plane.events[0]["apartment"] is None


async def test_nothing_of_a_pin_and_the_end_of_a_card_is_logged() -> None:
    async with house_open(house()) as h:
        await h.desk.attempt(attempt("7261536"))
        await h.desk.attempt(attempt("04:A1:B2:C3:D4", RF, id="t2"))
        written = repr(h.ledger.rows) + repr(h.ledger.commits) + repr(h.plane.events) + repr(h.plane.told)
        assert "7261536" not in written
        assert "04A1" not in written
        assert h.ledger.rows[1].detail == {"card": "C3D4"}


async def test_unknown_device_is_logged_by_its_address() -> None:
    async with house_open(pin()) as h:
        await h.desk.attempt(replace(attempt(), device=h.world.snapshot.devices[GATE].mac[:-1] + "f"))
        assert h.ledger.rows[0].reason is Reason.DEVICE_UNKNOWN
        assert h.ledger.rows[0].detail == {"mac": "0c110500000f"}


# --- repetitions ----------------------------------------------------------------------------------------------------


async def test_a_repetition_gets_the_same_bytes_and_no_row_whatever_it_says() -> None:
    async with house_open(pin()) as h:
        await h.desk.attempt(attempt())
        h.clock.advance(60)
        await h.desk.attempt(attempt("000000", apartment="999"))
        await h.desk.attempt(attempt(too_late=True))
        assert len({body for _, body in h.plane.told}) == 1
        assert len(h.plane.told) == 3
        assert len(h.ledger.rows) == 1


async def test_the_same_id_of_another_device_is_another_attempt() -> None:
    async with house_open(pin()) as h:
        await h.desk.attempt(attempt())
        await h.desk.attempt(attempt(at=DOOR_A))
        assert len(h.ledger.rows) == 2


async def test_a_repetition_is_known_after_a_restart_and_forgotten_after_a_day() -> None:
    clock = HandClock()
    async with house_open(pin(), clock=clock) as before:
        await before.desk.attempt(attempt())
    clock.advance(23 * 3_600)
    async with house_open(house(), ledger=before.ledger, clock=clock) as after:  # the PIN is gone meanwhile
        await after.desk.attempt(attempt())
        assert after.plane.told == before.plane.told
        assert len(after.ledger.rows) == 1
        clock.advance(3_600)
        await after.desk.attempt(attempt())
        assert after.plane.answers()[1]["reason"] == "unknown_credential"
        assert len(after.ledger.rows) == 2


async def test_a_repetition_counts_no_wrong_try() -> None:
    async with house_open(pin()) as h:
        for _ in range(3 * TRIES):
            await h.desk.attempt(attempt("000001"))
        await h.desk.attempt(attempt(id="t2"))
        assert h.plane.answers()[-1]["granted"]


async def test_a_repetition_while_the_first_is_under_way_is_left_to_the_first() -> None:
    async with house_open(pin(uses_left=1)) as h:
        h.ledger.disk = Disk.HANGING
        await h.desk.attempt(attempt())
        await h.desk.attempt(attempt())
        assert h.plane.told == []
        h.ledger.mend()
        await h.plane.until(lambda: h.plane.told)
        await h.settle()
        assert len(h.plane.told) == 1
        await h.desk.attempt(attempt())
        assert h.plane.told[0] == h.plane.told[1]


# --- lock-out -------------------------------------------------------------------------------------------------------


async def wrong(h: Any, tries: int, prefix: str = "w") -> list[str]:
    for n in range(tries):
        await h.desk.attempt(attempt("000001", id=f"{prefix}{n}"))
    return [answer["reason"] for answer in h.plane.answers()[-tries:]]


async def test_fifth_wrong_try_gets_its_own_answer_and_the_sixth_is_locked_out() -> None:
    async with house_open(pin()) as h:
        assert await wrong(h, TRIES + 1) == ["unknown_credential"] * TRIES + ["locked_out"]
        await h.desk.attempt(attempt(id="right"))
        assert h.plane.answers()[-1]["reason"] == "locked_out"
        h.clock.advance(30)
        await h.desk.attempt(attempt(id="right again"))
        assert h.plane.answers()[-1]["granted"]
        assert [row.reason for row in h.ledger.rows].count(Reason.LOCKED_OUT) == 2


async def test_a_lock_raises_one_alarm_when_it_begins() -> None:
    async with house_open(pin()) as h:
        await wrong(h, 7)
        (alarm,) = h.ledger.of(LogKind.ALARM)
        assert (alarm.device, alarm.id, alarm.detail) == (GATE, "w4", {"type": "lockout", "seconds": 30})
        await h.plane.until(lambda: len(h.plane.events) == 8)
        assert [told["event"] for told in h.plane.events if told["type"] == "alarm"] == ["lockout"]


async def test_a_spent_code_is_no_right_code_and_clears_no_count() -> None:
    """The snapshot of the uses lags: only the store knows that none is left, after the code was judged."""
    async with house_open(pin(uses_left=1)) as h:
        await h.desk.attempt(attempt(id="t1"))
        h.clock.advance(60)
        await wrong(h, TRIES - 1)
        await h.desk.attempt(attempt(id="t2"))
        assert h.plane.answers()[-1]["reason"] == "uses_spent"
        assert await wrong(h, 2, "x") == ["unknown_credential", "locked_out"]


async def test_a_counted_code_that_opens_clears_the_count() -> None:
    async with house_open(pin(uses_left=1)) as h:
        await wrong(h, TRIES - 1)
        await h.desk.attempt(attempt())
        assert await wrong(h, TRIES, "x") == ["unknown_credential"] * TRIES
        assert len(h.ledger.counters) == 1


async def test_a_lock_runs_on_the_monotonic_clock() -> None:
    async with house_open(pin()) as h:
        await wrong(h, TRIES)
        h.clock.wall_ms += 365 * DAY_MS
        await h.desk.attempt(attempt(id="later"))
        assert h.plane.answers()[-1]["reason"] == "locked_out"


async def test_a_lock_survives_a_restart() -> None:
    clock = HandClock()
    async with house_open(pin(), clock=clock) as before:
        await wrong(before, TRIES)
    clock.advance(20)
    clock.mono_s = 5.0  # the machine was started anew
    async with house_open(pin(), ledger=before.ledger, clock=clock) as after:
        await after.desk.attempt(attempt(id="r1"))
        clock.advance(10)
        await after.desk.attempt(attempt(id="r2"))
        assert [answer["reason"] for answer in after.plane.answers()] == ["locked_out", "granted"]
        assert after.ledger.counters == {}


async def test_tries_are_counted_even_while_the_store_is_dead() -> None:
    async with house_open(pin()) as h:
        h.ledger.disk = Disk.FULL
        assert await wrong(h, TRIES + 1) == ["unknown_credential"] * TRIES + ["locked_out"]


# --- uses -----------------------------------------------------------------------------------------------------------


async def test_two_readers_race_for_the_last_use_and_one_wins() -> None:
    async with house_open(pin(uses_left=1)) as h:
        await asyncio.gather(h.desk.attempt(attempt()), h.desk.attempt(attempt(at=DOOR_A)))
        assert [answer["reason"] for answer in h.plane.answers()] == ["granted", "uses_spent"]
        assert [row.reason for row in h.ledger.rows] == [Reason.GRANTED, Reason.USES_SPENT]
        assert h.ledger.uses == {credential(PIN, "482915").id: 0}


async def test_two_readers_race_while_the_disk_is_slow() -> None:
    async with house_open(pin(uses_left=1)) as h:
        h.ledger.disk = Disk.HANGING
        await h.desk.attempt(attempt())
        await h.desk.attempt(attempt(at=DOOR_A))
        assert h.plane.answers()[0]["reason"] == "uses_spent"  # needs no use, so it needs no disk
        h.ledger.mend()
        await h.plane.until(lambda: len(h.plane.told) == 2)
        assert h.plane.answers()[1]["granted"]


async def test_the_store_has_the_last_word_on_uses() -> None:
    """The snapshot shows a use that somebody else took: the denial is what is stored and told."""
    async with house_open(pin(uses_left=1, duress=True)) as h:
        h.ledger.uses.clear()
        await h.desk.attempt(attempt())
        await h.desk.attempt(attempt())
        assert [answer["reason"] for answer in h.plane.answers()] == ["uses_spent"] * 2
        assert h.plane.told[0] == h.plane.told[1]
        assert [row.kind for row in h.ledger.rows] == [LogKind.ACCESS, LogKind.ALARM]
        assert h.ledger.rows[0].reason is Reason.USES_SPENT
        await h.plane.until(lambda: h.plane.events)
        assert h.plane.events[0]["outcome"] == "denied"


async def test_uses_given_anew_are_seen_with_the_next_snapshot() -> None:
    async with house_open(pin(uses_left=1)) as h:
        await h.desk.attempt(attempt())
        await h.desk.attempt(attempt(id="t2"))
        more = credential(PIN, "482915", uses_left=2)
        h.ledger.uses[more.id] = 2
        h.world.snapshot = with_credentials(h.world.snapshot, 2, [more], [])
        for n in range(3, 6):
            await h.desk.attempt(attempt(id=f"t{n}"))
        reasons = [answer["reason"] for answer in h.plane.answers()]
        assert reasons == ["granted", "uses_spent", "granted", "granted", "uses_spent"]


@pytest.mark.parametrize("disk", [Disk.FULL, Disk.OVERLOADED])
async def test_a_counted_credential_is_not_answered_without_the_store(disk: Disk) -> None:
    async with house_open(pin(uses_left=1)) as h:
        h.ledger.disk = disk
        with pytest.raises(StoreError):
            await h.desk.attempt(attempt())
        assert h.plane.told == []
        h.ledger.disk = Disk.GOOD
        await h.desk.attempt(attempt())  # the device asks again
        assert h.plane.answers()[0]["granted"]


async def test_a_counted_credential_is_answered_when_the_disk_comes_back_in_time() -> None:
    async with house_open(pin(uses_left=1)) as h:
        h.ledger.disk = Disk.HANGING
        await h.desk.attempt(attempt())
        h.clock.advance(9)
        h.ledger.mend()
        await h.plane.until(lambda: h.plane.told)
        assert h.plane.answers()[0]["granted"]


async def test_an_answer_that_comes_too_late_is_kept_and_not_sent() -> None:
    async with house_open(pin(uses_left=1)) as h:
        h.ledger.disk = Disk.HANGING
        await h.desk.attempt(attempt())
        h.clock.advance(10)
        h.ledger.mend()
        await h.plane.until(lambda: h.plane.events)
        assert h.plane.told == []
        assert attempt_key("t1") in h.ledger.answers


async def test_a_counted_credential_whose_late_commit_fails_is_judged_anew() -> None:
    async with house_open(pin(uses_left=1)) as h:
        h.ledger.disk = Disk.HANGING
        await h.desk.attempt(attempt())
        _, waiting = h.ledger.hanging.pop()
        waiting.set_exception(StoreFull("no space left"))
        await h.settle()
        h.ledger.disk = Disk.GOOD
        await h.desk.attempt(attempt())
        assert h.plane.answers()[0]["granted"]


# --- a store in trouble ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("disk", [Disk.FULL, Disk.HANGING, Disk.OVERLOADED])
async def test_a_dead_store_locks_nobody_out(disk: Disk) -> None:
    async with house_open(house([credential(PIN, "482915"), credential(CARD, "04A1B2C3")])) as h:
        h.ledger.disk = disk
        await h.desk.attempt(attempt())
        await h.desk.attempt(attempt("04A1B2C3", RF, id="t2"))
        await h.desk.attempt(attempt("000001", id="t3"))
        await h.desk.attempt(attempt())  # repeated: answered from memory
        assert [answer["granted"] for answer in h.plane.answers()] == [True, True, False, True]
        assert h.plane.told[0] == h.plane.told[3]
        assert h.ledger.rows == []
        trouble = h.desk.store_trouble
        assert trouble is not None
        assert (trouble.since_ms, trouble.late, trouble.waiting, trouble.lost) == (NOW_MS, 3, 3, 0)


@pytest.mark.parametrize("disk", [Disk.FULL, Disk.HANGING, Disk.OVERLOADED])
async def test_rows_follow_when_the_store_is_back_and_an_alarm_tells_of_it(disk: Disk) -> None:
    async with house_open(pin()) as h:
        h.ledger.disk = disk
        await h.desk.attempt(attempt())
        await h.desk.attempt(attempt("000001", id="t2"))
        await h.plane.until(lambda: any(e["type"] == "alarm" for e in h.plane.events))
        h.ledger.mend()
        await h.ledger.until(lambda: h.ledger.of(LogKind.ALARM))
        assert h.desk.store_trouble is None
        assert [row.id for row in h.ledger.of(LogKind.ACCESS)] == ["t1", "t2"]
        (alarm,) = h.ledger.of(LogKind.ALARM)
        assert alarm.detail == {"type": "store_late", "since_ms": NOW_MS, "late": 2, "lost": 0}
        assert attempt_key("t1") in h.ledger.answers
        assert len(h.ledger.counters) == 1
        await h.desk.attempt(attempt())
        assert h.plane.told[0] == h.plane.told[-1]


# --- duress and notices ---------------------------------------------------------------------------------------------


async def test_duress_opens_and_raises_an_alarm_that_only_the_journal_sees() -> None:
    async with house_open(pin(duress=True, resident=ANN)) as duress, house_open(pin(resident=ANN)) as plain:
        await duress.desk.attempt(attempt())
        await plain.desk.attempt(attempt())
        assert duress.plane.told == plain.plane.told
        row, alarm = duress.ledger.rows
        assert (row.reason, row.duress) == (Reason.GRANTED, True)
        assert (alarm.kind, alarm.detail, alarm.apartment, alarm.duress) == (
            LogKind.ALARM,
            {"type": "duress"},
            A101,
            True,
        )
        await duress.plane.until(lambda: duress.plane.events)
        await plain.plane.until(lambda: plain.plane.events)
        (told,), (expected,) = duress.plane.events, plain.plane.events
        assert {**told, "id": ""} == {**expected, "id": ""}


async def test_integrators_hear_of_an_access() -> None:
    async with house_open(pin()) as h:
        await h.desk.attempt(attempt())
        await h.plane.until(lambda: h.plane.events)
        (notice,) = h.plane.events
        assert str(notice["id"]).startswith("e-")
        assert {key: value for key, value in notice.items() if key != "id"} == {
            "at": "2026-01-01T12:00:00.000Z",
            "type": "access",
            "device": MAC_OF[GATE],
            "door": "gate",
            "method": "pin",
            "outcome": "granted",
            "reason": "granted",
            "apartment": "A/101",
            "relays": ["1"],
        }


async def test_a_change_of_the_world_is_in_force_for_the_next_attempt() -> None:
    async with house_open(pin()) as h:
        await h.desk.attempt(attempt())
        h.world.snapshot = build(2, h.world.snapshot.community, devices=h.world.snapshot.devices.values())
        await h.desk.attempt(attempt(id="t2"))
        assert [answer["granted"] for answer in h.plane.answers()] == [True, False]
