"""Announcements as Home Assistant's own schemas want them, and as they always were."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from models.device import Device, DeviceType
from mqtt.home_assistant import render
from mqtt.home_assistant.render import Shown
from mqtt.home_assistant.state import CALL_STATES, LOCKED, OPEN, DoorState
from tests.unit.mqtt.home_assistant.small_house import GATE, MONITOR, SIDE, TOPICS, device, gate, shown, side, snapshot

DATA = Path(__file__).parents[3] / "data"
KEYS: dict[str, Any] = json.loads((DATA / "home_assistant.json").read_text())
GOLDEN = DATA / "home_assistant_gate.json"

CASES = [
    (gate(), shown()),
    (gate(), shown(locks=True)),
    (gate(enabled=False), shown(locks=True)),
    (side(), shown(locks=True, allowed=("Side/1",), mirror=False)),
    (side(relays=()), shown(locks=True)),
    (device(GATE, "Ё/+# \"'", DeviceType.DOOR_PHONE_SINGLE), shown()),
]


def announced(door: Device, view: Shown) -> dict[str, Any]:
    """As Home Assistant reads it."""
    read: dict[str, Any] = json.loads(render.encode(render.discovery(view, door, snapshot(door))))
    return read


def check_keys(given: Mapping[str, Any], *tables: Mapping[str, list[str]]) -> None:
    required = {key for table in tables for key in table["required"]}
    known = required | {key for table in tables for key in table["optional"]}
    assert required <= set(given) <= known


@pytest.mark.parametrize(("door", "view"), CASES)
def test_every_key_is_one_of_home_assistants(door: Device, view: Shown) -> None:
    payload = announced(door, view)
    check_keys(payload, KEYS["discovery"])
    check_keys(payload["dev"], KEYS["device"])
    check_keys(payload["o"], KEYS["origin"])
    assert payload["dev"]["ids"]
    assert payload["avty_mode"] in KEYS["availability_modes"]
    for component in payload["cmps"].values():
        check_keys(component, KEYS["entity"], KEYS["platforms"][component["p"]])
    for part in (payload, *payload["cmps"].values()):
        for place in part.get("avty", ()):
            check_keys(place, KEYS["availability"])
        assert not set(part) & set(KEYS["needs_mqtt_5"])  # Home Assistant still speaks 3.1.1 where it was told to


@pytest.mark.parametrize(("door", "view"), CASES)
def test_classes_and_values_are_home_assistants(door: Device, view: Shown) -> None:
    for component in announced(door, view)["cmps"].values():
        platform, kind = component["p"], component.get("dev_cla")
        assert kind is None or kind in KEYS["device_classes"][platform]
        if platform == "event":
            assert set(KEYS["types_of_event_class"].get(kind, [])) <= set(component["evt_typ"])
        if kind == "enum":
            assert component["ops"] == list(CALL_STATES)
        if platform == "lock":
            assert {LOCKED, OPEN} <= set(KEYS["lock_states"])
            assert component["opt"] is False
            assert component["ret"] is False


@pytest.mark.parametrize(("door", "view"), CASES)
def test_names_are_unique_and_topics_lawful(door: Device, view: Shown) -> None:
    payload = announced(door, view)
    components = payload["cmps"].values()
    assert len({component["uniq_id"] for component in components}) == len(payload["cmps"])
    for component in components:
        domain, _, name = component["def_ent_id"].partition(".")
        assert domain == component["p"]
        assert re.fullmatch("[a-z0-9_]+", name)
        for key in ("stat_t", "cmd_t"):
            assert re.fullmatch(r"[A-Za-z0-9_/-]+", component.get(key, "none"))
    assert re.fullmatch(r"homeassistant/device/[a-zA-Z0-9_-]+/config", TOPICS.config(door.mac))


def test_the_announcement_of_a_gate_stays_as_it_is() -> None:
    """Entities keep their history by these words: a change here is one that every house notices."""
    assert announced(gate(), shown(locks=True, allowed=("Gate/1",))) == json.loads(GOLDEN.read_text())


def test_locks_are_off_by_default() -> None:
    parts = announced(gate(), shown())["cmps"]
    assert {part["p"] for part in parts.values()} == {"event", "sensor", "binary_sensor"}
    assert not any("cmd_t" in part for part in parts.values())
    assert {"relay_1", "relay_2", "relay_s1"} <= set(parts)


def test_a_lock_needs_the_method_remote_and_an_enabled_relay() -> None:
    parts = announced(gate(), shown(locks=True))["cmps"]
    assert {name for name, part in parts.items() if part["p"] == "lock"} == {"lock_1", "lock_s1"}
    assert {"relay_2"} == {name for name in parts if name.startswith("relay")}


def test_connectivity_is_told_without_the_device() -> None:
    payload = announced(gate(), shown())
    assert payload["cmps"]["online"]["avty"] == [{"t": "intercom/c-1/bridge/state"}]
    assert payload["avty"] == [{"t": "intercom/c-1/bridge/state"}, {"t": f"intercom/c-1/{GATE}/up/state"}]


def test_a_door_of_one_building_is_in_its_area() -> None:
    assert announced(side(), shown())["dev"]["sa"] == "North"
    assert "sa" not in announced(gate(), shown())["dev"]


def test_monitors_are_not_shown() -> None:
    assert render.shown(gate())
    assert render.shown(side())
    assert not render.shown(device(MONITOR, "Kitchen", DeviceType.INDOOR_MONITOR))
    assert not render.shown(device(MONITOR, "Guard", DeviceType.GUARD_PHONE))


def test_states_say_how_a_door_is() -> None:
    state = DoorState(open_until_s={"1": 5.0}, contact="ON", tamper_until_s=9.0, call="ringing")
    told = render.states(shown(), gate(), state, online=True)
    root = f"intercom/c-1/{GATE}/up"
    assert told == {
        f"{root}/door/1/lock": b"OPEN",
        f"{root}/door/2/lock": b"LOCKED",
        f"{root}/door/s1/lock": b"LOCKED",
        f"{root}/door/1/contact": b"ON",
        f"{root}/tamper": b"ON",
        f"{root}/call/state": b"ringing",
        f"{root}/state": b"online",
    }


def test_at_our_own_broker_a_device_tells_its_state_itself() -> None:
    told = render.states(shown(mirror=False), gate(), DoorState(), online=True)
    assert f"intercom/c-1/{GATE}/up/state" not in told
    assert f"intercom/c-1/{GATE}/up/door/1/contact" not in told  # nobody told of it yet


def test_a_ring_tells_the_apartment_and_nothing_of_the_visitor() -> None:
    notice = {"type": "ring", "id": "x", "mac": GATE, "from": "Gate", "dialled": "101", "apartment": "North/101"}
    message = render.event(shown(), GATE, notice)
    assert message is not None
    assert message.topic == f"intercom/c-1/{GATE}/up/event/ring"
    assert json.loads(message.payload) == {"event_type": "ring", "apartment": "North/101"}


def test_an_access_tells_no_holder() -> None:
    notice = {
        "type": "access",
        "device": SIDE,
        "door": "Side",
        "method": "rf_card",
        "outcome": "denied",
        "reason": "expired",
        "apartment": "North/101",
        "relays": [],
    }
    message = render.event(shown(), SIDE, notice)
    assert message is not None
    assert message.topic == f"intercom/c-1/{SIDE}/up/event/access"
    assert json.loads(message.payload) == {
        "event_type": "denied", "method": "rf_card", "reason": "expired", "relays": [],
    }  # fmt: skip


@pytest.mark.parametrize("kind", ["call", "device", "alarm"])
def test_other_notices_are_no_events(kind: str) -> None:
    assert render.event(shown(), GATE, {"type": kind}) is None
