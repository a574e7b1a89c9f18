"""A change is committed whole, with what it changed and who did it, or not at all."""

import dataclasses

import pytest
from sqlalchemy import insert, select

from edge.admin import apartments, buildings, macs
from edge.admin.edit import CENTRAL, Edit, Refused, given
from edge.core.checks import RuleBroken
from edge.store import journal
from edge.store.changes import current_revision, load_changes
from edge.store.journal import LogFilter
from edge.store.tables import building, enrolment, sync_item
from models.log import LogKind


def test_one_revision_one_audit_row(edit, read):
    with read() as scope:
        before = current_revision(scope.connection)
    with edit() as change:
        identity = buildings.add(change, "1")
    with read() as scope:
        seen = load_changes(scope.connection, before)
        rows = list(journal.rows(scope.connection, LogFilter(kind=LogKind.AUDIT)))
    assert (seen.revision, seen.things) == (before + 1, {("building", identity)})
    assert rows[-1]["detail"] == {"action": "building.add", "by": "installer", "building": "1"}


def add_twice(change: Edit) -> None:
    buildings.add(change, "1")
    buildings.add(change, "1")


def test_nothing_of_a_failed_change_stays(edit, read):
    with read() as scope:
        revision, seq = current_revision(scope.connection), journal.last_seq(scope.connection)
    with pytest.raises(RuleBroken), edit() as change:
        add_twice(change)
    with read() as scope:
        assert scope.connection.execute(select(building)).all() == []
        assert (current_revision(scope.connection), journal.last_seq(scope.connection)) == (revision, seq)


def test_the_audit_row_has_the_names_of_what_was_removed(edit, read):
    with edit() as change:
        buildings.add(change, "1")
        apartments.add(change, "1/101")
    with edit() as change:
        apartments.remove(change, "1/101")
    with read() as scope:
        row = list(journal.rows(scope.connection))[-1]
    assert (row["detail"]["action"], row["apartment"]) == ("apartment.remove", "1/101")


def own_by_central(change: Edit, kind: str, identity: str) -> None:
    owner = change.community_id
    change.connection.execute(
        insert(enrolment).values(
            community_id=owner, central_url="https://central.example", edge_id="e", private_key=b"k",
            central_public_key=b"p", enrolled_at_ms=0,
        )
    )  # fmt: skip
    change.connection.execute(insert(sync_item).values(community_id=owner, kind=kind, id=identity, rev=1))


def test_what_the_central_store_owns_only_it_changes(site, edit):
    with edit() as change:
        own_by_central(change, "building", buildings.add(change, "1"))
        buildings.add(change, "2")
    with pytest.raises(Refused, match=r"https://central\.example"), edit() as change:
        buildings.rename(change, "1", "one")
    with edit() as change:
        buildings.rename(change, "2", "two")
    with site.admin(CENTRAL).edit() as change:
        buildings.rename(change, "1", "one")


def test_a_community_is_locked_on_a_server_only(edit):
    with edit() as change:
        assert dataclasses.is_dataclass(change.community)
        assert macs.library(change) == frozenset()


def test_options_not_typed_change_nothing():
    assert given({"a": None, "b": "", "c": False, "d": 0}) == {"b": "", "c": False, "d": 0}
