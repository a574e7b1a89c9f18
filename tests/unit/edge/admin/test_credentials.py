"""Credentials: what may be a value, who may have it, and that it is never readable afterwards."""

import json

import pytest
from sqlalchemy import select

from edge.admin import apartments, buildings, community, credentials, devices, macs, residents, schedules
from edge.admin.credentials import NewCredential
from edge.admin.devices import Placing
from edge.admin.edit import NotFound, Refused
from edge.core.checks import RuleBroken
from edge.core.tags import Tagger
from edge.store import journal
from edge.store.snapshot import load_snapshot
from edge.store.tables import credential
from models.access import CredentialKind, Home, Origin
from models.device import DeviceType
from models.service import PinMode

PIN, CARD, QR, FACE = CredentialKind.PIN, CredentialKind.RF_CARD, CredentialKind.QR, CredentialKind.FACE


@pytest.fixture
def homes(edit):
    with edit() as change:
        buildings.add(change, "1")
        for number in ("101", "102", "824613"):
            apartments.add(change, f"1/{number}")


def add(edit, kind, value=None, apartment="101", **options):
    with edit() as change:
        return credentials.add(change, NewCredential(kind, apartment, value, **options))


def test_a_value_is_stored_as_a_tag_and_never_shown(homes, edit, read, site):
    card = add(edit, CARD, "04:a1-B2 c3d4")
    add(edit, PIN, "730519")
    with read() as scope:
        rows = credentials.listed(scope)
        snapshot = load_snapshot(scope.connection)
        log = json.dumps(list(journal.rows(scope.connection)))
        tagger = Tagger(site.secrets.pepper, scope.community_id)
    assert snapshot.tagged(CARD, tagger.tag(CARD, "04A1B2C3D4")) == (card.id,)
    assert [(row["kind"], row["value"]) for row in rows] == [("pin", ""), ("rf_card", "…C3D4")]
    for secret in ("04A1B2", "730519"):
        assert secret not in log + json.dumps(rows)
        assert secret.encode() not in site.store.path.read_bytes()
    assert "730519" not in repr(NewCredential(PIN, "101", "730519"))


def test_a_generated_pin_is_shown_once(homes, edit):
    added = add(edit, PIN)
    assert added.generated is not None
    assert len(added.generated) == 6
    assert added.generated.isdigit()
    assert added.generated not in repr(added)
    assert add(edit, PIN, "730519").generated is None
    assert len(add(edit, QR).generated) >= 20


PIN_POLICY = ["111111", "123456", "987654", "121212", "123123", "73051", "730519730", "82461a", "١٢٣٤٥٦", " 730519"]


@pytest.mark.parametrize("pin", PIN_POLICY)
def test_the_pin_policy_refuses(homes, edit, pin):
    with pytest.raises(Refused):
        add(edit, PIN, pin)


def test_the_apartments_own_number_is_no_pin(homes, edit):
    with pytest.raises(Refused):
        add(edit, PIN, "824613", apartment="824613")
    add(edit, PIN, "824613")


def test_a_bare_pin_is_unique_in_the_community(homes, edit):
    add(edit, PIN, "730519")
    with pytest.raises(Refused):
        add(edit, PIN, "730519", apartment="102")


def test_with_the_apartment_a_pin_is_unique_there(homes, edit):
    with edit() as change:
        community.set_community(change, pin_mode=PinMode.APT_PIN)
    add(edit, PIN, "7305")
    add(edit, PIN, "7305", apartment="102")
    with pytest.raises(Refused):
        add(edit, PIN, "7305")
    with pytest.raises(Refused, match="2 PINs are shorter than 6 digits and 2 are not the only one"), edit() as change:
        community.set_community(change, pin_mode=PinMode.PIN)


def test_back_to_pin_mode_once_every_pin_is_fit(homes, edit):
    with edit() as change:
        community.set_community(change, pin_mode=PinMode.APT_PIN)
    short = add(edit, PIN, "7305")
    add(edit, PIN, "730519")
    with edit() as change:
        credentials.remove(change, short.id)
        community.set_community(change, pin_mode=PinMode.PIN)


def test_what_basic_refuses(basic):
    edit = basic.admin("installer").edit
    with edit() as change:
        buildings.add(change, "1")
        apartments.add(change, "1/101")
    for kind, value in ((PIN, "730519"), (QR, "x"), (FACE, "f1"), (PIN, None)):
        with pytest.raises(Refused):
            add(edit, kind, value)
    add(edit, CARD, "04A1B2C3")
    add(edit, CredentialKind.BLUETOOTH, "phone-1")


BAD = [
    ({"kind": CARD, "value": "not hexadecimal"}, "value"),
    ({"kind": CARD, "value": ""}, "value"),
    ({"kind": FACE, "value": "x" * 129}, "value"),
    ({"kind": CARD}, "value_missing"),
    ({"kind": CARD, "value": "04", "duress": True}, "duress"),
    ({"kind": CARD, "value": "04", "uses": 0}, "uses"),
    ({"kind": CARD, "value": "04", "valid_from_ms": 5, "valid_until_ms": 5}, "validity"),
]


@pytest.mark.parametrize(("options", "rule"), BAD)
def test_a_broken_rule_is_named(homes, edit, options, rule):
    with pytest.raises(RuleBroken) as broken:
        add(edit, **options)
    assert broken.value.problem.rule == rule


def test_kinds_are_separate_and_a_card_has_one_holder(homes, edit):
    add(edit, CARD, "04A1B2C3")
    add(edit, CredentialKind.NFC, "04A1B2C3")
    with pytest.raises(RuleBroken) as broken:
        add(edit, CARD, "04a1b2c3", apartment="102")
    assert broken.value.problem.rule == "duplicate"


def test_everything_that_can_be_said(homes, edit, read, site):
    with edit() as change:
        who = residents.add(change, "101", first_name="Max", last_name="M")
        schedules.add(change, "Work", "mon-fri 08:00-18:00")
        macs.add(change, ["0C1105000000"])
        devices.add(change, "0C1105000000", name="Gate", type=DeviceType.DOOR_PHONE, placing=Placing())
    added = add(
        edit, PIN, "730519", resident=who, valid_from_ms=1000, valid_until_ms=2000, schedule="Work", uses=3,
        doors=["Gate", "0c1105000000"], duress=True, home=Home.BOTH, origin=Origin.MANAGER,
    )  # fmt: skip
    with read() as scope:
        (row,) = credentials.listed(scope, "101")
        stored = load_snapshot(scope.connection).credentials[added.id]
        sealed = scope.connection.execute(select(credential.c.sealed)).scalar_one()
    assert row == {
        "id": added.id, "kind": "pin", "apartment": "1/101", "resident": who, "value": "",
        "from": "1970-01-01T00:00:01.000Z", "until": "1970-01-01T00:00:02.000Z", "schedule": "Work", "uses_left": 3,
        "doors": ["0c1105000000"], "duress": True, "home": "both", "by": "manager",
        "consent": None,
    }  # fmt: skip
    assert (stored.duress, stored.uses_left, stored.origin, len(stored.doors)) == (True, 3, Origin.MANAGER, 1)
    unsealed = site.secrets.vault.unseal(bytes(sealed), table="credential", column="sealed", row=added.id)
    assert unsealed == "730519"


def test_only_the_edge_counts_uses(homes, edit):
    with pytest.raises(RuleBroken, match="only the edge counts uses"):
        add(edit, PIN, "730519", uses=3, home=Home.PANEL)


def test_consent_to_a_face_is_recorded(homes, edit, read):
    add(edit, CredentialKind.FACE, "face-1", consent=True)
    add(edit, CredentialKind.FACE, "face-2")
    with read() as scope:
        recorded = [row["consent"] for row in credentials.listed(scope)]
        told = [row["detail"]["consent"] for row in journal.rows(scope.connection) if "consent" in row["detail"]]
    assert [consent is not None for consent in sorted(recorded, key=str)] == [True, False]
    assert told == [True, False]
    with pytest.raises(RuleBroken, match="consent is asked for a face"):
        add(edit, PIN, "730519", consent=True)


def test_what_is_named_must_be_there(homes, edit):
    for options in ({"resident": "r-none"}, {"schedule": "None"}, {"doors": ["None"]}, {"apartment": "9/9"}):
        with pytest.raises(NotFound):
            add(edit, CARD, "04A1", **options)
    with edit() as change:
        who = residents.add(change, "102", first_name="Max", last_name="M")
    with pytest.raises(RuleBroken) as broken:
        add(edit, CARD, "04A1", resident=who)
    assert broken.value.problem.rule == "resident_elsewhere"


def test_a_removed_credential_is_gone(homes, edit, read):
    added = add(edit, CARD, "04A1")
    with edit() as change:
        credentials.remove(change, added.id)
    with read() as scope:
        assert credentials.listed(scope) == []
    with pytest.raises(NotFound), edit() as change:
        credentials.remove(change, added.id)


def test_a_schedule_in_use_stays(homes, edit, read):
    with edit() as change:
        schedules.add(change, "Work", "mon 08:00-18:00; mon 08:00-18:00")
    added = add(edit, CARD, "04A1", schedule="Work")
    with pytest.raises(RuleBroken) as broken, edit() as change:
        schedules.remove(change, "Work")
    assert broken.value.problem.rule == "in_use"
    for name, week, rule in (("Work", "", "duplicate"), ("Night", "someday", "week")):
        with pytest.raises(RuleBroken) as broken, edit() as change:
            schedules.add(change, name, week)
        assert broken.value.problem.rule == rule
    with edit() as change:
        schedules.set_schedule(change, "Work", "sat 22:00-02:00")
        credentials.remove(change, added.id)
    with read() as scope:
        assert [(row["name"], row["week"]) for row in schedules.listed(scope)] == [("Work", "sat 22:00-02:00")]
    with edit() as change:
        schedules.remove(change, "Work")
