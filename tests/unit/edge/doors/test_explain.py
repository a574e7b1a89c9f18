import json
from dataclasses import replace
from typing import Any

import pytest

from edge.core.access import DoorState
from edge.core.lockout import TRIES, LockKey, Lockout
from edge.core.passage import Passage
from edge.core.reasons import CAUSES, WORDS
from edge.core.snapshot import Snapshot
from edge.doors.explain import explain, parse_apt_pin
from models.access import (
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
from models.device import AreaSide
from models.ids import AreaId
from models.schedule import Schedule, WeeklyRow
from models.service import PinMode
from tests.unit.edge.core.door_house import (
    A101,
    ACCESS,
    ANN,
    B201,
    BLOCKED,
    DEVICES,
    DOOR_A,
    GATE,
    NOW_MS,
    OFFICE_HOURS,
    TAGGER,
    attempt,
    credential,
    house,
)
from tests.unit.edge.core.test_access import CASES

PIN = CredentialKind.PIN


def explained(snapshot: Snapshot, tried: Attempt | None = None, state: DoorState | None = None) -> dict[str, Any]:
    return explain(tried or attempt(), snapshot, state or DoorState(), NOW_MS, TAGGER)


def test_it_has_the_answers_keys_the_holder_and_what_would_change_it() -> None:
    told = explained(house([credential(PIN, "482915", resident=ANN)]))
    assert told == {
        "id": "t1",
        "granted": True,
        "reason": "granted",
        "told": "granted",
        "relays": [1],
        "security_relays": [],
        "seconds": 3,
        "holds": {"1": 3},
        "floors": ["B1", "1"],
        "web_relay": 4,
        "expires_at": "2026-01-01T12:00:10.000Z",
        "apartment": "A/101",
        "resident": "Ann Ames",
        "credential": "k-pin-482915",
        "meaning": WORDS[Reason.GRANTED].meaning,
        "change": WORDS[Reason.GRANTED].change,
    }


@pytest.mark.parametrize(("tried", "snapshot", "state", "reason"), CASES)
def test_each_refusal_is_explained_and_says_what_would_change_it(
    tried: Attempt, snapshot: Snapshot, state: DoorState | None, reason: Reason
) -> None:
    told = explained(snapshot, tried, state)
    assert told["reason"] == reason.value
    assert told["meaning"] == WORDS[reason].meaning
    assert str(told["change"]).startswith(WORDS[reason].change)
    assert "482915" not in json.dumps({name: told[name] for name in ("meaning", "change")})


@pytest.mark.parametrize("cause", Cause)
def test_each_cause_of_the_doors_own_is_explained(cause: Cause) -> None:
    """A door under lock-down, with its neighbour open, whose holder is inside, whose relay wants card and PIN."""
    (gate, side, *others) = DEVICES
    area = Area(AreaId("z-1"), "Cellar", Passback.HARD)
    state = DoorState()
    changes: dict[str, Any] = {}
    if cause is Cause.INTERLOCK:
        changes = {"interlock": "yard"}
        state.passages.opened(side.id, 0.0)
    elif cause is Cause.PASSBACK:
        changes = {"area": area.id, "area_side": AreaSide.ENTRY}
        state.passages.goes(side.id, Passage("k-pin-482915", area.id, True, 0), 0.0)
    elif cause is Cause.SECOND_FACTOR:
        changes = {"relays": (replace(gate.relays[0], two_factor=True),)}
    orders = [DoorOrder("o-1", OrderKind.LOCK_DOWN)] if cause is Cause.LOCK_DOWN else []
    doors = [replace(gate, **changes), replace(side, interlock=changes.get("interlock", "")), *others]
    told = explained(house([credential(PIN, "482915")], devices=doors, orders=orders, areas=[area]), state=state)
    assert (told["reason"], told["cause"]) == ("not_allowed", cause.value)
    assert told["meaning"] == CAUSES[cause].meaning
    named = {Cause.INTERLOCK: side.name, Cause.PASSBACK: "Cellar"}.get(cause, "")
    assert str(told["change"]).startswith(CAUSES[cause].change)
    assert named in str(told["change"])


def test_a_door_that_does_not_serve_says_whose_it_is_and_where_it_opens() -> None:
    narrowed = explained(house([credential(PIN, "482915", doors=frozenset({DOOR_A}))]))
    assert str(narrowed["change"]).endswith("It is of A/101, narrowed to door-a.")
    elsewhere = explained(house([credential(PIN, "482915", B201)]), attempt(at=DOOR_A))
    assert str(elsewhere["change"]).endswith("It is of B/201.")
    blocked = explained(house([credential(PIN, "482915", BLOCKED)]))
    assert str(blocked["change"]).endswith("The apartment is A/103.")


def test_it_tells_the_truth_and_what_the_device_would_be_told() -> None:
    told = explained(house([credential(PIN, "482915", doors=frozenset({DOOR_A}))]))
    assert (told["reason"], told["told"], told["apartment"]) == ("door_not_served", "unknown_credential", "A/101")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"valid_until_ms": NOW_MS}, "It ended at 2026-01-01T12:00:00.000Z."),
        ({"valid_from_ms": NOW_MS + 1_000}, "It begins at 2026-01-01T12:00:01.000Z."),
        ({"schedule": OFFICE_HOURS}, "The schedule office is: mon 08:00-18:00 (Europe/Berlin)."),
    ],
)
def test_times_are_named(changes: dict[str, Any], words: str) -> None:
    office = Schedule(OFFICE_HOURS, "office", (WeeklyRow(0, 8 * 60, 18 * 60),))
    told = explained(house([credential(PIN, "482915", **changes)], schedules=[office]))
    assert str(told["change"]).endswith(words)


def test_the_doors_hours_are_named_where_they_say_no() -> None:
    office = Schedule(OFFICE_HOURS, "office", (WeeklyRow(0, 8 * 60, 18 * 60),))
    (first, *others) = DEVICES
    for changes, whose in (
        ({"schedule": OFFICE_HOURS}, "of the door"),
        ({"relays": (replace(first.relays[0], schedule=OFFICE_HOURS),)}, "of relay 1"),
    ):
        doors = [replace(first, **changes), *others]
        told = explained(house([credential(PIN, "482915")], devices=doors, schedules=[office]))
        assert told["reason"] == "outside_schedule"
        assert f"The schedule office {whose} is: mon 08:00-18:00" in str(told["change"])


@pytest.mark.parametrize("key", [LockKey(GATE), LockKey(GATE, A101)])
def test_a_lock_says_when_it_ends_and_is_not_prolonged(key: LockKey) -> None:
    lockout = Lockout()
    for _ in range(TRIES):
        lockout.wrong(key, 0.0)
    mode = PinMode.PIN if key.apartment is None else PinMode.APT_PIN
    tried = attempt("4829", UnlockMethod.PIN if key.apartment is None else UnlockMethod.APT_PIN, apartment="101")
    only_a = house(apartments=[house().apartments[A101]], pin_mode=mode)
    before = list(lockout.items())
    told = explained(only_a, tried, DoorState(lockout, 10.0))
    assert told["reason"] == "locked_out"
    assert "It ends in 20 seconds." in str(told["change"])
    assert list(lockout.items()) == before


def test_the_pin_mode_is_named_where_it_is_the_obstacle() -> None:
    told = explained(house(pin_mode=PinMode.APT_PIN))
    assert "The PIN mode is apt_pin." in str(told["change"])


def test_the_enabled_relays_are_named_where_none_lists_the_method() -> None:
    told = explained(house([credential(PIN, "482915")]), attempt(at=ACCESS))
    assert str(told["change"]).endswith("Enabled relays: 1.")


@pytest.mark.parametrize(
    ("text", "expected"),
    [("101+1234", (None, "101", "1234")), ("A*101+1234", ("A", "101", "1234")), ("2#123+0", (None, "2#123", "0"))],
)
def test_apartment_and_pin_are_read(text: str, expected: tuple[str | None, str, str]) -> None:
    assert parse_apt_pin(text) == expected


@pytest.mark.parametrize("text", ["", "7654", "+7654", "7654+", "A*+7654"])
def test_anything_else_is_refused_without_repeating_it(text: str) -> None:
    with pytest.raises(ValueError, match="look like") as refused:
        parse_apt_pin(text)
    assert not text or text not in str(refused.value)
