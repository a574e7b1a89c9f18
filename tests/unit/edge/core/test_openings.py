from typing import Any

import pytest

from edge.core.openings import OpenRequest, decide_request
from models.access import AccessDecision, Reason, UnlockMethod
from models.device import Relay
from models.ids import DeviceId
from tests.unit.edge.core.door_house import (
    A101,
    A102,
    ACCESS,
    ANN,
    B201,
    BLOCKED,
    BOB,
    BROKEN,
    CAT,
    DOOR_A,
    GATE,
    NOW_MS,
    OFF,
    door,
    house,
)

M = UnlockMethod


def decided(method: UnlockMethod, at: DeviceId = GATE, **more: Any) -> AccessDecision:
    return decide_request(OpenRequest(at, method, **more), house(), NOW_MS).decision


CASES: list[tuple[UnlockMethod, DeviceId, dict[str, Any], Reason]] = [
    (M.DTMF, GATE, {"apartments": (A101,)}, Reason.GRANTED),
    (M.DTMF, GATE, {"apartments": (A101,), "relay": "1"}, Reason.GRANTED),
    (M.DTMF, GATE, {"apartments": (A101,), "relay": "2"}, Reason.METHOD_NOT_ON_RELAY),  # disabled
    (M.DTMF, GATE, {"apartments": (A101,), "relay": "s1"}, Reason.METHOD_NOT_ON_RELAY),  # lists card and remote
    (M.DTMF, GATE, {}, Reason.NOT_ALLOWED),
    (M.DTMF, GATE, {"staff": True}, Reason.GRANTED),
    (M.DTMF, DOOR_A, {"apartments": (B201,)}, Reason.DOOR_NOT_SERVED),
    (M.DTMF, GATE, {"apartments": (BLOCKED,)}, Reason.SERVICE_BLOCKED),
    (M.DTMF, GATE, {"apartments": (OFF,)}, Reason.SERVICE_OFF),
    (M.DTMF, BROKEN, {"apartments": (A101,)}, Reason.DEVICE_DISABLED),
    (M.DTMF, GATE, {"apartments": (A101,), "too_late": True}, Reason.TOO_LATE),
    (M.APP_TALK, GATE, {"apartments": (A101,), "resident": ANN}, Reason.GRANTED),
    (M.APP_TALK, GATE, {"apartments": (A102,), "resident": BOB}, Reason.APP_EXPIRED),
    (M.APP_HOME, GATE, {"apartments": (A102,), "resident": BOB}, Reason.APP_EXPIRED),
    (M.APP_HOME, GATE, {"apartments": (A101,)}, Reason.APP_EXPIRED),
    (M.DTMF, GATE, {"apartments": (A102,), "resident": BOB}, Reason.GRANTED),  # his monitor, not his app
    (M.GUARD, GATE, {}, Reason.GRANTED),
    (M.REMOTE, GATE, {}, Reason.GRANTED),
    (M.REMOTE, ACCESS, {}, Reason.NOT_ALLOWED),
    (M.REMOTE, BROKEN, {}, Reason.DEVICE_DISABLED),
    (M.EXIT_BUTTON, GATE, {}, Reason.GRANTED),
    (M.EXIT_BUTTON, BROKEN, {}, Reason.GRANTED),
    (M.EXIT_BUTTON, GATE, {"too_late": True}, Reason.TOO_LATE),
    (M.EXIT_BUTTON, ACCESS, {}, Reason.METHOD_NOT_ON_RELAY),
    (M.FIRE, ACCESS, {}, Reason.GRANTED),
    (M.FIRE, BROKEN, {"too_late": True}, Reason.GRANTED),
    (M.PIN, GATE, {"apartments": (A101,)}, Reason.NOT_ALLOWED),  # a credential must be presented for it
    (M.RF_CARD, GATE, {"apartments": (A101,)}, Reason.NOT_ALLOWED),
    (M.EXIT_BUTTON, DeviceId("d-nowhere"), {}, Reason.DEVICE_UNKNOWN),
]  # fmt: skip


@pytest.mark.parametrize(("method", "at", "more", "reason"), CASES)
def test_first_objection_is_the_reason(
    method: UnlockMethod, at: DeviceId, more: dict[str, Any], reason: Reason
) -> None:
    decision = decided(method, at, **more)
    assert decision.reason is reason
    assert bool(decision.holds) is (reason is Reason.GRANTED)


def test_a_resident_of_several_apartments_opens_by_the_one_that_may() -> None:
    decision = decided(M.APP_HOME, apartments=(BLOCKED, A102), resident=CAT)
    assert (decision.reason, decision.apartment, decision.resident) == (Reason.GRANTED, A102, CAT)


def test_the_preferred_apartments_objection_is_the_reason() -> None:
    assert decided(M.APP_HOME, DOOR_A, apartments=(BLOCKED, B201), resident=CAT).reason is Reason.SERVICE_BLOCKED


def test_fire_opens_all_enabled_relays_and_the_exit_button_those_that_list_it() -> None:
    assert decided(M.FIRE).holds == {"1": 3, "s1": 7}
    assert decided(M.EXIT_BUTTON).holds == {"1": 3}


def test_remote_opens_only_the_relay_named() -> None:
    assert decided(M.REMOTE).holds == {"1": 3, "s1": 7}
    assert decided(M.REMOTE, relay="s1").holds == {"s1": 7}
    assert decided(M.REMOTE, relay="3").reason is Reason.NOT_ALLOWED


def test_nobodys_opening_has_no_floors_and_no_web_relay() -> None:
    decision = decided(M.EXIT_BUTTON)
    assert (decision.floors, decision.web_relay, decision.apartment) == ((), 0, None)
    decision = decided(M.DTMF, apartments=(A101,))
    assert (decision.floors, decision.web_relay, decision.apartment) == (("B1", "1"), 4, A101)


def test_fire_at_a_device_without_an_enabled_relay_opens_nothing() -> None:
    dead = house(devices=[door(GATE, relays=(Relay(1, enabled=False),))])
    assert not decide_request(OpenRequest(GATE, M.FIRE), dead, NOW_MS).decision.granted
