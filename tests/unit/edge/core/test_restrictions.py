"""What a door itself allows at this moment: hours, orders, interlock, areas, two factors."""

from dataclasses import replace
from typing import Any

import pytest

from edge.core.access import DoorState, Judgement, decide
from edge.core.openings import OpenRequest, decide_request
from edge.core.schedule import parse_hours
from edge.core.snapshot import Snapshot
from models.access import AccessDecision, Attempt, CredentialKind, Reason, UnlockMethod
from models.device import Device, Relay
from models.ids import ScheduleId
from models.schedule import Schedule
from tests.unit.edge.core.door_house import (
    A101,
    ALL_METHODS,
    ANN,
    DEVICES,
    GATE,
    NOW_MS,
    TAGGER,
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
