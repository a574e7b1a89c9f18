"""What must happen now and then: facts to disk, bindings that expire, rows that have had their time."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from edge.store.errors import StoreError

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Chore:
    """Something done every *every_s* seconds. It may raise StoreError: then it is done again the next time."""

    name: str
    every_s: float
    work: Callable[[], Awaitable[object]]


class Housekeeping:
    """A `Component` that does its chores one after the other, each when it is due."""

    name = "housekeeping"

    def __init__(self, chores: Sequence[Chore]) -> None:
        self._chores = chores

    async def start(self) -> None:
        return

    async def run(self) -> None:
        due = {chore.name: time.monotonic() + chore.every_s for chore in self._chores}
        while True:
            await asyncio.sleep(max(0.0, min(due.values()) - time.monotonic()))
            for chore in self._chores:
                if due[chore.name] <= time.monotonic():
                    await self._do(chore)
                    due[chore.name] = time.monotonic() + chore.every_s

    async def stop(self) -> None:
        return

    async def _do(self, chore: Chore) -> None:
        try:
            await chore.work()
        except StoreError as error:
            log.error("%s: %s; it is done again in %g s", chore.name, error, chore.every_s)
