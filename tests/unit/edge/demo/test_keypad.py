"""The simulated panel alone: as strict as the edge with what it was told."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from edge.core.panel_rights import digest_of
from edge.demo.keypad import WRONG_TRIES, Keypad
from models.ids import CredentialId

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)  # a Monday, 13:00 in Berlin
RELAY = {"relay": "1", "enabled": True, "methods": ["pin", "rf_card"], "two_factor": False, "schedule": None}
OFFICE = {"id": "s-1", "week": [{"day": "mon", "from": "08:00", "to": "13:00"}], "holiday": None, "days": {}}


def entry(**changes: Any) -> dict[str, Any]:
    told = {
        "credential": "k-1", "version": "v1", "method": "rf_card", "value": "04A1", "home": "both", "apartment": "101",
        "from": None, "until": None, "hours": None,
    }  # fmt: skip
    return {**told, **changes}


def panel(*entries: dict[str, Any], **config: Any) -> Keypad:
    told = {"relays": [RELAY], "door": {}, "time_zone": "Europe/Berlin", "schedules": [], "holidays": [], **config}
    keypad = Keypad(config=told)
    keypad.told({"put": list(entries) or [entry()]})
    return keypad


def opens(keypad: Keypad, method: str = "rf_card", value: str = "04a1", at: datetime = NOON, home: str = "101") -> bool:
    return keypad.decide(method, value, home, at).granted


def test_it_opens_for_what_it_holds_and_nothing_else() -> None:
    verdict = panel().decide("rf_card", "04:a1", None, NOON)
    assert (verdict.relays, verdict.credential) == (("1",), "k-1")
    assert not opens(panel(), value="04A2")
    assert not opens(panel(), method="nfc")
    assert not opens(Keypad(config={}))


def test_it_forgets_before_it_learns() -> None:
    keypad = panel()
    keypad.told({"remove": ["k-1", "k-9"], "put": [entry(credential="k-2", value="04B2")]})
    assert not opens(keypad)
    assert opens(keypad, value="04B2")
    keypad.told({"clear": True, "put": [entry()]})
    assert list(keypad.held) == ["k-1"]
    assert keypad.digest() == digest_of({CredentialId("k-1"): "v1"})


@pytest.mark.parametrize(
    ("changes", "config"),
    [
        ({"from": "2026-03-02T12:00:01Z"}, {}),
        ({"until": "2026-03-02T12:00:00Z"}, {}),
        ({"hours": {**OFFICE, "week": []}}, {}),
        ({"hours": OFFICE}, {}),
        ({}, {"door": {"lock_down": {"until": None}}}),
        ({}, {"door": {"lock_down": {"until": "2026-03-02T13:00:00Z"}}}),
        ({}, {"door": {"schedule": "s-unknown"}}),
        ({}, {"door": {"schedule": "s-1"}, "schedules": [OFFICE]}),
        ({}, {"relays": [{**RELAY, "two_factor": True}]}),
        ({}, {"relays": [{**RELAY, "enabled": False}]}),
        ({}, {"relays": [{**RELAY, "methods": ["pin"]}]}),
        ({}, {"relays": [{**RELAY, "schedule": "s-1"}], "schedules": [OFFICE]}),
    ],
)
def test_what_closes_it(changes: dict[str, Any], config: dict[str, Any]) -> None:
    assert not opens(panel(entry(**changes), **config))


def test_hours_run_over_midnight_and_give_way_to_holidays_and_single_days() -> None:
    late = {**OFFICE, "week": [{"day": "sun", "from": "22:00", "to": "14:00"}]}
    assert opens(panel(entry(hours=late)))
    holiday = {**OFFICE, "week": [], "holiday": [{"from": "12:00", "to": "24:00"}]}
    assert opens(panel(entry(hours=holiday), holidays=["03-02"]))
    assert not opens(panel(entry(hours=holiday)))
    single = {**holiday, "days": {"2026-03-02": []}}
    assert not opens(panel(entry(hours=single), holidays=["2026-03-02"]))


def test_two_that_fit_open_nothing() -> None:
    assert not opens(panel(entry(), entry(credential="k-2")))


def test_in_apt_pin_mode_the_apartment_must_fit() -> None:
    keypad = panel(entry(method="apt_pin", value="1234"))
    assert opens(keypad, "apt_pin", "1234")
    assert not opens(keypad, "apt_pin", "1234", home="102")
    assert not opens(keypad, "pin", "1234")


def test_wrong_codes_close_it_to_codes_for_a_while() -> None:
    keypad = panel(entry(method="pin", value="719264"), entry(credential="k-2"))
    for _ in range(WRONG_TRIES):
        assert not opens(keypad, "pin", "000000")
    assert not opens(keypad, "pin", "719264")
    assert opens(keypad), "cards go on"
    assert opens(keypad, "pin", "719264", NOON + timedelta(seconds=30))


def test_what_is_the_panels_alone_is_not_asked_about() -> None:
    assert panel(entry(home="panel")).decides_first("rf_card", "04A1", None)
    assert not panel().decides_first("rf_card", "04A1", None)
