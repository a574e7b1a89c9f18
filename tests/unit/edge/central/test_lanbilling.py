"""Accounts in LANBilling's words, read as ours: each for itself."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.central.billing import Account
from edge.central.lanbilling import BadPage, Page, Unread, account, page
from models.service import ServiceState


def vgroup(**more: Any) -> dict[str, Any]:
    return {
        "vgid": 7, "login": "dom-7", "blocked": 0, "username": "Lovelace", "addons": {"isvyaz_login": "client-7"},
        "address": {"building": "1", "flat": 101}, "services": [{"name": "Intercom", "active": True}], **more,
    }  # fmt: skip


READ = [
    (vgroup(), Account("7", "client-7", "1", "101", ServiceState.ACTIVE, True, last="Lovelace")),
    (vgroup(blocked=3), Account("7", "client-7", "1", "101", ServiceState.BLOCKED, True, last="Lovelace")),
    (vgroup(blocked=10), Account("7", "client-7", "1", "101", ServiceState.OFF, True, last="Lovelace")),
    (vgroup(addons={}), Account("7", "dom-7", "1", "101", ServiceState.ACTIVE, True, last="Lovelace")),
    (vgroup(addons={"isvyaz_login": 48601}), Account("7", "48601", "1", "101", ServiceState.ACTIVE, last="Lovelace")),
    (vgroup(services=[]), Account("7", "client-7", "1", "101", ServiceState.ACTIVE, False, last="Lovelace")),
    (
        vgroup(services=[{"name": "Intercom", "active": False}, {"name": "TV", "active": True}]),
        Account("7", "client-7", "1", "101", ServiceState.ACTIVE, False, last="Lovelace"),
    ),
]


@pytest.mark.parametrize(("row", "found"), READ)
def test_a_vgroup_is_an_account(row: dict[str, Any], found: Account) -> None:
    assert account(row, "Intercom") == found


UNREAD = [
    ({}, "", "vgid"),
    ("text", "", "vgroup"),
    (vgroup(vgid=None), "", "vgid"),
    (vgroup(blocked="no"), "7", "blocked"),
    (vgroup(address={"building": "1"}), "7", "address.flat"),
    (vgroup(addons={"isvyaz_login": ["a"]}), "7", "addons.isvyaz_login"),
    (vgroup(services=[{"name": "Intercom"}]), "7", "services.0.active"),
]


@pytest.mark.parametrize(("row", "identity", "where"), UNREAD)
def test_what_is_wrong_with_a_vgroup_is_said_by_its_id(row: Any, identity: str, where: str) -> None:
    found = account(row, "Intercom")
    assert isinstance(found, Unread)
    assert (found.id, found.reason.split(":")[0]) == (identity, where)


def test_a_bad_vgroup_of_a_page_holds_up_no_other() -> None:
    found = page(json.dumps({"vgroups": [{}, vgroup()], "total": 2}).encode(), "Intercom")
    assert [type(each) for each in found.accounts] == [Unread, Account]
    assert found.whole == 2


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"vgroups": 1}', b"[" * 9999, b"\xff"])
def test_what_is_no_page(body: bytes) -> None:
    with pytest.raises(BadPage):
        page(body, "Intercom")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from([*vgroup(), "building", "name"]), inner),
)


@given(JSON)
def test_nothing_that_json_can_say_breaks_the_reading(value: Any) -> None:
    assert isinstance(account(value, "Intercom"), Account | Unread)
    try:
        assert isinstance(page(json.dumps({"vgroups": value}).encode(), "Intercom"), Page)
    except BadPage:
        assert not isinstance(value, list)
