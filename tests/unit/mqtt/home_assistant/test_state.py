"""What integrators are told becomes what Home Assistant shows."""

from collections.abc import Mapping

import pytest

from mqtt.home_assistant.state import TAMPER_SHOWN_S, HouseState
from tests.unit.mqtt.home_assistant.small_house import GATE, SIDE, gate, side


def heard(*notices: Mapping[str, object], state: HouseState | None = None) -> HouseState:
    state = state or HouseState()
    for notice in notices:
        state.hear(notice, gate(), 100.0)
    return state


def access(outcome: str, *relays: object) -> Mapping[str, object]:
    return {"type": "access", "outcome": outcome, "relays": list(relays)}


def report(event: str, **fields: object) -> Mapping[str, object]:
    return {"type": "device", "event": event, **fields}


def test_a_door_is_locked_until_something_is_known() -> None:
    door = HouseState().of(GATE)
    assert (door.lock("1"), door.contact, door.tamper, door.call) == ("LOCKED", None, "OFF", "idle")


def test_a_granted_relay_is_open_for_its_own_hold_time() -> None:
    state = heard(access("granted", "1", "2"))
    assert (state.of(GATE).lock("1"), state.of(GATE).lock("s1")) == ("OPEN", "LOCKED")
    assert state.due_s() == 103.0
    assert state.expire(102.9) == ()
    assert state.expire(103.0) == (GATE,)
    assert (state.of(GATE).lock("1"), state.of(GATE).lock("2")) == ("LOCKED", "OPEN")
    assert state.due_s() == 105.0


@pytest.mark.parametrize("relays", [["4"], ["x"], [1], None, "1"])
def test_relays_that_the_door_has_not_open_nothing(relays: object) -> None:
    state = heard({"type": "access", "outcome": "granted", "relays": relays})
    assert state.due_s() is None


def test_a_denial_opens_nothing() -> None:
    assert heard(access("denied", "1")).of(GATE).lock("1") == "LOCKED"


@pytest.mark.parametrize("on", [True, "on", "OPEN", "1"])
@pytest.mark.parametrize("off", [False, "off", "closed", "0"])
def test_a_relay_that_reports_itself_is_believed(on: object, off: object) -> None:
    state = heard(report("relay", n=1, state=on))
    assert state.of(GATE).lock("1") == "OPEN"
    assert state.due_s() is None
    heard(report("relay", n=1, state=off), state=state)
    assert state.of(GATE).lock("1") == "LOCKED"


def test_a_relay_in_a_state_nobody_knows_stays_as_it_was() -> None:
    state = heard(access("granted", "1"), report("relay", n=1, state="perhaps"))
    assert state.of(GATE).lock("1") == "OPEN"


@pytest.mark.parametrize(
    ("events", "contact"),
    [
        (["door_opened"], "ON"),
        (["forced"], "ON"),
        (["held_open"], "ON"),
        (["door_opened", "door_closed"], "OFF"),
        (["door_opened", "online"], "ON"),
        (["online"], None),
    ],
)
def test_the_contact_follows_the_last_report(events: list[str], contact: str | None) -> None:
    assert heard(*(report(event) for event in events)).of(GATE).contact == contact


def test_a_tamper_is_shown_for_a_while() -> None:
    state = heard({"type": "alarm", "event": "tamper"})
    assert state.of(GATE).tamper == "ON"
    assert state.expire(100.0 + TAMPER_SHOWN_S) == (GATE,)
    assert state.of(GATE).tamper == "OFF"


@pytest.mark.parametrize(
    ("told", "call"), [("ringing", "ringing"), ("talking", "talking"), ("ended", "idle"), (None, "idle"), (3, "idle")]
)
def test_the_call_ends_in_idle(told: object, call: str) -> None:
    assert heard({"type": "call", "state": "ringing"}, {"type": "call", "state": told}).of(GATE).call == call


def test_what_did_not_open_is_locked_again() -> None:
    state = heard(access("granted", "1"))
    state.locked(GATE, "1")
    state.locked(SIDE, "1")
    assert state.of(GATE).lock("1") == "LOCKED"


def test_doors_do_not_mix() -> None:
    state = heard(access("granted", "1"))
    state.hear(report("door_opened"), side(), 100.0)
    assert (state.of(SIDE).lock("1"), state.of(SIDE).contact, state.of(GATE).contact) == ("LOCKED", "ON", None)
    state.forget(GATE)
    assert state.of(GATE).lock("1") == "LOCKED"
