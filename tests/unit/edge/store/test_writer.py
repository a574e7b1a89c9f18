import asyncio
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Future

import pytest
from sqlalchemy import Connection, insert, text
from sqlalchemy.exc import IntegrityError

from edge.store import journal, tables
from edge.store.engine import Store
from edge.store.errors import StoreClosed, StoreEmpty, StoreOverloaded
from edge.store.writer import Writer
from tests.unit.edge.store.sample import COMMUNITY, entry


def a_row(connection: Connection) -> int:
    return journal.append(connection, entry())


def a_clash(connection: Connection) -> None:
    connection.execute(insert(tables.building).values(id="b-1", community_id=COMMUNITY, name="twice"))


class Gate:
    """A job that holds the writer until it is let go, so that a test decides what waits together."""

    def __init__(self, writer: Writer, first: Callable[[Connection], object] | None = None) -> None:
        """*first*: what it does before it waits."""
        self._first = first
        self._entered = threading.Event()
        self._open = threading.Event()
        self.future: Future[None] = writer.submit(self._job)
        assert self._entered.wait(10)

    def _job(self, connection: Connection) -> None:
        if self._first is not None:
            self._first(connection)
        self._entered.set()
        assert self._open.wait(10)

    def let_go(self) -> None:
        self._open.set()


@pytest.fixture
def writer(store: Store) -> Iterator[Writer]:
    writer = Writer(store)
    writer.start()
    yield writer
    writer.close()


def test_a_resolved_future_is_committed(store: Store, writer: Writer) -> None:
    assert writer.submit(a_row).result(10) == 1
    with store.read() as connection:
        assert journal.last_seq(connection) == 1


def test_what_waits_is_committed_together_and_in_order(writer: Writer) -> None:
    gate = Gate(writer)
    before = writer.stats().commits
    futures = [writer.submit(a_row) for _ in range(100)]
    assert writer.stats().queued == 100
    gate.let_go()
    assert [future.result(10) for future in futures] == list(range(1, 101))
    stats = writer.stats()
    assert stats.commits - before == 2  # the gate's own, and one for all hundred
    assert (stats.jobs, stats.failed, stats.queued) == (101, 0, 0)
    assert stats.slowest_commit_s >= stats.last_commit_s > 0


def test_a_commit_takes_no_more_than_its_bound(store: Store) -> None:
    writer = Writer(store, max_batch=10)
    writer.start()
    gate = Gate(writer)
    futures = [writer.submit(a_row) for _ in range(25)]
    gate.let_go()
    writer.close()
    assert [future.result(0) for future in futures] == list(range(1, 26))
    assert writer.stats().commits == 4


def test_a_job_that_fails_hurts_nobody_else_in_its_commit(store: Store, writer: Writer) -> None:
    def half_done(connection: Connection) -> None:
        a_row(connection)
        raise ZeroDivisionError

    gate = Gate(writer)
    first, bad, worse, last = (writer.submit(job) for job in (a_row, half_done, a_clash, a_row))
    gate.let_go()
    assert first.result(10) == 1
    with pytest.raises(ZeroDivisionError):
        bad.result(10)
    with pytest.raises(IntegrityError):
        worse.result(10)
    assert last.result(10) == 2
    assert writer.stats().failed == 2
    assert writer.stats().last_error is None
    with store.read() as connection:
        assert journal.verify(connection).rows == 2


def test_a_job_that_fails_alone_leaves_nothing_and_is_no_fault_of_the_store(store: Store, writer: Writer) -> None:
    def half_done(connection: Connection) -> None:
        a_row(connection)
        raise StoreEmpty("nothing here")

    for job, failure in ((half_done, StoreEmpty), (a_clash, IntegrityError)):
        with pytest.raises(failure):
            writer.submit(job).result(10)
    assert (writer.stats().failed, writer.stats().last_error) == (2, None)
    assert writer.submit(a_row).result(10) == 1
    with store.read() as connection:
        assert journal.verify(connection).sound


def test_a_full_queue_refuses_at_once(store: Store) -> None:
    writer = Writer(store, max_queued=2)
    writer.start()
    gate = Gate(writer)
    taken = [writer.submit(a_row) for _ in range(2)]
    with pytest.raises(StoreOverloaded):
        writer.submit(a_row)
    gate.let_go()
    writer.close()
    assert [future.result(0) for future in taken] == [1, 2]


def test_closing_commits_what_waits_and_takes_no_more(store: Store, writer: Writer) -> None:
    gate = Gate(writer)
    futures = [writer.submit(a_row) for _ in range(5)]
    gate.let_go()
    writer.close()
    writer.close()
    assert [future.result(0) for future in futures] == [1, 2, 3, 4, 5]
    with pytest.raises(StoreClosed):
        writer.submit(a_row)


def test_a_writer_that_never_ran_fails_what_was_queued(store: Store) -> None:
    writer = Writer(store)
    future = writer.submit(a_row)
    writer.close()
    with pytest.raises(StoreClosed):
        future.result(0)


def test_a_job_cancelled_before_its_turn_is_not_run(writer: Writer) -> None:
    gate = Gate(writer)
    dropped, kept = writer.submit(a_row), writer.submit(a_row)
    assert dropped.cancel()
    gate.let_go()
    assert kept.result(10) == 1
    with pytest.raises(CancelledError):
        dropped.result(10)


async def test_a_coroutine_waits_for_the_commit(writer: Writer) -> None:
    assert await writer.write(a_row) == 1


async def test_giving_up_the_wait_does_not_give_up_the_write(store: Store, writer: Writer) -> None:
    gate = Gate(writer)
    waiting = asyncio.ensure_future(writer.write(a_row))
    await asyncio.sleep(0)  # lets it submit
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    gate.let_go()
    writer.close()
    with store.read() as connection:
        assert journal.last_seq(connection) == 1


def test_the_oldest_wait_is_told(writer: Writer) -> None:
    gate = Gate(writer)
    assert writer.stats().oldest_wait_s == 0
    future = writer.submit(a_row)
    assert writer.stats().oldest_wait_s > 0
    gate.let_go()
    future.result(10)


def test_jobs_see_what_earlier_jobs_of_the_same_commit_wrote(writer: Writer) -> None:
    gate = Gate(writer)
    writer.submit(a_row)
    seen = writer.submit(lambda connection: connection.execute(text("SELECT count(*) FROM journal")).scalar_one())
    gate.let_go()
    assert seen.result(10) == 1
