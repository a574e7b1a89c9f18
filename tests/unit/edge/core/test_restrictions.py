"""What a door itself allows at this moment: hours, orders, interlock, areas, two factors."""

from dataclasses import replace
from typing import Any

import pytest

from edge.core.access import DoorState, Judgement, decide
from edge.core.openings import OpenRequest, decide_request
from edge.core.schedule import parse_hours
from edge.core.snapshot import Snapshot
from models.access import AccessDecision, Attempt, Cause, CredentialKind, DoorOrder, OrderKind, Reason, UnlockMethod
from models.device import Device, Relay
from models.ids import DeviceId, ScheduleId
from models.schedule import Schedule
from tests.unit.edge.core.door_house import (
    A101,
    ALL_METHODS,
    ANN,
    DEVICES,
    DOOR_A,
    GATE,
    NOW_MS,
    PRIVATE,
    TAGGER,
    A,
    B,
    attempt,
    credential,
    house,
)

M = UnlockMethod
CARD = CredentialKind.RF_CARD
LATE, ALWAYS = ScheduleId("s-late"), ScheduleId("s-always")
SCHEDULES = [
    Schedule(identity, identity, parse_hours(text).rows)
    for identity, text in ((LATE, "thu 14:00-15:00"), (ALWAYS, "always"))
]
IN_HOURS_MS = NOW_MS + 3_600_000  # 14:00 in Berlin
STAFF_AND_EXITS = [M.GUARD, M.REMOTE, M.EXIT_BUTTON, M.FIRE]
RESIDENTS = [M.DTMF, M.APP_HOME, M.APP_TALK]


def gate(*relays: Relay, **changes: Any) -> list[Device]:
    """The house's doors, the gate changed."""
    (first, *others) = DEVICES
    relays = relays or first.relays
    return [replace(first, relays=relays, **changes), *others]


def site(*relays: Relay, **changes: Any) -> Snapshot:
    return house([credential(CARD, "04A1B2C3D4")], devices=gate(*relays, **changes), schedules=SCHEDULES)


def shown(
    snapshot: Snapshot, now_ms: int = NOW_MS, state: DoorState | None = None, tried: Attempt | None = None
) -> Judgement:
    return decide(tried or attempt("04A1B2C3D4", M.RF_CARD), snapshot, state or DoorState(), now_ms, TAGGER)


def asked(snapshot: Snapshot, method: UnlockMethod, now_ms: int = NOW_MS, **more: Any) -> AccessDecision:
    request = OpenRequest(GATE, method, apartments=(A101,), resident=ANN, **more)
    return decide_request(request, snapshot, now_ms).decision


# --- hours ----------------------------------------------------------------------------------------------------------


def relay(number: int, schedule: ScheduleId | None, security: bool = False) -> Relay:
    return Relay(number, security, methods=ALL_METHODS, schedule=schedule)


@pytest.mark.parametrize(
    ("door", "relays", "opens"),
    [
        (None, (relay(1, LATE),), ()),
        (None, (relay(1, LATE), relay(2, None)), (2,)),
        (None, (relay(1, LATE), relay(2, ALWAYS)), (2,)),
        (LATE, (relay(1, None), relay(2, ALWAYS)), ()),
        (ALWAYS, (relay(1, None),), (1,)),
        (ScheduleId("s-gone"), (relay(1, None),), ()),
        (None, (relay(1, ScheduleId("s-gone")),), ()),
    ],
)
def test_a_relay_opens_within_its_hours_and_its_doors(
    door: ScheduleId | None, relays: tuple[Relay, ...], opens: tuple[int, ...]
) -> None:
    snapshot = site(*relays, schedule=door)
    for decision in (shown(snapshot).decision, *(asked(snapshot, method) for method in RESIDENTS)):
        assert decision.relays == opens
        assert decision.reason is (Reason.GRANTED if opens else Reason.OUTSIDE_SCHEDULE)


def test_hours_that_have_begun_open() -> None:
    snapshot = site(relay(1, LATE), schedule=LATE)
    assert shown(snapshot, IN_HOURS_MS - 1).decision.reason is Reason.OUTSIDE_SCHEDULE
    assert shown(snapshot, IN_HOURS_MS).decision.granted
    assert asked(snapshot, M.DTMF, IN_HOURS_MS).granted


@pytest.mark.parametrize("method", STAFF_AND_EXITS)
def test_staff_and_exits_ask_no_schedule(method: UnlockMethod) -> None:
    assert asked(site(relay(1, LATE), schedule=LATE), method).granted


def test_a_guard_in_a_call_asks_no_schedule_and_an_outside_caller_does() -> None:
    snapshot = site(relay(1, LATE))
    assert asked(snapshot, M.DTMF, staff=True, guard=True).granted
    assert asked(snapshot, M.DTMF, staff=True).reason is Reason.OUTSIDE_SCHEDULE


def test_the_credentials_own_objections_come_first() -> None:
    """The order of decision 1: validity, then schedules, then uses and service."""
    for changes, reason in (
        ({"valid_until_ms": NOW_MS}, Reason.EXPIRED),
        ({"uses_left": 0}, Reason.OUTSIDE_SCHEDULE),
    ):
        snapshot = house([credential(CARD, "04A1B2C3D4", **changes)], devices=gate(relay(1, LATE)), schedules=SCHEDULES)
        assert shown(snapshot).decision.reason is reason
    unknown = attempt("04FFFFFFFF", M.RF_CARD)
    assert shown(site(relay(1, LATE)), tried=unknown).decision.reason is Reason.UNKNOWN_CREDENTIAL


def test_an_open_schedule_is_the_panels_matter() -> None:
    assert shown(site(open_schedule=LATE)).decision.granted
    wrong = attempt("04FFFFFFFF", M.RF_CARD)
    assert shown(site(open_schedule=ALWAYS), tried=wrong).decision.reason is Reason.UNKNOWN_CREDENTIAL


# --- operators' orders ----------------------------------------------------------------------------------------------

LOCK, HOLD = OrderKind.LOCK_DOWN, OrderKind.HOLD_OPEN


def ordered(*orders: DoorOrder) -> Snapshot:
    return house([credential(CARD, "04A1B2C3D4", duress=False)], orders=orders)


EVERYWHERE = DoorOrder("o-1", LOCK)


@pytest.mark.parametrize("method", UnlockMethod)
def test_under_lock_down_only_staff_and_exits_open(method: UnlockMethod) -> None:
    decision = asked(ordered(EVERYWHERE), method)
    assert decision.granted is (method in STAFF_AND_EXITS)
    if not decision.granted:
        assert (decision.reason, decision.cause, decision.told) == (
            Reason.NOT_ALLOWED, Cause.LOCK_DOWN, Reason.NOT_ALLOWED,
        )  # fmt: skip


def test_a_guard_in_a_call_opens_under_lock_down_and_an_outside_caller_does_not() -> None:
    assert asked(ordered(EVERYWHERE), M.DTMF, staff=True, guard=True).granted
    assert asked(ordered(EVERYWHERE), M.DTMF, staff=True).cause is Cause.LOCK_DOWN


def test_a_reader_under_lock_down_tells_right_and_wrong_apart_for_nobody_and_counts_nothing() -> None:
    right, wrong = shown(ordered(EVERYWHERE)), shown(ordered(EVERYWHERE), tried=attempt("482915", M.PIN))
    for judgement in (right, wrong):
        assert judgement.decision.told is Reason.NOT_ALLOWED
        assert judgement.decision.cause is Cause.LOCK_DOWN
        assert (judgement.wrong, judgement.right, judgement.consumes) == ((), None, None)
    assert right.decision.apartment == A101  # the log knows who it was


def test_a_duress_code_raises_its_alarm_under_lock_down_too() -> None:
    snapshot = house([credential(CredentialKind.PIN, "482915", duress=True)], orders=[EVERYWHERE])
    judgement = shown(snapshot, tried=attempt())
    assert (judgement.decision.granted, judgement.decision.duress) == (False, True)


@pytest.mark.parametrize(
    ("order", "closed"),
    [
        (DoorOrder("o", LOCK), {GATE, DOOR_A, PRIVATE}),
        (DoorOrder("o", LOCK, device=GATE), {GATE}),
        (DoorOrder("o", LOCK, building=A), {DOOR_A, PRIVATE}),  # the gate is every building's
        (DoorOrder("o", LOCK, building=B), set()),
        (DoorOrder("o", LOCK, until_ms=NOW_MS + 1), {GATE, DOOR_A, PRIVATE}),
        (DoorOrder("o", LOCK, until_ms=NOW_MS), set()),
        (DoorOrder("o", HOLD), set()),
    ],
)
def test_an_order_is_for_its_doors_and_its_time(order: DoorOrder, closed: set[DeviceId]) -> None:
    snapshot = ordered(order)
    for door in (GATE, DOOR_A, PRIVATE):
        told = shown(snapshot, tried=attempt("04A1B2C3D4", M.RF_CARD, at=door)).decision
        assert told.granted is (door not in closed)
        assert asked_at(door, snapshot).granted is (door not in closed)


def asked_at(door: DeviceId, snapshot: Snapshot) -> AccessDecision:
    request = OpenRequest(door, M.APP_HOME, apartments=(A101,), resident=ANN)
    return decide_request(request, snapshot, NOW_MS).decision


def test_a_hold_gives_nobody_a_right() -> None:
    wrong = attempt("04FFFFFFFF", M.RF_CARD)
    assert shown(ordered(DoorOrder("o", HOLD)), tried=wrong).decision.reason is Reason.UNKNOWN_CREDENTIAL


def test_a_disabled_device_says_so_before_a_lock_down() -> None:
    snapshot = house([credential(CARD, "04A1B2C3D4")], devices=gate(enabled=False), orders=[EVERYWHERE])
    assert shown(snapshot).decision.reason is Reason.DEVICE_DISABLED
