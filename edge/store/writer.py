"""The one writer of the daemon: a thread that commits what is queued together.

A durable commit costs a disk flush (tens of milliseconds on an SD card); fifty rows in one commit cost little more
than one row, so the writer takes everything that waits while the last flush was under way.
"""

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from edge.store.engine import Store
from edge.store.errors import StoreClosed, StoreError, StoreFull, StoreOverloaded, store_error
from edge.store.prepared import command

T = TypeVar("T")
Job = Callable[[Connection], T]

MAX_QUEUED_JOBS: Final = 10_000
MAX_JOBS_A_COMMIT: Final = 500  # bounds how long the first of them waits for the last

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class WriterStats:
    """The writer's health, as of now."""

    queued: int  # jobs that wait, the ones being committed not counted
    oldest_wait_s: float  # how long the oldest of them has waited; 0 where none does
    commits: int
    jobs: int  # committed
    failed: int
    last_commit_s: float  # from BEGIN to the end of COMMIT
    slowest_commit_s: float
    last_error: StoreError | None  # None again after the next commit that succeeds


@dataclass(slots=True)
class _Queued:
    job: Job[Any]
    future: "Future[Any]"
    since: float  # monotonic seconds


class _JobFailed(Exception):
    """A job that was alone in its commit failed by itself, not by the store's doing."""

    def __init__(self, why: Exception) -> None:
        super().__init__(str(why))
        self.why = why


class Writer:
    """Runs jobs on its own connection, in the order they were submitted, several in one commit.

    A job is a function of a connection. It must do nothing but reads and writes on it, and be quick. A job that
    raises is undone by itself; the others in its commit are kept. Where the store fails, everything in that commit
    fails with the StoreError and the writer goes on with the next; where it is full, each job is tried by itself
    before it fails, so a job may be run twice, never committed twice.
    """

    def __init__(self, store: Store, *, max_queued: int = MAX_QUEUED_JOBS, max_batch: int = MAX_JOBS_A_COMMIT) -> None:
        self._store = store
        self._max_queued = max_queued
        self._max_batch = max_batch
        self._queue: deque[_Queued] = deque()
        self._wake = threading.Condition()
        self._closing = False
        self._commits = self._jobs = self._failed = 0
        self._last_commit_s = self._slowest_commit_s = 0.0
        self._last_error: StoreError | None = None
        self._thread = threading.Thread(target=self._run, name="store-writer", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """Commit what is queued and stop. Blocks until then; idempotent. Later jobs get StoreClosed."""
        with self._wake:
            self._closing = True
            self._wake.notify()
        if self._thread.ident is not None:
            self._thread.join()
        while self._queue:  # only of a writer that was never started
            self._queue.popleft().future.set_exception(StoreClosed("the writer was never started"))

    def submit(self, job: Job[T]) -> "Future[T]":
        """Queue *job*; never blocks. The future is resolved after the commit is on disk.

        Raises StoreOverloaded where the queue is full and StoreClosed after `close`. A future that is cancelled
        before its turn is not run.
        """
        future: Future[T] = Future()
        with self._wake:
            if self._closing:
                raise StoreClosed("the writer is closed")
            if len(self._queue) >= self._max_queued:
                raise StoreOverloaded(f"{self._max_queued} writes wait already")
            self._queue.append(_Queued(job, future, time.monotonic()))
            self._wake.notify()
        return future

    async def write(self, job: Job[T]) -> T:
        """`submit` for coroutines. Cancelling the wait does not cancel the write, so a time-out loses no log row."""
        return await asyncio.shield(asyncio.wrap_future(self.submit(job)))

    def stats(self) -> WriterStats:
        with self._wake:
            oldest = self._queue[0].since if self._queue else None
            return WriterStats(
                queued=len(self._queue),
                oldest_wait_s=0.0 if oldest is None else time.monotonic() - oldest,
                commits=self._commits,
                jobs=self._jobs,
                failed=self._failed,
                last_commit_s=self._last_commit_s,
                slowest_commit_s=self._slowest_commit_s,
                last_error=self._last_error,
            )

    def _run(self) -> None:
        while batch := self._next_batch():
            self._commit(batch)

    def _next_batch(self) -> list[_Queued]:
        """What waits, in order; empty when closing and nothing is left."""
        while True:
            with self._wake:
                while not self._queue and not self._closing:
                    self._wake.wait()
                if not self._queue:
                    return []
                taken = [self._queue.popleft() for _ in range(min(len(self._queue), self._max_batch))]
            batch = [queued for queued in taken if queued.future.set_running_or_notify_cancel()]
            if batch:
                return batch

    def _commit(self, batch: Sequence[_Queued]) -> None:
        began = time.monotonic()
        try:
            with self._store.write() as connection:
                outcomes = _attempts(connection, batch)
        except Exception as error:  # noqa: BLE001  # not swallowed: everybody who waits gets it
            if isinstance(error, _JobFailed):
                outcomes = [(None, error.why)]
            elif isinstance(error, StoreFull) and len(batch) > 1:
                for queued in batch:  # what still fits must not go down with what does not
                    self._commit([queued])
                return
            else:
                self._failed_commit(batch, error)
                return
        self._count(outcomes, time.monotonic() - began)
        for queued, (result, failure) in zip(batch, outcomes, strict=True):
            if failure is None:
                queued.future.set_result(result)
            else:
                queued.future.set_exception(failure)

    def _count(self, outcomes: Sequence[tuple[Any, Exception | None]], took_s: float) -> None:
        failed = sum(failure is not None for _, failure in outcomes)
        with self._wake:
            recovered = self._last_error is not None
            self._commits += 1
            self._jobs += len(outcomes) - failed
            self._failed += failed
            self._last_commit_s = took_s
            self._slowest_commit_s = max(self._slowest_commit_s, took_s)
            self._last_error = None
        if recovered:
            _log.warning("the store commits again")

    def _failed_commit(self, batch: Sequence[_Queued], error: Exception) -> None:
        known = isinstance(error, StoreError)
        with self._wake:
            first = self._last_error is None
            self._failed += len(batch)
            self._last_error = error if isinstance(error, StoreError) else StoreError(str(error))
        if first:  # once when it goes away, once when it is back
            _log.error("the store does not commit: %s", error, exc_info=None if known else error)
        for queued in batch:
            queued.future.set_exception(error)


def _attempts(connection: Connection, batch: Sequence[_Queued]) -> list[tuple[Any, Exception | None]]:
    """Run the jobs of *batch*; one alone has the transaction for its savepoint, and raises."""
    if len(batch) == 1:
        return [(_alone(connection, batch[0].job), None)]
    return [_attempt(connection, queued.job) for queued in batch]


def _alone(connection: Connection, job: Job[T]) -> T:
    try:
        return job(connection)
    except Exception as error:
        if isinstance(error, DBAPIError) and store_error(error) is not None:
            raise
        raise _JobFailed(error) from error


def _attempt(connection: Connection, job: Job[T]) -> tuple[T | None, Exception | None]:
    """Run *job* in a savepoint of its own. A failure of the store itself is raised: it takes the whole transaction."""
    command(connection, "SAVEPOINT job")
    try:
        result = job(connection)
    except Exception as error:  # noqa: BLE001  # handed to whoever submitted the job
        failure = store_error(error) if isinstance(error, DBAPIError) else None
        if failure is not None:
            raise failure from error
        command(connection, "ROLLBACK TO SAVEPOINT job")
        command(connection, "RELEASE SAVEPOINT job")
        return None, error
    command(connection, "RELEASE SAVEPOINT job")
    return result, None
