"""Commits that somebody waits for, and how long."""

import asyncio
from typing import Final

from edge.doors.late import LateWork
from edge.doors.work import Done, Ledger, Work
from edge.store.errors import StoreError

COMMIT_WITHIN_S: Final = 0.25
"""So long a person waits for the disk; then the door is decided on without it (decision 5)."""


class Commits:
    """The ledger with a time limit. Waiting less never means that the work is given up."""

    def __init__(self, ledger: Ledger, late: LateWork, within_s: float = COMMIT_WITHIN_S) -> None:
        self._ledger = ledger
        self._late = late
        self._within_s = within_s

    def begin(self, work: Work) -> "asyncio.Future[Done]":
        """Hand *work* to the writer. Raises StoreError where it takes no more. Shield what you await."""
        return asyncio.wrap_future(self._ledger.submit(work))

    async def settled(self, begun: "asyncio.Future[Done]") -> bool:
        """Wait for *begun* as long as a person may wait; whether it has come to an end, good or bad."""
        await asyncio.wait((begun,), timeout=self._within_s)
        return begun.done()

    async def in_time(self, work: Work) -> Done | None:
        """Commit *work*; None where the store did not do it in time: it follows as soon as it can."""
        try:
            begun: asyncio.Future[Done] | None = self.begin(work)
            if begun is not None and await self.settled(begun):
                return begun.result()
        except StoreError:
            begun = None
        self._late.follow(work, begun)
        return None

    def follow(self, work: Work) -> None:
        """See that *work*, which failed, is committed as soon as the store can."""
        self._late.follow(work, None)

    async def finished(self, work: Work) -> Done:
        """Commit *work*, however long it takes. Raises StoreError where the store cannot."""
        return await asyncio.shield(self.begin(work))
