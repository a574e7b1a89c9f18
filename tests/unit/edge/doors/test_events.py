import asyncio
from typing import Any

import pytest

from edge.doors.rows import ALARMS
from edge.store.errors import StoreError, StoreFull
from models.access import CredentialKind, Reason, UnlockMethod
from models.device_events import DeviceEventType, OpenResult
from models.ids import DeviceId
from models.log import LogKind, Outcome
from tests.unit.edge.core.door_house import (
    A101,
    ACCESS,
    ANN,
    BROKEN,
    DOOR_A,
    GATE,
    MAC_OF,
    MONITOR,
    NOW_MS,
    credential,
    house,
)
from tests.unit.edge.doors.desk_kit import Disk, HandClock, event, house_open

E = DeviceEventType
CARD = credential(CredentialKind.RF_CARD, "04A1B2C3", resident=ANN, uses_left=2)


async def test_exit_button_opens_the_relays_that_list_it_and_leaves_one_row() -> None:
    async with house_open(house()) as h:
        await h.desk.event(event(E.EXIT_BUTTON))
        await h.plane.until(lambda: h.plane.opened)
        ((mac, decision),) = h.plane.opened
        assert (mac, decision.holds) == (MAC_OF[GATE], {"1": 3})
        (row,) = h.ledger.rows
        assert (row.kind, row.id, row.method) == (LogKind.ACCESS, "e1", UnlockMethod.EXIT_BUTTON)
        assert (row.outcome, row.relays, row.device_at_ms) == (Outcome.GRANTED, ("1",), NOW_MS)


async def test_a_disabled_device_still_lets_people_out() -> None:
    async with house_open(house()) as h:
        await h.desk.event(event(E.EXIT_BUTTON, at=BROKEN))
        await h.plane.until(lambda: h.plane.opened)
        assert h.ledger.rows[0].outcome is Outcome.GRANTED


async def test_exit_button_without_a_relay_for_it_opens_nothing() -> None:
    async with house_open(house()) as h:
        await h.desk.event(event(E.EXIT_BUTTON, at=ACCESS))
        await h.settle()
        assert h.plane.opened == []
        assert h.ledger.rows[0].reason is Reason.METHOD_NOT_ON_RELAY


async def test_an_old_exit_button_is_logged_and_opens_nothing() -> None:
    async with house_open(house()) as h:
        await h.desk.event(event(E.EXIT_BUTTON, too_late=True))
        await h.settle()
        assert h.plane.opened == []
        assert h.ledger.rows[0].reason is Reason.TOO_LATE


@pytest.mark.parametrize("too_late", [False, True])
async def test_fire_opens_all_enabled_relays_of_the_group_whatever_its_age(too_late: bool) -> None:
    async with house_open(house()) as h:
        await h.desk.event(event(E.FIRE, fields={"active": True}, too_late=too_late))
        await h.plane.until(lambda: len(h.plane.opened) == 2)
        assert {mac: d.holds for mac, d in h.plane.opened} == {
            MAC_OF[GATE]: {"1": 3, "s1": 7},
            MAC_OF[DOOR_A]: {"1": 3},
        }
        assert [(row.kind, row.device) for row in h.ledger.rows] == [
            (LogKind.ACCESS, GATE),
            (LogKind.ACCESS, DOOR_A),
            (LogKind.ALARM, GATE),
        ]
        await h.plane.until(lambda: any(e["type"] == "alarm" for e in h.plane.events))


async def test_the_end_of_a_fire_opens_nothing() -> None:
    async with house_open(house()) as h:
        await h.desk.event(event(E.FIRE, fields={"active": False}))
        await h.settle()
        assert h.plane.opened == []
        assert [(row.kind, row.detail) for row in h.ledger.rows] == [
            (LogKind.DEVICE, {"type": "fire", "active": False})
        ]


async def test_fire_of_a_device_in_no_group_opens_its_own_door_only() -> None:
    async with house_open(house()) as h:
        await h.desk.event(event(E.FIRE, at=BROKEN))
        await h.plane.until(lambda: h.plane.opened)
        await h.settle()
        assert [mac for mac, _ in h.plane.opened] == [MAC_OF[BROKEN]]


@pytest.mark.parametrize("kind", [E.EXIT_BUTTON, E.FIRE])
async def test_a_repeated_event_opens_once_restarts_included(kind: E) -> None:
    clock = HandClock()
    async with house_open(house(), clock=clock) as before:
        await before.desk.event(event(kind, at=BROKEN))
        await before.desk.event(event(kind, at=BROKEN))
        await before.plane.until(lambda: before.plane.opened)
        await before.settle()
        assert len(before.plane.opened) == 1
        rows = len(before.ledger.rows)
    clock.advance(5)
    async with house_open(house(), ledger=before.ledger, clock=clock) as after:
        await after.desk.event(event(kind, at=BROKEN))
        await after.settle()
        assert after.plane.opened == []
        assert len(after.ledger.rows) == rows


async def test_an_event_that_only_the_store_remembers_opens_nothing() -> None:
    """What fell out of memory is still in the commit's own check."""
    async with house_open(house()) as h:
        await h.desk.event(event(E.EXIT_BUTTON))
        await h.plane.until(lambda: h.plane.opened)
        async with house_open(house()) as forgetful:
            forgetful.ledger.answers.update(h.ledger.answers)
            await forgetful.desk.event(event(E.EXIT_BUTTON))
            await forgetful.settle()
            assert forgetful.plane.opened == []
            assert forgetful.ledger.rows == []


# --- the store is in trouble ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("disk", [Disk.FULL, Disk.OVERLOADED])
@pytest.mark.parametrize("kind", [E.EXIT_BUTTON, E.FIRE])
async def test_people_get_out_without_the_store_and_the_broker_keeps_the_event(disk: Disk, kind: E) -> None:
    async with house_open(house()) as h:
        h.ledger.disk = disk
        with pytest.raises(StoreError):
            await h.desk.event(event(kind, at=BROKEN))
        await h.plane.until(lambda: h.plane.opened)
        with pytest.raises(StoreError):
            await h.desk.event(event(kind, at=BROKEN))
        h.ledger.disk = Disk.GOOD
        await h.desk.event(event(kind, at=BROKEN))  # delivered again
        await h.desk.event(event(kind, at=BROKEN))
        await h.settle()
        assert len(h.plane.opened) == 1
        assert h.ledger.rows[0].outcome is Outcome.GRANTED
        assert len({row.id for row in h.ledger.rows}) == 1


@pytest.mark.parametrize("disk", [Disk.FULL, Disk.OVERLOADED])
async def test_an_event_that_the_broker_loses_as_well_is_stored_all_the_same(disk: Disk) -> None:
    """The broker has it until it is committed here, but may be killed before it saved it."""
    async with house_open(house()) as h:
        h.ledger.disk = disk
        with pytest.raises(StoreError):
            await h.desk.event(event(E.FORCED))
        h.ledger.disk = Disk.GOOD
        await h.ledger.until(lambda: [row for row in h.ledger.rows if row.detail.get("type") == "forced"])
        await h.desk.event(event(E.FORCED))  # and if it did not lose it
        assert len([row for row in h.ledger.rows if row.detail.get("type") == "forced"]) == 1


async def test_an_event_returns_when_its_row_is_committed() -> None:
    async with house_open(house()) as h:
        h.ledger.disk = Disk.HANGING
        done: list[bool] = []

        async def hand_in() -> None:
            await h.desk.event(event(E.EXIT_BUTTON))
            done.append(True)

        async with asyncio.TaskGroup() as group:
            group.create_task(hand_in())
            await h.plane.until(lambda: h.plane.opened)  # it did not wait for the disk for ever
            assert not done
            h.ledger.mend()
        assert done
        assert len(h.ledger.rows) == 1


async def test_a_late_failure_of_the_store_is_raised() -> None:
    async with house_open(house()) as h:
        h.ledger.disk = Disk.HANGING

        async def fail_later() -> None:
            await h.plane.until(lambda: h.plane.opened)
            for _, waiting in h.ledger.hanging:
                waiting.set_exception(StoreFull("no space left"))

        async with asyncio.TaskGroup() as group:
            group.create_task(fail_later())
            with pytest.raises(StoreFull):
                await h.desk.event(event(E.EXIT_BUTTON))


# --- other events ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [k for k in E if k not in (E.EXIT_BUTTON, E.FIRE, E.PANEL_OPENED, E.PANEL_REFUSED)])
async def test_a_report_is_one_row_and_one_notice(kind: E) -> None:
    async with house_open(house()) as h:
        await h.desk.event(event(kind, fields={"n": 1}))
        await h.desk.event(event(kind, fields={"n": 1}))
        (row,) = h.ledger.rows
        assert row.kind is (LogKind.ALARM if kind in ALARMS else LogKind.DEVICE)
        assert row.detail == {"type": kind.value, "n": 1}
        await h.plane.until(lambda: h.plane.events)
        (notice,) = h.plane.events
        assert (notice["type"], notice["event"], notice["n"]) == (
            "alarm" if kind in ALARMS else "device",
            kind.value,
            1,
        )
        assert h.plane.opened == []


async def test_fields_of_a_device_cannot_replace_what_a_notice_says_itself() -> None:
    async with house_open(house()) as h:
        await h.desk.event(event(E.DOOR_OPENED, fields={"type": "call", "door": "x", "device": "y", "event": "z"}))
        await h.plane.until(lambda: h.plane.events)
        (notice,) = h.plane.events
        assert (notice["type"], notice["door"], notice["device"], notice["event"]) == (
            "device",
            "gate",
            MAC_OF[GATE],
            "door_opened",
        )


@pytest.mark.parametrize("kind", [E.EXIT_BUTTON, E.FIRE, E.TAMPER])
async def test_an_unknown_device_is_logged_by_its_address_and_opens_nothing(kind: E) -> None:
    async with house_open(house()) as h:
        await h.desk.event(event(kind, at=DeviceId("d-nowhere")))
        await h.settle()
        assert h.plane.opened == []
        (row,) = h.ledger.rows
        assert row.device is None
        assert row.detail["mac"] == "0c11050000ff"
        assert row.outcome is not Outcome.GRANTED


# --- the panel decided alone ----------------------------------------------------------------------------------------


async def test_what_a_panel_opened_alone_is_logged_with_its_holder_and_takes_a_use() -> None:
    fields: dict[str, Any] = {
        "method": "rf_card",
        "credential": CARD.id,
        "queued_since": "2026-01-01T11:00:00.000Z",
    }
    async with house_open(house([CARD])) as h:
        await h.desk.event(event(E.PANEL_OPENED, fields=fields))
        await h.desk.event(event(E.PANEL_OPENED, fields=fields))
        (row,) = h.ledger.rows
        assert (row.kind, row.method, row.outcome) == (LogKind.ACCESS, UnlockMethod.RF_CARD, Outcome.GRANTED)
        assert (row.credential, row.apartment, row.resident) == (CARD.id, A101, ANN)
        assert row.detail == {"decided_by": "panel", "queued_since": "2026-01-01T11:00:00.000Z"}
        assert h.ledger.uses == {CARD.id: 1}
        assert h.plane.opened == []


async def test_a_panels_opening_is_logged_even_if_its_credential_is_gone_or_spent() -> None:
    async with house_open(house([CARD])) as h:
        h.ledger.uses[CARD.id] = 0
        await h.desk.event(event(E.PANEL_OPENED, fields={"method": "rf_card", "credential": CARD.id}))
        await h.desk.event(event(E.PANEL_OPENED, id="e2", fields={"method": "pin", "credential": "k-gone"}))
        await h.desk.event(event(E.PANEL_OPENED, id="e3", fields={"method": "face"}))
        assert [(row.outcome, row.credential) for row in h.ledger.rows] == [
            (Outcome.GRANTED, CARD.id),
            (Outcome.GRANTED, None),
            (Outcome.GRANTED, None),
        ]


@pytest.mark.parametrize("result", [OpenResult.OFFLINE, OpenResult.NO_ACK, OpenResult.REFUSED])
async def test_an_opening_that_does_not_come_back_as_done_leaves_a_second_row(result: OpenResult) -> None:
    async with house_open(house()) as h:
        h.plane.result = result
        await h.desk.event(event(E.EXIT_BUTTON, at=MONITOR))
        await h.settle()
        assert len(h.ledger.rows) == 1  # nothing was sent, so nothing can fail
        await h.desk.event(event(E.EXIT_BUTTON))
        await h.ledger.until(lambda: len(h.ledger.rows) == 3)
        assert h.ledger.rows[-1].kind is LogKind.DEVICE
        assert h.ledger.rows[-1].detail == {"type": "open", "result": result.value}


async def test_what_a_panel_refused_alone_is_a_denial_and_opens_nothing() -> None:
    async with house_open(house()) as h:
        await h.desk.event(event(E.PANEL_REFUSED, fields={"method": "pin"}))
        await h.settle()
        (row,) = h.ledger.rows
        assert (row.kind, row.method, row.outcome) == (LogKind.ACCESS, UnlockMethod.PIN, Outcome.DENIED)
        assert (row.reason, row.detail) == (Reason.UNKNOWN_CREDENTIAL, {"decided_by": "panel"})
        assert h.plane.opened == []
