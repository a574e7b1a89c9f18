"""Bodies from the central store: what is stored of each, and what each rule keeps out."""

from typing import Any, Final

import pytest

from edge.cloud.things import COLUMNS, Rules, Thing, from_text, read, to_text
from edge.cloud.wire import Item, Poisoned
from edge.core.tags import Tagger
from edge.store.secrets import Vault
from edge.store.tables import relay
from models.community import Community
from models.ids import CommunityId

PIN: Final = "481516"
GOOD: Final[dict[str, dict[str, Any]]] = {
    "mac": {"mac": "0c1105000001"},
    "schedule": {"name": "Day", "week": "mon-fri 08:00-18:00"},
    "building": {"name": "1"},
    "apartment": {"building": "b-1", "number": "101"},
    "device": {"mac": "0c1105000001", "name": "Gate", "type": 0},
    "relay": {"device": "d-1", "number": 1},
    "resident": {"apartment": "a-1", "first": "Ann", "last": "Lee"},
    "credential": {"kind": "pin", "apartment": "a-1", "value": PIN},
    "whitelist": {"number": "+442079460000"},
    "request": {"phone": "+48601234567", "apartment": "a-1", "state": "confirmed", "made": "2026-01-01T10:00:00Z"},
}
BAD: Final = [
    ("request", {"state": "asked"}, "state"),
    ("request", {"phone": None}, "missing"),
    ("relay", {"number": 5}, "relay_number"),
    ("relay", {"device": None}, "missing"),
    ("relay", {"trigger_s": 11}, "trigger_s"),
    ("relay", {"hold_s": 0}, "hold_s"),
    ("device", {"type": 7}, "device_type"),
    ("device", {"place": "apartment"}, "place"),
    ("device", {"place": "building"}, "place"),
    ("credential", {"value": "12"}, "pin"),
    ("credential", {"kind": "rf_card", "value": "no card"}, "value"),
    ("credential", {"kind": "rf_card", "value": "04A1B2C3D4", "duress": True}, "duress"),
    ("credential", {"uses": 3, "home": "panel"}, "uses_at_panel"),
    ("credential", {"from": "2026-02-01", "until": "2026-01-01"}, "validity"),
    ("building", {"name": 1}, "text"),
]


@pytest.fixture(scope="module")
def rules() -> Rules:
    community = CommunityId("c-1")
    vault = Vault(bytes(range(32)))
    return Rules(Community(community, "House", "Europe/London"), Tagger(bytes(32), community), vault)


def thing(rules: Rules, of: str, /, **changed: Any) -> Thing:
    body = {name: value for name, value in {**GOOD[of], **changed}.items() if value is not None}
    return read(Item(of, f"{of}-1", 7, body), rules)


@pytest.mark.parametrize("kind", GOOD)
def test_a_body_gives_a_value_for_every_column(rules: Rules, kind: str) -> None:
    found = thing(rules, kind)
    assert (found.kind, found.id, found.rev) == (kind, f"{kind}-1", 7)
    assert len(found.row) == len(COLUMNS[kind])


@pytest.mark.parametrize("kind", GOOD)
def test_what_is_staged_comes_back_whole(rules: Rules, kind: str) -> None:
    before = thing(rules, kind)
    assert from_text(kind, before.id, before.rev, to_text(before)) == before


def test_everything_of_a_relay_travels(rules: Rules) -> None:
    assert set(COLUMNS["relay"]) == {column.name for column in relay.columns} - {"id"}
    row = dict(zip(COLUMNS["relay"], thing(rules, "relay", trigger_s=3, hold_s=9, dtmf="7").row, strict=True))
    assert (row["trigger_s"], row["hold_s"], row["dtmf"]) == (3, 9, "7")


@pytest.mark.parametrize(("kind", "changed", "rule"), BAD)
def test_a_body_that_breaks_a_rule_is_poison(rules: Rules, kind: str, changed: dict[str, Any], rule: str) -> None:
    with pytest.raises(Poisoned) as poisoned:
        thing(rules, kind, **changed)
    assert (poisoned.value.item, poisoned.value.kind, poisoned.value.reason) == (f"{kind}-1", kind, rule)


def test_no_value_is_kept_or_told(rules: Rules) -> None:
    found = thing(rules, "credential")
    assert PIN not in to_text(found) + repr(found) + repr(Item("credential", "x", 1, GOOD["credential"]))
    with pytest.raises(Poisoned) as poisoned:
        thing(rules, "credential", value="1234567890123")
    assert "1234567890123" not in str(poisoned.value)


def test_a_value_that_a_panel_must_know_is_sealed(rules: Rules) -> None:
    found = thing(rules, "credential", home="both")
    assert found.sealed is not None
    assert rules.vault.unseal(found.sealed, table="credential", column="sealed", row=found.id) == PIN
