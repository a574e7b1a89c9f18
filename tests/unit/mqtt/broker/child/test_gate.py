import json
from pathlib import Path

import pytest

from models.ids import CommunityId
from mqtt.accounts import Role
from mqtt.broker.child.gate import Act, Gate
from mqtt.broker.passwords import hash_password
from mqtt.topics import Topics

TOPICS = Topics("intercom", CommunityId("c-1"))
A, B = "0c1105000001", "0c1105000002"


@pytest.fixture
def gate() -> Gate:
    hashed = hash_password("secret", b"0123456789ab")
    return Gate(
        TOPICS, {A: (Role.DEVICE, hashed), "edge-live": (Role.SERVICE, hashed), "ha": (Role.INTEGRATOR, hashed)}
    )


def test_logins(gate: Gate) -> None:
    assert gate.lets_in(A, "secret")
    assert not gate.lets_in(A, "wrong")
    assert not gate.lets_in(A, None)
    assert not gate.lets_in(A, "")
    assert not gate.lets_in(B, "secret")
    assert not gate.lets_in(None, "secret")
    assert not gate.lets_in("", "")


ROOT = "intercom/c-1"
CASES = [
    (A, Act.PUBLISH, f"{ROOT}/{A}/up/attempt", True),
    (A, Act.PUBLISH, f"{ROOT}/{A}/up/door/1/lock", True),
    (A, Act.PUBLISH, f"{ROOT}/{A}/down/open", False),
    (A, Act.PUBLISH, f"{ROOT}/{B}/up/attempt", False),
    (A, Act.PUBLISH, f"{ROOT}/{A}/up", False),
    (A, Act.SUBSCRIBE, f"{ROOT}/{A}/down/#", True),
    (A, Act.SUBSCRIBE, f"{ROOT}/{A}/down/open", True),
    (A, Act.SUBSCRIBE, "#", False),
    (A, Act.SUBSCRIBE, f"{ROOT}/+/down/#", False),
    (A, Act.SUBSCRIBE, f"{ROOT}/{B}/down/#", False),
    (A, Act.SUBSCRIBE, f"{ROOT}/{A}/#", False),
    (A, Act.RECEIVE, f"{ROOT}/{A}/down/open", True),
    (A, Act.RECEIVE, f"{ROOT}/{B}/down/open", False),
    (A, Act.RECEIVE, f"{ROOT}/{A}/up/state", False),
    ("ha", Act.SUBSCRIBE, f"{ROOT}/edge/#", True),
    ("ha", Act.RECEIVE, f"{ROOT}/edge/event", True),
    ("ha", Act.SUBSCRIBE, f"{ROOT}/#", False),
    ("ha", Act.PUBLISH, f"{ROOT}/edge/event", False),
    ("ha", Act.PUBLISH, f"{ROOT}/ha/up/x", False),
    ("edge-live", Act.PUBLISH, f"{ROOT}/{A}/down/open", True),
    ("edge-live", Act.SUBSCRIBE, f"{ROOT}/+/up/attempt", True),
    ("edge-live", Act.SUBSCRIBE, "#", False),
    ("edge-live", Act.PUBLISH, "intercom/c-2/x", False),
    (B, Act.PUBLISH, f"{ROOT}/{B}/up/attempt", False),
    (None, Act.SUBSCRIBE, f"{ROOT}/edge/#", False),
]


@pytest.mark.parametrize(("user", "act", "topic", "allowed"), CASES)
def test_rights(gate: Gate, user: str | None, act: Act, topic: str, allowed: bool) -> None:
    assert gate.may(user, act, topic) is allowed


def test_a_login_is_the_same_only_with_its_password_and_role(gate: Gate) -> None:
    hashed = hash_password("secret", b"0123456789ab")
    other = Gate(TOPICS, {A: (Role.DEVICE, hashed), "ha": (Role.INTEGRATOR, hash_password("new", b"0123456789ab"))})
    assert gate.same(A, other)
    assert not gate.same("ha", other)
    assert not gate.same("edge-live", other)


@pytest.mark.parametrize("text", ["", "[]x", "[]", '{"a": "device"}', '{"a": ["king", "$7$"]}'])
def test_a_file_that_is_not_whole_is_an_error(tmp_path: Path, text: str) -> None:
    file = tmp_path / "accounts.json"
    file.write_text(text)
    with pytest.raises((ValueError, TypeError)):
        Gate.read(TOPICS, file)


def test_a_file_is_read(tmp_path: Path) -> None:
    file = tmp_path / "accounts.json"
    file.write_text(json.dumps({A: ["device", hash_password("secret", b"0123456789ab")]}))
    assert Gate.read(TOPICS, file).lets_in(A, "secret")
