import pytest
from sqlalchemy import func, select

from edge.store import changes, tables
from edge.store.changes import RevisionWatch, load_changes, note_change, note_changes
from edge.store.engine import Store
from edge.store.errors import StoreEmpty
from models.ids import CommunityId
from tests.unit.edge.store.sample import CARD, COMMUNITY, GATE


def test_a_new_store_has_revision_0_and_no_community(empty: Store) -> None:
    with empty.read() as connection:
        assert changes.current_revision(connection) == 0
        with pytest.raises(StoreEmpty, match="edge init"):
            changes.the_community(connection)


def test_each_note_moves_the_revision_by_one(store: Store) -> None:
    with store.write() as connection:
        assert note_change(connection, "credential", CARD) == 2
        assert note_changes(connection, [("device", GATE), ("device", GATE), ("credential", CARD)]) == 3
        assert changes.current_revision(connection) == 3
        assert changes.the_community(connection) == COMMUNITY


def test_an_undone_change_was_never_noted(store: Store) -> None:
    def fail() -> None:
        with store.write() as connection:
            note_change(connection, "credential", CARD)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    with store.read() as connection:
        assert load_changes(connection, 1).things == frozenset()


def test_a_reader_learns_what_changed_since_its_revision(store: Store) -> None:
    with store.write() as connection:
        note_change(connection, "credential", "k-1")
        note_change(connection, "credential", "k-2")
        note_change(connection, "device", GATE)
    with store.read() as connection:
        since_2, since_3 = load_changes(connection, 2), load_changes(connection, 3)
    assert since_2.things == {("credential", "k-2"), ("device", GATE)}
    assert (since_2.revision, since_2.complete, since_2.small) == (4, True, False)
    assert since_3.things == {("device", GATE)}


def test_only_credentials(store: Store) -> None:
    with store.write() as connection:
        note_changes(connection, [("credential", "k-1"), ("credential", "k-2")])
    with store.read() as connection:
        assert load_changes(connection, 1).small


@pytest.mark.parametrize(("since", "complete"), [(0, False), (2, False), (3, True), (5, True), (6, False)])
def test_who_is_too_far_behind_or_ahead_reads_everything(store: Store, since: int, complete: bool) -> None:
    with store.write() as connection:
        for number in range(4):
            note_change(connection, "credential", f"k-{number}")
        assert changes.prune_changes(connection, keep=2) == 3
    with store.read() as connection:
        assert load_changes(connection, since).complete is complete


def test_pruning_counts_by_community(store: Store) -> None:
    with store.write() as connection:
        connection.execute(tables.community.insert().values(id="c-zoo", name="Zoo", time_zone="UTC"))
        note_change(connection, "credential", "k-1", community_id=CommunityId("c-zoo"))
        for _ in range(5):
            note_change(connection, "credential", "k-1", community_id=COMMUNITY)
        changes.prune_changes(connection, keep=3)
        left = select(tables.change.c.community_id, func.count()).group_by(tables.change.c.community_id)
        assert dict(connection.execute(left).all()) == {COMMUNITY: 3, "c-zoo": 1}  # type: ignore[arg-type]


def test_the_watch_sees_what_others_commit_and_only_changes(store: Store) -> None:
    watch = RevisionWatch(store)
    assert watch.poll() == watch.poll() == 1
    with store.write() as connection:
        note_change(connection, "credential", CARD)
        assert watch.poll() == 1
    assert watch.poll() == 2
    with store.write() as connection:
        connection.execute(tables.caller_whitelist.delete())
    assert watch.poll() == 2
    watch.close()


def test_the_watch_of_an_empty_store_sees_the_community_come(empty: Store) -> None:
    watch = RevisionWatch(empty)
    assert watch.poll() == 0
    with empty.write() as connection:
        connection.execute(tables.community.insert().values(id=COMMUNITY, name="Park", time_zone="UTC"))
        note_change(connection, "community", COMMUNITY)
    assert watch.poll() == 1
    watch.close()
