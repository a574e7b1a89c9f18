"""The store's part in the daemon's life: the writer starts first and stops last."""

import asyncio

from edge.store.lazy import LazyWriter
from edge.store.writer import Writer


class StoreService:
    """A `Component`. When `stop` returns, everything that was queued is on disk or has failed loudly."""

    name = "store"

    def __init__(self, writer: Writer, later: LazyWriter) -> None:
        self._writer = writer
        self._later = later

    async def start(self) -> None:
        self._writer.start()

    async def run(self) -> None:
        await asyncio.Event().wait()

    async def stop(self) -> None:
        await self._later.flush()
        await asyncio.to_thread(self._writer.close)
