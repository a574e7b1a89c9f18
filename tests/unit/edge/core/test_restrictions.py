"""What a door itself allows at this moment: hours, orders, interlock, areas, two factors."""

from dataclasses import replace
from typing import Any

import pytest

from edge.core.access import DoorState, Judgement, decide
from edge.core.openings import OpenRequest, decide_request
from edge.core.passage import Passage, Passages
from edge.core.schedule import parse_hours
from edge.core.snapshot import Snapshot
from models.access import (
    AccessDecision,
    Area,
    Attempt,
    Cause,
    CredentialKind,
    DoorOrder,
    OrderKind,
    Passback,
    Reason,
    UnlockMethod,
)
from models.device import AreaSide, Device, Relay
from models.ids import AreaId, DeviceId, ScheduleId
from models.schedule import Schedule
from models.service import ServiceState
from tests.unit.edge.core.door_house import (
    A101,
    A102,
    ALL_METHODS,
    ANN,
    APARTMENTS,
    BOB,
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


# --- interlock ------------------------------------------------------------------------------------------------------

LOCKED_TOGETHER = house(
    [credential(CARD, "04A1B2C3D4")], devices=[replace(door, interlock="yard") for door in DEVICES[:2]]
)


def opened(*doors: DeviceId) -> DoorState:
    known = Passages()
    for door in doors:
        known.opened(door, 0.0)
    return DoorState(passages=known)


@pytest.mark.parametrize("method", UnlockMethod)
def test_while_one_door_stands_open_the_other_opens_for_those_who_want_out_only(method: UnlockMethod) -> None:
    def decided(state: DoorState) -> AccessDecision:
        request = OpenRequest(GATE, method, apartments=(A101,), resident=ANN)
        return decide_request(request, LOCKED_TOGETHER, NOW_MS, state).decision

    if not decided(opened()).granted:
        return  # needs a credential
    decision = decided(opened(DOOR_A))
    assert decision.granted is (method in (M.EXIT_BUTTON, M.FIRE))
    assert decision.cause is (None if decision.granted else Cause.INTERLOCK)
    assert decided(opened(GATE)).granted  # its own being open is no matter


def test_a_reader_asks_the_interlock_last() -> None:
    refused = shown(LOCKED_TOGETHER, state=opened(DOOR_A)).decision
    assert (refused.reason, refused.cause, refused.apartment) == (Reason.NOT_ALLOWED, Cause.INTERLOCK, A101)
    wrong = attempt("04FFFFFFFF", M.RF_CARD)
    assert shown(LOCKED_TOGETHER, tried=wrong, state=opened(DOOR_A)).decision.reason is Reason.UNKNOWN_CREDENTIAL
    assert shown(LOCKED_TOGETHER, state=opened(GATE)).decision.granted
    assert shown(site(), state=opened(DOOR_A)).decision.granted  # no interlock between them


def test_a_released_door_holds_the_other_until_it_is_shut_or_the_time_is_over() -> None:
    known = Passages()
    known.released(DOOR_A, 3, 100.0)
    assert shown(LOCKED_TOGETHER, state=DoorState(now_s=101.0, passages=known)).decision.cause is Cause.INTERLOCK
    assert shown(LOCKED_TOGETHER, state=DoorState(now_s=106.0, passages=known)).decision.granted


# --- areas ----------------------------------------------------------------------------------------------------------

SOFT, HARD = Area(AreaId("z-1"), "Cellar", Passback.SOFT), Area(AreaId("z-1"), "Cellar", Passback.HARD)


def cellar(area: Area, **changes: Any) -> Snapshot:
    """The gate leads in, door A out."""
    sides = {GATE: AreaSide.ENTRY, DOOR_A: AreaSide.EXIT}
    devices = [replace(door, area=area.id, area_side=sides[door.id]) for door in DEVICES[:2]]
    return house([credential(CARD, "04A1B2C3D4", resident=ANN, **changes)], devices=devices, areas=[area])


def seen(inside: bool, holder: str = ANN) -> DoorState:
    known = Passages()
    known.goes(GATE, Passage(holder, SOFT.id, inside, 0), 0.0)
    return DoorState(passages=known)


@pytest.mark.parametrize(
    ("area", "state", "at", "opens", "alarm"),
    [
        (SOFT, DoorState(), GATE, True, False),
        (SOFT, seen(inside=True), GATE, True, True),
        (SOFT, seen(inside=False), GATE, True, False),
        (HARD, seen(inside=True), GATE, False, True),
        (HARD, seen(inside=False), GATE, True, False),
        (HARD, seen(inside=True, holder="r-bob"), GATE, True, False),
        (HARD, seen(inside=True), DOOR_A, True, False),
        (HARD, seen(inside=False), DOOR_A, True, True),  # nobody is kept from going out
        (replace(HARD, era=1), seen(inside=True), GATE, True, False),  # after a reset
    ],
)
def test_who_is_inside_does_not_come_in_again(
    area: Area, state: DoorState, at: DeviceId, opens: bool, alarm: bool
) -> None:
    judgement = shown(cellar(area), state=state, tried=attempt("04A1B2C3D4", M.RF_CARD, at=at))
    assert judgement.decision.granted is opens
    assert judgement.decision.cause is (None if opens else Cause.PASSBACK)
    if opens:
        assert judgement.passback is alarm
        assert judgement.goes == Passage(ANN, area.id, at == GATE, area.era)
    else:
        assert judgement.goes is None


def test_a_credential_of_nobody_counts_by_itself() -> None:
    (made,) = cellar(SOFT).credentials.values()
    nobody = house([replace(made, resident=None)], devices=list(cellar(SOFT).devices.values()), areas=[SOFT])
    judgement = shown(nobody)
    assert judgement.goes is not None
    assert judgement.goes.holder == made.id


def test_calls_exits_and_operators_are_not_counted() -> None:
    for method in (*STAFF_AND_EXITS, *RESIDENTS):
        assert decide_request(
            OpenRequest(GATE, method, apartments=(A101,), resident=ANN), cellar(HARD), NOW_MS, seen(inside=True)
        ).decision.granted


# --- card and PIN ---------------------------------------------------------------------------------------------------

PIN = CredentialKind.PIN
BY_CARD, BY_PIN = attempt("04A1B2C3D4", M.RF_CARD), attempt("482915", M.PIN)
BOTH = Relay(1, methods=ALL_METHODS, two_factor=True)
LOBBY = Relay(2, methods=frozenset({M.RF_CARD}))


def strict(*relays: Relay, pin: dict[str, Any] | None = None, card: dict[str, Any] | None = None) -> Snapshot:
    held = [credential(CARD, "04A1B2C3D4", **(card or {})), credential(PIN, "482915", **(pin or {}))]
    other = [credential(CredentialKind.QR, "qr-code"), credential(PIN, "739164", A102)]
    return house([*held, *other], devices=gate(*(relays or (BOTH,))))


def two(snapshot: Snapshot, first: Attempt, second: Attempt, after_s: float = 14.9) -> list[AccessDecision]:
    known = Passages()
    one = shown(snapshot, tried=first, state=DoorState(now_s=0.0, passages=known))
    if one.factor is not None:
        known.shown(GATE, one.factor, 0.0)
    return [one.decision, shown(snapshot, tried=second, state=DoorState(now_s=after_s, passages=known)).decision]


@pytest.mark.parametrize(("first", "second", "asks"), [(BY_CARD, BY_PIN, M.PIN), (BY_PIN, BY_CARD, M.RF_CARD)])
def test_card_and_pin_open_in_either_order_within_fifteen_seconds(
    first: Attempt, second: Attempt, asks: UnlockMethod
) -> None:
    one, other = two(strict(), first, second)
    assert (one.reason, one.cause, one.second_factor) == (Reason.NOT_ALLOWED, Cause.SECOND_FACTOR, asks)
    assert (other.granted, other.relays, other.second_factor) == (True, (1,), None)
    assert two(strict(), first, second, after_s=15.0)[1].cause is Cause.SECOND_FACTOR


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (BY_CARD, BY_CARD),
        (BY_PIN, BY_PIN),
        (BY_CARD, attempt("qr-code", M.QR)),
        (attempt("qr-code", M.QR), BY_PIN),
        (BY_CARD, attempt("739164", M.PIN)),  # another apartment's PIN
    ],
)
def test_nothing_else_is_two_factors(first: Attempt, second: Attempt) -> None:
    one, other = two(strict(), first, second)
    assert not one.granted
    assert other.cause is Cause.SECOND_FACTOR


@pytest.mark.parametrize(
    ("pin", "card", "opens"),
    [
        ({"resident": ANN}, {"resident": ANN}, True),
        ({"resident": ANN}, {}, True),
        ({"resident": ANN}, {"resident": BOB}, False),
    ],
)
def test_both_are_one_persons(pin: dict[str, Any], card: dict[str, Any], opens: bool) -> None:
    assert two(strict(pin=pin, card=card), BY_CARD, BY_PIN)[1].granted is opens


def test_the_first_half_must_be_good_still_when_the_second_comes() -> None:
    known = Passages()
    one = shown(strict(), tried=BY_PIN, state=DoorState(passages=known))
    assert one.factor is not None
    known.shown(GATE, one.factor, 0.0)
    state = DoorState(passages=known)
    blocked = [replace(a, service=ServiceState.BLOCKED) if a.id == A101 else a for a in APARTMENTS]
    later = [
        strict(pin={"valid_until_ms": NOW_MS}),
        strict(pin={"doors": frozenset({DOOR_A})}),
        replace(strict(), credentials={k: c for k, c in strict().credentials.items() if c.kind is not PIN}),
        house(strict().credentials.values(), devices=gate(BOTH), apartments=blocked),  # a card alone would do
    ]
    assert shown(strict(), tried=BY_CARD, state=state).decision.granted
    for snapshot in later:
        assert shown(snapshot, tried=BY_CARD, state=state).decision.cause is Cause.SECOND_FACTOR


def test_one_half_opens_the_relays_that_ask_no_more() -> None:
    one, other = two(strict(BOTH, LOBBY), BY_CARD, BY_PIN)
    assert (one.granted, one.relays) == (True, (2,))
    assert (other.granted, other.relays) == (True, (1,))


def test_a_credential_with_a_use_count_comes_second() -> None:
    limited = strict(pin={"uses_left": 1})
    assert two(limited, BY_PIN, BY_CARD)[1].cause is Cause.SECOND_FACTOR
    assert two(limited, BY_CARD, BY_PIN)[1].granted


def test_a_wrong_pin_after_a_right_card_counts_as_ever() -> None:
    known = Passages()
    one = shown(strict(), tried=BY_CARD)
    known.shown(GATE, one.factor, 0.0)
    wrong = shown(strict(), tried=attempt("000001", M.PIN), state=DoorState(passages=known))
    assert wrong.decision.reason is Reason.UNKNOWN_CREDENTIAL
    assert wrong.wrong
    assert (one.wrong, one.right, one.consumes) == ((), None, None)


def test_calls_and_staff_open_it_without_a_card() -> None:
    for method in (*STAFF_AND_EXITS, *RESIDENTS):
        assert asked(strict(), method).granted
