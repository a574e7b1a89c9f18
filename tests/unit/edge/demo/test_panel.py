import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from edge.demo.panel import MAX_REMEMBERED_IDS, Panel, rfc3339

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
LATER = rfc3339(NOW + timedelta(seconds=10))


def opening(identity: str = "o1", expires_at: str = LATER, **more: Any) -> bytes:
    return json.dumps({"id": identity, "relays": [1], "seconds": 5, "expires_at": expires_at, **more}).encode()


def test_an_opening_moves_its_relays_and_is_acknowledged() -> None:
    reaction = Panel().receive("open", opening(relays=[1, 2], security_relays=[1]), NOW)
    assert reaction is not None
    assert reaction.relays == ("1", "2", "s1")
    assert json.loads(reaction.ack or b"") == {"id": "o1", "ok": True, "at": "2026-03-01T12:00:00.000Z"}


def test_a_repeated_opening_moves_nothing_and_says_so() -> None:
    panel = Panel()
    panel.receive("open", opening(), NOW)
    again = panel.receive("open", opening(), NOW)
    assert again is not None
    assert again.relays == ()
    assert json.loads(again.ack or b"")["error"] == "repeated"


@pytest.mark.parametrize("expires_at", [rfc3339(NOW), rfc3339(NOW - timedelta(days=1)), None])
def test_an_expired_opening_moves_nothing_and_says_so(expires_at: str) -> None:
    late = Panel().receive("open", opening(expires_at=expires_at), NOW)
    assert late is not None
    assert late.relays == ()
    assert json.loads(late.ack or b"")["error"] == "expired"


def test_a_grant_moves_and_a_denial_does_not() -> None:
    panel = Panel()
    granted = panel.receive("decision", opening("a", granted=True), NOW)
    denied = panel.receive("decision", opening("b", granted=False, relays=[]), NOW)
    assert granted is not None
    assert denied is not None
    assert (granted.relays, denied.relays) == (("1",), ())


def test_a_command_that_is_no_opening_moves_nothing() -> None:
    reaction = Panel().receive("reboot", opening(), NOW)
    assert reaction is not None
    assert reaction.relays == ()


@pytest.mark.parametrize("payload", [b"", b"{", b"[]", b"1", b'{"id": 5}', b"{}"])
def test_what_is_no_message_is_ignored(payload: bytes) -> None:
    assert Panel().receive("open", payload, NOW) is None


def test_the_memory_of_ids_is_bounded_and_keeps_the_latest() -> None:
    panel = Panel()
    for number in range(MAX_REMEMBERED_IDS + 10):
        panel.receive("open", opening(str(number)), NOW)
    last = panel.receive("open", opening(str(MAX_REMEMBERED_IDS + 9)), NOW)
    assert last is not None
    assert last.relays == ()


def test_a_configuration_is_confirmed_by_its_revision() -> None:
    reaction = Panel().receive("config", b'{"revision": 7, "relays": []}', NOW)
    assert reaction is not None
    assert (reaction.confirmed_revision, reaction.ack) == (7, None)


def configured(panel: Panel, **door: Any) -> None:
    hours = {"id": "s-1", "week": [{"day": "sun", "from": "10:00", "to": "14:00"}], "holiday": None, "days": {}}
    body = {"revision": 1, "door": {"open_schedule": None, "lock_down": None, **door}, "schedules": [hours]}
    panel.receive("config", json.dumps(body).encode(), NOW)


def test_it_holds_a_door_open_for_as_long_as_it_was_ordered() -> None:
    panel = Panel()
    held = panel.receive("hold", opening("h", relays=[1], seconds=300), NOW)
    assert held is not None
    assert held.relays == ("1",)
    assert panel.stands_open(NOW + timedelta(seconds=299))
    assert not panel.stands_open(NOW + timedelta(seconds=300))


def test_it_lets_go_when_it_is_told_and_moves_nothing() -> None:
    panel = Panel()
    panel.receive("hold", opening("h", relays=[1, 2], seconds=300), NOW)
    assert not panel.held.keys() ^ {"1", "2"}
    released = panel.receive("release", opening("r", relays=[1, 2]), NOW)
    assert released is not None
    assert released.relays == ()
    assert not panel.stands_open(NOW)


def test_a_repeated_order_to_hold_begins_nothing_anew() -> None:
    panel = Panel()
    panel.receive("hold", opening("h", relays=[1], seconds=5), NOW)
    again = panel.receive("hold", opening("h", relays=[1], seconds=5), NOW + timedelta(seconds=4))
    assert again is not None
    assert again.relays == ()
    assert not panel.stands_open(NOW + timedelta(seconds=5))


def test_a_lock_down_goes_before_hours_and_orders_and_gives_no_order_back() -> None:
    panel = Panel()
    configured(panel, open_schedule="s-1")
    assert panel.stands_open(NOW), "a Sunday, between ten and two"
    panel.receive("hold", opening("h", relays=[1], seconds=300), NOW)
    configured(panel, open_schedule="s-1", lock_down={"until": None})
    assert not panel.stands_open(NOW)
    configured(panel)
    assert not panel.stands_open(NOW)


def test_half_of_card_and_pin_says_what_is_missing() -> None:
    asked = Panel().receive("decision", opening("a", granted=False, relays=[], second_factor="pin"), NOW)
    assert asked is not None
    assert (asked.asks_for, asked.relays) == ("pin", ())
