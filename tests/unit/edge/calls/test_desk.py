"""The call desk over a snapshot, with a store that can be made to fail."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import pytest

from edge.calls.desk import CallDesk, DeskPorts
from edge.core.call import CallMachine
from edge.core.call_events import (
    CallerConfirmed,
    CallerHungUp,
    ContactRef,
    LegAnswered,
    Opened,
    Record,
    RequestOpen,
    ServiceChanged,
    Start,
)
from edge.core.openings import OpenRequest
from edge.core.settings import CallSettings
from edge.core.snapshot import Snapshot
from edge.store.errors import StoreFull
from models.access import UnlockMethod
from models.call import Caller, CallRecord, EndedBy, LegKind, Refusal, Target
from models.ids import CallId
from models.log import LogEntry, LogKind
from models.service import ServiceState
from tests.unit.edge.core.call_house import (
    A101,
    A102,
    A103,
    A105,
    ANN,
    B201,
    BOB,
    DOOR_A,
    DOOR_B,
    GATE,
    GUARD_OFF,
    HOUSE,
    MON_101,
    NOW_MS,
    caller,
)


@dataclass
class World:
    snapshot: Snapshot = HOUSE


class Clock:
    def now_ms(self) -> int:
        return NOW_MS

    def monotonic(self) -> float:
        return 0.0


@dataclass
class Store:
    """In memory; raises *failing* while it is set."""

    failing: Exception | None = None
    rows: dict[CallId, CallRecord] = field(default_factory=dict)
    entries: list[LogEntry] = field(default_factory=list)
    saved: int = 0
    left_open: int = 0

    async def save(self, record, entries):
        await asyncio.sleep(0)
        if self.failing is not None:
            raise self.failing
        self.saved += 1
        self.rows[record.id] = record
        self.entries += entries

    async def close_open(self) -> int:
        return self.left_open


class House:
    def __init__(self, **settings: object) -> None:
        self.world = World()
        self.store = Store()
        self.events: list[dict[str, object]] = []
        self.asked: list[object] = []
        self.reachable: set[str] = {MON_101.sip_user}
        ports = DeskPorts(self.world, Clock(), self.reach, self.store, self.open_door, self.publish)
        self.desk = CallDesk(ports, CallSettings(**settings), trunk=True)

    def reach(self, target: Target):
        return (ContactRef("k", "udp 127.0.0.1:5070"),) if target.address in self.reachable else ()

    def open_door(self, *asked: object) -> bool:
        self.asked.append(asked)
        return True

    async def publish(self, event) -> None:
        self.events.append(dict(event))

    def call(self, who, dialled: str, identity: str = "c-1") -> CallMachine:
        asking = caller(who)
        return CallMachine(
            CallId(identity),
            self.desk.plan(asking, dialled),
            self.desk.caller_name(asking),
            dialled,
            NOW_MS,
            self.desk.reach,
            CallSettings(),
        )

    def feed(self, call: CallMachine, *events, now: float = 0.0) -> None:
        for event in events:
            for command in call.feed(event, now):
                if isinstance(command, Record):
                    self.desk.changed(command.record)

    @contextmanager
    def running(self) -> Iterator[None]:
        task = asyncio.ensure_future(self.desk.run())
        try:
            yield
        finally:
            task.cancel()


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


# --- who and what ---------------------------------------------------------------------------------------------------


async def test_identify():
    desk = House().desk
    assert desk.identify(DOOR_A.sip_user) == Caller(DOOR_A.sip_user, device=DOOR_A.id)
    assert desk.identify(ANN.sip_user) == Caller(ANN.sip_user, resident=ANN.id)
    assert desk.identify(BOB.sip_user) is not None  # an expired app keeps its login; its calls are refused
    assert desk.identify(GUARD_OFF.sip_user) is None
    assert desk.identify("999") is None


@pytest.mark.parametrize(
    ("who", "name"),
    [
        (DOOR_A, "Entrance"),
        (ANN, "Ann Able"),
        ("+43900900900", "+43900900900"),
        (Caller(GUARD_OFF.sip_user, device=GUARD_OFF.id), GUARD_OFF.sip_user),
    ],
)
async def test_callers_have_names(who, name):
    assert House().desk.caller_name(caller(who)) == name


async def test_a_door_in_a_call_is_busy_until_it_ends():
    house = House()
    call = house.call(DOOR_A, "101")
    house.feed(call, Start())
    assert house.desk.busy(caller(DOOR_A))
    second = house.desk.plan(caller(DOOR_A), "102")
    assert (second.status, second.apartment, second.ring_event) == (486, A102.id, True)
    assert house.desk.plan(caller(GATE), "A*101").status == 0  # a second visitor at another door
    house.feed(call, LegAnswered(0), CallerConfirmed(), CallerHungUp())
    assert not house.desk.busy(caller(DOOR_A))
    assert house.desk.plan(caller(DOOR_A), "102").status == 0


async def test_a_driver_that_loses_a_call_frees_the_door():
    house = House()
    house.feed(house.call(DOOR_A, "101"), Start())
    house.desk.ended(CallId("c-1"))
    assert not house.desk.busy(caller(DOOR_A))


async def test_a_monitor_or_an_app_may_call_twice():
    house = House()
    house.feed(house.call(MON_101, "Gate"), Start())
    assert house.desk.plan(caller(MON_101), "guard").status == 0


# --- rows and events ------------------------------------------------------------------------------------------------


async def test_what_has_come_in_meanwhile_goes_before_rows_and_events():
    house, told_before = House(), []
    with house.running():
        await settle()
        house.feed(house.call(DOOR_A, "101"), Start())
        # A datagram that lies in a socket by now is read in the next round of the loop, after what was woken in this.
        asyncio.get_running_loop().call_soon(lambda: told_before.append((len(house.events), house.store.saved)))
        await settle()
    assert told_before == [(0, 0)]
    assert house.events
    assert house.store.saved


async def test_a_call_makes_one_row_a_ring_and_a_call_entry_and_events():
    house = House()
    house.reachable.add(GATE.sip_user)
    with house.running():
        call = house.call(DOOR_A, "101")
        house.feed(call, Start())
        await settle()
        assert house.store.rows[CallId("c-1")].outcome is None
        house.feed(call, LegAnswered(0), CallerConfirmed(), Opened("1"))
        house.feed(call, CallerHungUp(), now=7.5)
        await settle()
    row = house.store.rows[CallId("c-1")]
    assert (row.ended_by, row.opened, row.duration_s) == (EndedBy.VISITOR, ("1",), 7.5)
    assert [(e.kind, e.apartment, e.device, e.id) for e in house.store.entries] == [
        (LogKind.RING, A101.id, DOOR_A.id, "c-1"),
        (LogKind.CALL, A101.id, DOOR_A.id, "c-1"),
    ]
    assert house.store.entries[1].detail["answered_by"] == "Living room"
    assert [(e["type"], e.get("state")) for e in house.events] == [
        ("ring", None),
        ("call", "ringing"),
        ("call", "talking"),
        ("call", "ended"),
    ]
    assert house.events[0] == {
        "id": "c-1",
        "at": "2026-01-01T12:00:00.000Z",
        "type": "ring",
        "from": "Entrance",
        "door": "Entrance",
        "mac": DOOR_A.mac,
        "dialled": "101",
        "apartment": "A/101",
    }
    assert house.events[-1]["answered_by"] == {"kind": "monitor", "target": "Living room"}
    assert json.dumps(house.events)


async def test_an_unknown_number_makes_a_row_and_no_ring():
    house = House()
    house.feed(house.call(DOOR_A, "999"), Start())
    assert await house.desk._rows.save_now()
    row = house.store.rows[CallId("c-1")]
    assert (row.apartment, row.reason, row.status) == (None, Refusal.UNKNOWN, 404)
    assert [e.kind for e in house.store.entries] == [LogKind.CALL]


async def test_a_refused_apartment_makes_a_row_and_a_ring():
    house = House()
    house.feed(house.call(DOOR_A, "103"), Start())
    await house.desk.stop()
    assert house.store.rows[CallId("c-1")].apartment == A103.id
    assert [e.kind for e in house.store.entries] == [LogKind.RING, LogKind.CALL]


async def test_what_changes_before_the_store_has_taken_it_is_saved_once():
    house = House()
    house.feed(house.call(DOOR_A, "101"), Start(), LegAnswered(0), CallerConfirmed(), CallerHungUp())
    await house.desk.stop()
    assert house.store.saved == 1
    assert [e.kind for e in house.store.entries] == [LogKind.RING, LogKind.CALL]


async def test_a_full_disk_loses_no_row(caplog):
    house = House()
    house.store.failing = StoreFull("no space")
    call = house.call(DOOR_A, "101")
    house.feed(call, Start())
    rows = house.desk._rows
    assert not await rows.save_now()
    assert not await rows.save_now()
    house.feed(call, LegAnswered(0), CallerConfirmed(), CallerHungUp())
    house.store.failing = None
    assert await rows.save_now()
    assert rows.unsaved == 0
    assert house.store.rows[CallId("c-1")].ended_by is EndedBy.VISITOR
    assert [e.kind for e in house.store.entries] == [LogKind.RING, LogKind.CALL]
    assert [r.message for r in caplog.records] == [
        "calls are not stored, they are tried again: no space",
        "calls are stored again",
    ]


async def test_a_row_that_changes_while_it_fails_keeps_its_newest_state():
    house = House()
    house.store.failing = StoreFull("no space")
    call = house.call(DOOR_A, "101")
    house.feed(call, Start())
    saving = asyncio.ensure_future(house.desk._rows.save_now())
    await asyncio.sleep(0)
    house.feed(call, LegAnswered(0), CallerConfirmed(), CallerHungUp())
    assert not await saving
    house.store.failing = None
    await house.desk.stop()
    assert house.store.rows[CallId("c-1")].ended_by is EndedBy.VISITOR
    assert [e.kind for e in house.store.entries] == [LogKind.RING, LogKind.CALL]


async def test_a_row_that_the_store_refuses_is_said_and_does_not_block_the_rest(caplog):
    house = House()
    house.store.failing = ValueError("no such thing")
    house.feed(house.call(DOOR_A, "101"), Start())
    assert await house.desk._rows.save_now()
    assert (house.desk._rows.unsaved, house.desk._rows.lost) == (0, 1)
    assert "the row of call c-1 is lost" in caplog.text


async def test_rows_that_wait_are_bounded(monkeypatch, caplog):
    monkeypatch.setattr("edge.calls.rows.MAX_UNSAVED_CALLS", 2)
    house = House()
    for n in range(3):
        house.desk.changed(CallRecord(CallId(f"c-{n}"), NOW_MS, "Gate", "101"))
    assert (house.desk._rows.unsaved, house.desk._rows.lost) == (2, 1)
    await house.desk.stop()
    assert set(house.store.rows) == {"c-1", "c-2"}


async def test_the_end_says_what_could_not_be_stored(caplog):
    house = House()
    house.store.failing = StoreFull("no space")
    house.feed(house.call(DOOR_A, "101"), Start())
    await house.desk.stop()
    assert "1 rows of calls could not be stored" in caplog.text


async def test_calls_that_a_crash_left_open_are_closed_at_start(caplog):
    house = House()
    house.store.left_open = 2
    await house.desk.start()
    assert "2 calls were cut off" in caplog.text


# --- service, doors -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("service", "refusal"), [(ServiceState.BLOCKED, Refusal.BLOCKED), (ServiceState.OFF, Refusal.UNKNOWN)]
)
async def test_a_change_of_service_names_the_calls_that_ring(service, refusal):
    house = House()
    house.feed(house.call(DOOR_A, "101"), Start())
    answered = house.call(GATE, "A*101", "c-2")
    house.feed(answered, Start(), LegAnswered(0))
    assert house.desk.no_longer_allowed() == ()
    changed = replace(A101, service=service)
    house.world.snapshot = replace(HOUSE, apartments={**HOUSE.apartments, A101.id: changed})
    assert house.desk.no_longer_allowed() == ((CallId("c-1"), ServiceChanged(refusal)),)


async def test_an_apartment_that_is_gone_rings_no_more():
    house = House()
    house.feed(house.call(DOOR_A, "101"), Start())
    house.world.snapshot = replace(HOUSE, apartments={})
    assert house.desk.no_longer_allowed() == ((CallId("c-1"), ServiceChanged(Refusal.UNKNOWN)),)


async def test_an_opening_is_for_the_door_desk_to_judge():
    house = House()
    plan = house.desk.plan(caller(DOOR_A), "101")
    pressed = RequestOpen("1", UnlockMethod.DTMF, 0)
    assert house.desk.request_open(CallId("c-1"), plan, plan.stages[0].legs[0].target, pressed)
    asked = OpenRequest(DOOR_A.id, UnlockMethod.DTMF, "1", apartments=(A101.id,))
    assert house.asked == [(CallId("c-1"), asked)]


async def test_where_there_is_no_door_nobody_is_asked():
    house = House()
    plan = house.desk.plan(caller(MON_101), "102")
    pressed = RequestOpen("1", UnlockMethod.DTMF, 0)
    assert not house.desk.request_open(CallId("c-1"), plan, plan.stages[0].legs[0].target, pressed)
    assert house.asked == []


async def test_an_app_talks_to_a_door_only_while_it_does():
    house = House()
    house.reachable = {ANN.sip_user}
    call = house.call(DOOR_A, "101")
    house.feed(call, Start())
    assert house.desk.talks_to_door(ANN.id) is None
    answering = next(n for n, leg in enumerate(call.record.legs) if leg.kind is LegKind.APP)
    house.feed(call, LegAnswered(answering))
    answered_by = call.answered_by
    assert answered_by is not None
    house.desk.talking(CallId("c-1"), answered_by)
    found = house.desk.talks_to_door(ANN.id)
    assert found is not None
    assert found.caller_device == DOOR_A.id
    assert house.desk.talks_to_door(BOB.id) is None
    house.feed(call, CallerConfirmed(), CallerHungUp())
    house.desk.ended(CallId("c-1"))
    assert house.desk.talks_to_door(ANN.id) is None


# --- explain --------------------------------------------------------------------------------------------------------


async def test_explain_has_the_shape_of_decision_40():
    shown = House().desk.explain(A101, DOOR_A)
    assert {k: v for k, v in shown.items() if k != "stages"} == {"allowed": True, "reason": None, "status": None}
    first, second, third = shown["stages"]
    assert first == {
        "ring_s": 20.0,
        "legs": [
            {
                "kind": "monitor",
                "target": "Living room",
                "in": True,
                "why": "indoor monitor; reachable: udp 127.0.0.1:5070",
                "reachable": True,
            },
            {
                "kind": "monitor",
                "target": "Cellar",
                "in": False,
                "why": "the monitor is disabled",
                "reachable": False,
            },
        ],
    }
    assert second["legs"][0]["why"] == "active resident; not reachable now, would be passed over"
    assert [leg["kind"] for leg in third["legs"]] == ["landline", "landline"]


async def test_explain_without_the_daemon_says_nothing_of_reach():
    shown = House().desk.explain(A101, with_reach=False)
    assert shown["stages"][0]["legs"][0] == {
        "kind": "monitor",
        "target": "Living room",
        "in": True,
        "why": "indoor monitor",
    }


@pytest.mark.parametrize(
    ("apartment", "door", "reason", "status"),
    [
        (A103, None, "not_connected", 403),
        (B201, DOOR_A, "unknown", 404),
        (A101, DOOR_B, "unknown", 404),
        (A101, replace(DOOR_A, enabled=False), "unknown", 404),
    ],
)
async def test_explain_a_refusal(apartment, door, reason, status):
    assert House().desk.explain(apartment, door) == {
        "allowed": False,
        "reason": reason,
        "status": status,
        "stages": [],
    }


async def test_explain_a_handset():
    assert House().desk.explain(A105)["stages"] == [{"ring_s": 20.0, "legs": []}]


@pytest.mark.parametrize(
    ("asserted", "number"),
    [
        ("+43 1 9999", "+4319999"),
        ("0043900900900", "+43900900900"),
        ("0900 900900", "+43900900900"),
        ("anonymous", "anonymous"),
        ("", ""),
    ],
)
def test_an_outside_callers_number_is_read_as_the_country_writes_it(asserted, number):
    house = House()
    house.world.snapshot = replace(HOUSE, community=replace(HOUSE.community, country="AT"))
    assert house.desk.identify_outside(asserted) == Caller(None, trunk_number=number)
