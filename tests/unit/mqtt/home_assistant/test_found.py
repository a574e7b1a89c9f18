import json

import pytest

from mqtt.home_assistant import render
from mqtt.home_assistant.found import Announced, farewell, read
from tests.unit.mqtt.home_assistant.small_house import GATE, gate, shown, snapshot

ROOT = "intercom/c-1"


def test_our_own_announcement_is_read_back() -> None:
    payload = render.discovery(shown(locks=True), gate(), snapshot())
    found = read(render.encode(payload), ROOT)
    assert found.platforms == {name: part["p"] for name, part in payload["cmps"].items()}
    assert f"{ROOT}/{GATE}/up/door/1/lock" in found.topics
    assert f"{ROOT}/{GATE}/up/event/ring" not in found.topics  # never retained, so nothing to clear


@pytest.mark.parametrize(
    "raw", [b"", b"\xff", b"[]", b"{", b'{"cmps":[]}', b"[" * 60_000, b'{"cmps":{"a":1,"b":{"p":3}}}', b" " * 70_000]
)
def test_what_cannot_be_read_announces_nothing(raw: bytes) -> None:
    assert read(raw, ROOT) == Announced()


@pytest.mark.parametrize("topic", ["other/c-1/x", "intercom/c-1", f"{ROOT}/#", f"{ROOT}/+/up/state", f"{ROOT}/a\0b", 7])
def test_topics_that_are_not_ours_are_never_cleared(topic: object) -> None:
    raw = json.dumps({"cmps": {"a": {"p": "sensor", "stat_t": topic}}}).encode()
    assert read(raw, ROOT) == Announced(platforms={"a": "sensor"})


def test_components_that_go_are_named_once_with_nothing_but_their_platform() -> None:
    payload = {"o": {}, "cmps": {"a": {"p": "sensor", "name": "A"}}}
    assert farewell(payload, {"a": "sensor", "b": "lock"}) == {
        "o": {}, "cmps": {"a": {"p": "sensor", "name": "A"}, "b": {"p": "lock"}},
    }  # fmt: skip
    assert farewell(payload, {"a": "sensor"}) is None
    assert farewell(payload, {}) is None
