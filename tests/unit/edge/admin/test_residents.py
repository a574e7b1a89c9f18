"""Residents: who lives where, what the plan allows, and the login of the app."""

import pytest

from edge.admin import apartments, buildings, credentials, residents
from edge.admin.credentials import NewCredential
from edge.admin.edit import NotFound, Refused
from edge.core.checks import RuleBroken
from edge.store.accounts import resident_sip_password
from edge.store.snapshot import load_snapshot
from models.access import CredentialKind
from models.ids import ResidentId
from models.service import Activation, Role

DAY_MS = 86_400_000


@pytest.fixture
def homes(edit):
    with edit() as change:
        buildings.add(change, "1")
        for number in ("101", "102"):
            apartments.add(change, f"1/{number}")


def test_one_master_an_apartment(homes, edit):
    with edit() as change:
        residents.add(change, "101", role=Role.MEMBER, first_name="Mia", last_name="M")
        residents.add(change, "101", role=Role.MASTER, first_name="Max", last_name="M")
    with pytest.raises(RuleBroken) as broken, edit() as change:
        residents.add(change, "101", role=Role.MASTER, first_name="Moe", last_name="M")
    assert broken.value.problem.rule == "one_master"


def test_basic_has_no_family_members(basic):
    edit = basic.admin("installer").edit
    with edit() as change:
        buildings.add(change, "1")
        apartments.add(change, "1/101")
        residents.add(change, "101", first_name="Max", last_name="M")
    with pytest.raises(Refused), edit() as change:
        residents.add(change, "101", first_name="Mia", last_name="M")


def test_a_resident_has_a_name(homes, edit):
    with pytest.raises(RuleBroken), edit() as change:
        residents.add(change, "101", first_name=" ", last_name="")
    with pytest.raises(NotFound), edit() as change:
        residents.add(change, "999", first_name="Max", last_name="M")


def test_one_profile_at_several_apartments(homes, edit, read):
    with edit() as change:
        identity = residents.add(change, "101", first_name="Max", last_name="M")
        residents.set_resident(change, identity, add_apartment="102")
    with pytest.raises(RuleBroken), edit() as change:
        residents.set_resident(change, identity, add_apartment="102")
    with edit() as change:
        credentials.add(change, NewCredential(CredentialKind.QR, "101", resident=identity))
        residents.set_resident(change, identity, remove_apartment="101")
    with read() as scope:
        (row,) = residents.listed(scope, "102")
        assert residents.listed(scope, "101") == []
        assert credentials.listed(scope) == []
    assert row["apartments"] == ["1/102"]
    with pytest.raises(RuleBroken) as broken, edit() as change:
        residents.set_resident(change, identity, remove_apartment="102")
    assert broken.value.problem.rule == "last_apartment"


def test_activation_and_its_end(homes, edit, read):
    with edit() as change:
        identity = residents.add(change, "101", first_name="Max", last_name="M", mobile="501 234 567")
        end_ms = change.now_ms + DAY_MS
        residents.set_resident(change, identity, activation=Activation.EXPIRED, activation_until_ms=end_ms)
    with read() as scope:
        stored = load_snapshot(scope.connection).residents[ResidentId(identity)]
        (row,) = residents.listed(scope)
    assert (stored.activation, stored.activation_until_ms) == (Activation.EXPIRED, end_ms)
    assert (row["first"], row["last"], row["mobile"]) == ("Max", "M", "+48501234567")
    with edit() as change:
        residents.activate_without_end(change, identity)
    with read() as scope:
        assert residents.listed(scope)[0]["expires"] is None
    with pytest.raises(RuleBroken) as broken, edit() as change:
        residents.set_resident(change, identity, activation_until_ms=change.now_ms + 6 * 366 * DAY_MS)
    assert broken.value.problem.rule == "renewal"


def test_a_new_login_makes_the_old_one_worthless(homes, edit, read, site):
    with edit() as change:
        identity = residents.add(change, "101", first_name="Max", last_name="M")

    def login():
        with read() as scope:
            (row,) = residents.listed(scope)
            return row["sip_user"], resident_sip_password(scope.connection, site.secrets.vault, identity)

    before = login()
    with edit() as change:
        residents.new_login(change, identity)
    after = login()
    assert 50_000_000 <= int(before[0]) <= 99_999_999
    assert len(before[1]) >= 24
    assert before[0] != after[0]
    assert before[1] != after[1]


def test_who_is_removed_opens_nothing_any_more(homes, edit, read):
    with edit() as change:
        identity = residents.add(change, "101", first_name="Max", last_name="M")
        credentials.add(change, NewCredential(CredentialKind.RF_CARD, "101", "04A1B2C3", resident=identity))
        residents.remove(change, identity)
    with read() as scope:
        assert residents.listed(scope) == []
        assert credentials.listed(scope) == []
    with pytest.raises(NotFound), edit() as change:
        residents.remove(change, identity)
