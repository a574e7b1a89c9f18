"""The store's promises on PostgreSQL: the tests of SQLite's store that know no file, run again on a server.

A test collected here under another name is the very function of `tests/unit/edge/store`; only its store is another.
"""

import itertools
import threading
from collections.abc import Iterator
from types import ModuleType

import psycopg
import pytest
from sqlalchemy import text

from edge.store import journal
from edge.store.changes import current_revision, load_changes, note_change
from edge.store.engine import Store, open_store
from edge.store.errors import StoreUnavailable
from edge.store.writer import Writer
from models.tables.base import metadata
from tests.peers import postgres
from tests.unit.edge.store import (
    sample,
    test_access,
    test_accounts,
    test_attempts,
    test_bindings,
    test_calls,
    test_changes,
    test_devices,
    test_journal,
    test_lockouts,
    test_rules,
    test_snapshot,
    test_writer,
)
from tests.unit.edge.store.test_writer import writer  # noqa: F401  # a fixture of the tests taken over

pytestmark = pytest.mark.peer("postgresql")


@pytest.fixture(scope="module")
def opened(postgresql_server: str) -> Iterator[tuple[Store, str]]:
    """One store for all, with its URL: making a database for each test takes longer than the tests."""
    with postgres.database(postgresql_server) as url:
        store = open_store(url)
        yield store, url
        store.close()


@pytest.fixture
def url(opened: tuple[Store, str]) -> str:
    return opened[1]


@pytest.fixture
def empty(opened: tuple[Store, str]) -> Store:
    """A store with the schema and nothing else."""
    store, _ = opened
    with store.write() as connection:
        connection.execute(text("SET LOCAL session_replication_role = replica"))  # in any order
        for table in metadata.tables.values():
            if table.name != "store_state":
                connection.execute(table.delete())
        fresh = {"journal_seq": 0, "journal_hash": bytes(32), "journal_erased": 0, "outbox_seq": 0}
        connection.execute(metadata.tables["store_state"].update().values(**fresh))
    return store


@pytest.fixture
def store(empty: Store) -> Store:
    sample.fill(empty)
    return empty


def _take_over(module: ModuleType) -> None:
    subject = module.__name__.rsplit("_", 1)[1]
    for name, thing in vars(module).items():
        if name.startswith("test_"):
            globals()[f"test_{subject}_{name.removeprefix('test_')}"] = thing


for _module in (
    test_access, test_accounts, test_attempts, test_bindings, test_calls, test_changes, test_devices, test_journal,
    test_lockouts, test_rules, test_snapshot, test_writer,
):  # fmt: skip
    _take_over(_module)


def test_two_writers_share_one_seq_without_a_gap(store: Store, url: str) -> None:
    stores = [open_store(url) for _ in range(2)]
    writers = [Writer(each, max_batch=7) for each in stores]
    for each in writers:
        each.start()
    futures = [[each.submit(test_writer.a_row) for _ in range(100)] for each in writers]
    told = [[future.result(30) for future in each] for each in futures]
    for each, its_store in zip(writers, stores, strict=True):
        each.close()
        its_store.close()
    assert sorted(itertools.chain(*told)) == list(range(1, 201))
    assert all(seqs == sorted(seqs) for seqs in told)
    with store.read() as connection:
        assert journal.verify(connection).sound


def test_no_revision_is_seen_before_an_earlier_one(store: Store) -> None:
    """A sequence would let the later transaction commit first, and its reader would miss the earlier for ever."""
    first_wrote, let_first_commit = threading.Event(), threading.Event()

    def first() -> None:
        with store.write() as connection:
            note_change(connection, "credential", "k-first")
            first_wrote.set()
            assert let_first_commit.wait(10)

    def second() -> None:
        with store.write() as connection:
            note_change(connection, "credential", "k-second")

    threads = [threading.Thread(target=first), threading.Thread(target=second)]
    threads[0].start()
    assert first_wrote.wait(10)
    threads[1].start()
    with store.read() as connection:
        assert current_revision(connection) == 1
    let_first_commit.set()
    for thread in threads:
        thread.join(10)
    with store.read() as connection:
        changes = load_changes(connection, 1)
    assert (changes.revision, changes.complete) == (3, True)
    assert changes.things == {("credential", "k-first"), ("credential", "k-second")}


def test_a_reader_cannot_write(store: Store) -> None:
    with pytest.raises(Exception, match="read-only"), store.read() as connection:
        connection.execute(text("DELETE FROM caller_whitelist"))


def test_committed_means_on_disk_whatever_the_server_says(store: Store) -> None:
    with store.write() as connection:
        assert connection.execute(text("SHOW synchronous_commit")).scalar_one() == "on"


def test_a_lost_server_connection_fails_what_is_in_it_and_the_writer_goes_on(
    store: Store, postgresql_server: str
) -> None:
    writing = Writer(store)
    writing.start()
    assert writing.submit(test_writer.a_row).result(10) == 1
    gate = test_writer.Gate(writing, test_writer.a_row)
    next_one = writing.submit(test_writer.a_row)
    with psycopg.connect(f"{postgresql_server}/postgres", autocommit=True) as admin:
        admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (store.url.database,)
        )
    gate.let_go()
    with pytest.raises(StoreUnavailable):
        gate.future.result(10)
    assert (
        next_one.result(10) == 2
    )  # the row of the one that was lost is not there; this one had not begun: a new connection takes it
    writing.close()
    with store.read() as connection:
        assert journal.verify(connection).rows == 2


def test_a_server_that_is_not_there_is_told(address: str) -> None:
    with pytest.raises(StoreUnavailable):
        open_store(f"postgresql://edge@{address}:5432/edge")
