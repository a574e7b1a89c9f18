"""Facts worth keeping but not worth waiting for: gathered for a moment, the newest of each, then written together."""

import asyncio
import logging
from collections.abc import Callable, Hashable, Sequence
from typing import Final

from sqlalchemy import Connection

from edge.store.errors import StoreError
from edge.store.writer import Writer

Save = Callable[[Connection], object]

MAX_PENDING: Final = 50_000  # facts; older ones of the same key are replaced, so this bounds devices, not traffic
log = logging.getLogger(__name__)


class LazyWriter:
    """Keeps the newest fact for each key until `flush`. Belongs to the event loop's thread; `put` never blocks."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self._pending: dict[Hashable, Save] = {}
        self.dropped = 0

    def put(self, key: Hashable, save: Save) -> None:
        """Have *save* run soon, instead of an older one of the same *key*."""
        if key not in self._pending and len(self._pending) >= MAX_PENDING:
            self.dropped += 1
            return
        self._pending[key] = save

    async def flush(self) -> None:
        """Commit what waits, each fact by itself. Where the store fails they wait on, newer ones winning."""
        batch, self._pending = self._pending, {}
        waiting: dict[Hashable, Save] = {}
        for key, outcome in zip(batch, await self._write(list(batch.values())), strict=True):
            if isinstance(outcome, StoreError):
                waiting[key] = batch[key]
            elif outcome is not None:
                log.error("a fact about %s could not be stored", key, exc_info=outcome)
        if waiting:
            log.error("%d facts wait for the store", len(waiting))
            self._pending = {**waiting, **self._pending}

    async def _write(self, saves: Sequence[Save]) -> list[BaseException | None]:
        """What became of each; the writer commits them together."""
        written = await asyncio.gather(*(self._writer.write(save) for save in saves), return_exceptions=True)
        return [outcome if isinstance(outcome, BaseException) else None for outcome in written]
