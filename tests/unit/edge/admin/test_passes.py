"""Visitors' passes and delivery codes: for whom, how long, how often, and what is shown of them."""

import json

import pytest

from edge.admin import apartments, buildings, community, credentials, passes, schedules
from edge.admin.credentials import NewCredential
from edge.admin.edit import NotFound, Refused
from edge.admin.passes import MAX_PASSES, NewPass
from edge.core.checks import RuleBroken
from edge.core.tags import Tagger
from edge.store import journal
from edge.store.snapshot import load_snapshot
from models.access import CredentialKind, Origin, Purpose
from models.service import PinMode

DAY_MS = 86_400_000
QR, PIN = CredentialKind.QR, CredentialKind.PIN


@pytest.fixture
def now_ms(edit):
    with edit() as change:
        buildings.add(change, "1")
        apartments.add(change, "1/101")
        apartments.add(change, "1/102")
        return change.now_ms


def issue(edit, until_ms, apartment="101", name="Anna", **options):
    with edit() as change:
        return passes.add(change, NewPass(apartment, name, until_ms, **options), public_url="https://door.example/")


def rows(read, now_ms, apartment=None):
    with read() as scope:
        return passes.listed(scope, now_ms, apartment)


def test_a_pass_is_a_code_that_opens_for_a_while(now_ms, edit, read, site):
    issued = issue(edit, now_ms + DAY_MS, uses=3, origin=Origin.RESIDENT)
    with read() as scope:
        snapshot = load_snapshot(scope.connection)
        log = json.dumps(list(journal.rows(scope.connection)))
        tagger = Tagger(site.secrets.pepper, scope.community_id)
    (made,) = snapshot.credentials.values()
    assert snapshot.tagged(QR, tagger.tag(QR, issued.value)) == (issued.id,)
    assert (made.valid_until_ms, made.uses_left, made.origin) == (now_ms + DAY_MS, 3, Origin.RESIDENT)
    assert made.valid_from_ms >= now_ms
    assert len(issued.value) >= 20
    (row,) = rows(read, now_ms)
    assert (row["name"], row["apartment"], row["uses_left"], row["state"]) == ("Anna", "1/101", 3, "valid")
    for shown in (log, json.dumps(row), repr(issued)):
        assert issued.value not in shown
    assert issued.value.encode() not in site.store.path.read_bytes()


def test_what_is_sent_has_the_place_the_time_and_the_code_after_the_hash(now_ms, edit):
    issued = issue(edit, now_ms + DAY_MS)
    assert "apartment 1/101" in issued.text
    assert f"https://door.example/pass#{issued.value}" in issued.text
    assert "Europe/Warsaw" in issued.text
    keyed = issue(edit, now_ms + DAY_MS, kind=PIN)
    assert f"key in {keyed.value} at the door" in keyed.text
    with edit() as change:
        community.set_community(change, pin_mode=PinMode.APT_PIN)
    keyed = issue(edit, now_ms + DAY_MS, kind=PIN)
    assert f"key in 101 and {keyed.value} at the door" in keyed.text


def test_a_recurring_pass_has_a_schedule(now_ms, edit, read):
    with edit() as change:
        schedules.add(change, "Cleaning", "tue 09:00-12:00")
    issue(edit, now_ms + 366 * DAY_MS, from_ms=now_ms, schedule="Cleaning")
    (row,) = rows(read, now_ms)
    assert (row["schedule"], row["uses_left"]) == ("Cleaning", None)


def test_a_delivery_is_a_pin_for_one_use_in_a_window(now_ms, edit, read):
    issued = issue(edit, now_ms + DAY_MS, kind=PIN, purpose=Purpose.DELIVERY)
    assert len(issued.value) == 6
    assert issued.value.isdigit()
    (row,) = rows(read, now_ms)
    assert (row["purpose"], row["kind"], row["uses_left"]) == ("delivery", "pin", 1)


@pytest.mark.parametrize(
    ("days", "options"),
    [
        (0, {}),
        (-1, {}),
        (367, {"from_days": 0}),
        (15, {"from_days": 0, "purpose": Purpose.DELIVERY, "kind": PIN}),
        (1, {"from_days": 2}),
        (1, {"origin": Origin.MANAGER}),
        (1, {"name": ""}),
        (1, {"uses": 0}),
        (None, {}),
    ],
)
def test_rules_of_passes(now_ms, edit, read, days, options):
    if "from_days" in options:
        options = {**options, "from_ms": now_ms + options["from_days"] * DAY_MS}
        del options["from_days"]
    with pytest.raises(RuleBroken):
        issue(edit, None if days is None else now_ms + days * DAY_MS, **options)
    assert rows(read, now_ms) == []


def test_a_pass_is_revoked_and_nothing_else(now_ms, edit, read):
    issued = issue(edit, now_ms + DAY_MS)
    with edit() as change:
        card = credentials.add(change, NewCredential(CredentialKind.RF_CARD, "101", "04A1B2C3D4"))
    for unknown in (card.id, "k-none"):
        with pytest.raises(NotFound), edit() as change:
            passes.revoke(change, unknown)
    with edit() as change:
        passes.revoke(change, issued.id)
    assert rows(read, now_ms) == []
    with read() as scope:
        assert [row["id"] for row in credentials.listed(scope)] == [card.id]


def test_the_state_says_whether_it_still_opens(now_ms, edit, read):
    issue(edit, now_ms + DAY_MS)
    assert [row["state"] for row in rows(read, now_ms + DAY_MS)] == ["over"]
    assert rows(read, now_ms, "102") == []


def test_passes_of_an_apartment_are_bounded(now_ms, edit):
    with edit() as change:
        for number in range(MAX_PASSES):
            passes.add(change, NewPass("101", f"v{number}", now_ms + DAY_MS))
    with pytest.raises(Refused):
        issue(edit, now_ms + DAY_MS)
    issue(edit, now_ms + DAY_MS, "102")


def test_an_emptied_apartment_has_no_passes(now_ms, edit, read):
    issue(edit, now_ms + DAY_MS)
    with edit() as change:
        apartments.reset(change, "101")
    assert rows(read, now_ms) == []


@pytest.mark.parametrize("kind", [QR, PIN])
def test_the_basic_plan_has_no_passes(basic, kind):
    with basic.admin("installer").edit() as change:
        buildings.add(change, "1")
        apartments.add(change, "1/101")
    with pytest.raises(Refused), basic.admin("installer").edit() as change:
        passes.add(change, NewPass("101", "Anna", change.now_ms + DAY_MS, kind=kind))
