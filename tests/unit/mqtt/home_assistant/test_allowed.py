import pytest

from models.device import Device, Relay
from mqtt.home_assistant.allowed import Allowed
from tests.unit.mqtt.home_assistant.small_house import gate, side

DOOR = gate()
FIRST, SECOND, SECURITY, OFF = DOOR.relays


@pytest.mark.parametrize(
    ("entries", "device", "relay", "allowed"),
    [
        (["all"], DOOR, FIRST, True),
        (["all"], DOOR, SECURITY, True),
        (["all"], DOOR, SECOND, False),  # does not list remote
        (["all"], DOOR, OFF, False),  # is not enabled
        (["all"], gate(enabled=False), FIRST, False),
        ([], DOOR, FIRST, False),
        (["Gate"], DOOR, FIRST, True),
        (["gate"], DOOR, FIRST, False),
        (["0C:11:05:00:00:01"], DOOR, FIRST, True),
        (["0c1105000001/1"], DOOR, FIRST, True),
        (["0c1105000001/1"], DOOR, SECURITY, False),
        (["Gate/s1"], DOOR, SECURITY, True),
        (["Gate/s1"], DOOR, FIRST, False),
        (["Gate/1"], side(), side().relays[0], False),
        (["Gate/1", "Side"], side(), side().relays[0], True),
        (["A/1"], side(name="A/1"), side().relays[0], False),  # names relay 1 of a door A
        (["A/1/1"], side(name="A/1"), side().relays[0], True),
        (["A/x"], side(name="A/x"), side().relays[0], True),
    ],
)
def test_only_what_is_named(entries: list[str], device: Device, relay: Relay, allowed: bool) -> None:
    assert Allowed(True, entries).allows(device, relay) is allowed
    assert Allowed(False, entries).allows(device, relay) is False


def test_entries_that_name_nothing_are_told() -> None:
    allowed = Allowed(True, ["all", "Gate/1", "Gaet", "0c11050000ff"])
    assert allowed.unknown([gate(), side()]) == ("Gaet", "0c11050000ff")


@pytest.mark.parametrize(
    ("locks", "entries", "anything"), [(True, ["all"], True), (True, [], False), (False, ["all"], False)]
)
def test_whether_anything_can_be_opened_at_all(locks: bool, entries: list[str], anything: bool) -> None:
    assert Allowed(locks, entries).anything is anything
