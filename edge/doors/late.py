"""Rows that the store could not commit in time: kept, tried again, told of (decision 5).

A full disk or a dying card must not lock people out. What was decided meanwhile is here, in memory, until the store
takes it; a crash would lose it, so an alarm says so from the first row on.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import count, islice
from typing import Final

from edge.core.ports import Clock
from edge.doors.work import Done, Ledger, Work
from edge.store.errors import StoreError

MAX_LATE: Final = 10_000
MAX_TRIES_AT_ONCE: Final = 100
RETRY_EVERY_S: Final = 1.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class StoreTrouble:
    """The store does not keep up. *since_ms*: Unix milliseconds."""

    since_ms: int
    late: int  # commits that had to wait
    waiting: int  # of these, not yet committed: a crash now would lose them
    lost: int  # of these, given up because more than `MAX_LATE` waited


@dataclass(slots=True)
class _Late:
    work: Work
    waiting: "asyncio.Future[Done] | None"  # with the writer; None = to be handed to it again


class LateWork:
    """Work that is committed after its answer was given, the oldest first."""

    def __init__(
        self,
        ledger: Ledger,
        clock: Clock,
        *,
        began: Callable[[], None],
        ended: Callable[[StoreTrouble], Work],
        max_late: int = MAX_LATE,
        retry_every_s: float = RETRY_EVERY_S,
    ) -> None:
        """*began* is told once when trouble begins; *ended* makes the work that tells of it when all is committed."""
        self._ledger = ledger
        self._clock = clock
        self._began = began
        self._ended = ended
        self._max_late = max_late
        self._retry_every_s = retry_every_s
        self._numbers = count()
        self._queue: dict[int, _Late] = {}  # by number, the oldest first
        self._since_ms: int | None = None
        self._late = self._lost = 0
        self._wake = asyncio.Event()

    @property
    def trouble(self) -> StoreTrouble | None:
        """None while every row is committed in time."""
        if self._since_ms is None:
            return None
        return StoreTrouble(self._since_ms, self._late, len(self._queue), self._lost)

    def follow(self, work: Work, waiting: "asyncio.Future[Done] | None") -> None:
        """See that *work* is committed. *waiting*: the writer has it still; None: it failed or was not taken."""
        self._late += 1
        self._keep(_Late(work, waiting))
        while len(self._queue) > self._max_late:
            del self._queue[next(iter(self._queue))]
            self._lost += 1
        if self._since_ms is None:
            self._since_ms = self._clock.now_ms()
            _log.error("the store does not commit in time; doors are decided on, and their rows follow from memory")
            self._began()

    async def run(self) -> None:
        """Try again until cancelled."""
        while True:
            await self._wake.wait()
            while self._queue:
                if not await self._settle(dict(islice(self._queue.items(), MAX_TRIES_AT_ONCE))):
                    await asyncio.sleep(self._retry_every_s)
            self._wake.clear()
            self._end_trouble()

    def hand_over(self) -> int:
        """The daemon stops: give the writer what it does not have yet; how much it did not take, and is lost."""
        return sum(not self._hand_over(late) for late in self._queue.values() if late.waiting is None)

    def _keep(self, late: _Late) -> None:
        self._queue[next(self._numbers)] = late
        self._wake.set()

    async def _settle(self, oldest: Mapping[int, _Late]) -> bool:
        """Whether the store took all of *oldest*. A success leaves the queue, a failure is handed over again."""
        for late in oldest.values():
            if late.waiting is None and not self._hand_over(late):
                return False
        under_way = [late.waiting for late in oldest.values() if late.waiting is not None]
        await asyncio.wait(under_way, timeout=self._retry_every_s)
        all_taken = True
        for number, late in oldest.items():
            if late.waiting is not None and late.waiting.done() and late.waiting.exception() is None:
                self._queue.pop(number, None)  # it may have been given up meanwhile
                continue
            all_taken = False
            if late.waiting is not None and late.waiting.done():
                late.waiting = None
        return all_taken

    def _hand_over(self, late: _Late) -> bool:
        try:
            late.waiting = asyncio.wrap_future(self._ledger.submit(late.work))
        except StoreError:
            return False
        return True

    def _end_trouble(self) -> None:
        trouble = self.trouble
        if trouble is None:
            return
        self._since_ms, self._late, self._lost = None, 0, 0
        _log.warning("the store commits again: %d rows came late, %d were lost", trouble.late, trouble.lost)
        self._keep(_Late(self._ended(trouble), None))
