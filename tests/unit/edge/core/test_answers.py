import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.core.access import DoorState, decide
from edge.core.answers import answer, rfc3339
from models.access import CredentialKind, Origin, UnlockMethod
from models.service import AccessPermission
from tests.unit.edge.core.door_house import NOW_MS, PRIVATE, TAGGER, attempt, credential, house

KEYS = {"id", "granted", "reason", "relays", "security_relays", "seconds", "holds", "floors", "expires_at"}


def payload(**changes: Any) -> dict[str, object]:
    presented = attempt("04A1B2C3", UnlockMethod.RF_CARD)
    snapshot = house([credential(CredentialKind.RF_CARD, "04A1B2C3", **changes)])
    decision = decide(presented, snapshot, DoorState(), NOW_MS, TAGGER).decision
    parsed: dict[str, object] = json.loads(answer(decision, presented))
    return parsed


def test_a_grant_has_every_key() -> None:
    assert payload() == {
        "id": "t1",
        "granted": True,
        "reason": "granted",
        "relays": [1],
        "security_relays": [1],
        "seconds": 7,
        "holds": {"1": 3, "s1": 7},
        "floors": ["B1", "1"],
        "web_relay": 4,
        "expires_at": "2026-01-01T12:00:10.000Z",
    }


def test_a_denial_has_every_key_but_the_web_relay() -> None:
    assert payload(valid_until_ms=NOW_MS) == {
        "id": "t1",
        "granted": False,
        "reason": "expired",
        "relays": [],
        "security_relays": [],
        "seconds": 0,
        "holds": {},
        "floors": [],
        "expires_at": "2026-01-01T12:00:10.000Z",
    }


def test_the_device_is_not_told_what_a_stranger_must_not_learn() -> None:
    presented = attempt(at=PRIVATE)
    snapshot = house(
        [credential(CredentialKind.PIN, "482915", origin=Origin.MANAGER)], permission=AccessPermission.PUBLIC_ONLY
    )
    told = answer(decide(presented, snapshot, DoorState(), NOW_MS, TAGGER).decision, presented)
    unknown = answer(decide(presented, house(), DoorState(), NOW_MS, TAGGER).decision, presented)
    assert told == unknown


def test_duress_cannot_be_told_from_a_grant() -> None:
    assert payload() == payload(duress=True)


@pytest.mark.parametrize(
    ("at_ms", "text"),
    [
        (0, "1970-01-01T00:00:00.000Z"),
        (-1, "1969-12-31T23:59:59.999Z"),
        (-(10**17), "0001-01-01T00:00:00.000Z"),
        (10**17, "9999-12-31T23:59:59.999Z"),
    ],
)
def test_any_clock_can_be_written(at_ms: int, text: str) -> None:
    assert rfc3339(at_ms) == text


@given(st.text(min_size=1, max_size=64))
def test_any_id_comes_back_as_it_was(identity: str) -> None:
    presented = attempt(id=identity)
    decision = decide(presented, house(), DoorState(), NOW_MS, TAGGER).decision
    body = answer(decision, presented)
    assert json.loads(body)["id"] == identity
    assert set(json.loads(body)) == KEYS
    assert answer(decision, presented) == body
