"""Hands what waits in the outbox over to the central store, a batch at a time, each event once."""

import asyncio
import logging
from functools import partial
from typing import Final

from edge.cloud import upward
from edge.cloud.client import CentralClient, Unreachable
from edge.core.ports import Clock
from edge.store import journal, outbox
from edge.store.engine import Store
from edge.store.writer import Writer
from models.log import LogEntry, LogKind

LOOK_FOR_EVENTS_S: Final = 1.0
WENT_BACK: Final = "sync_went_back"

log = logging.getLogger(__name__)


class Uploading:
    def __init__(self, store: Store, writer: Writer, clock: Clock) -> None:
        self._store = store
        self._writer = writer
        self._clock = clock

    async def once(self, client: CentralClient) -> None:
        """Hand over the next events, or look whether there are some in a second.

        Raises Unreachable, Denied and StoreError; what was not confirmed is handed over again.
        """
        batch = await asyncio.to_thread(self._waiting)
        if batch is None:
            await asyncio.sleep(LOOK_FOR_EVENTS_S)
            return
        upto = await client.events(batch.db_id, batch.events)
        if upto < batch.first - 1:
            log.warning("the central store has lost events after %d: they are sent again", upto)
            await self._writer.write(partial(upward.refill, batch=batch, upto=max(upto, 0)))
        elif upto < batch.first:
            raise Unreachable(f"the central store has not stored event {batch.first}")
        elif upto > await asyncio.to_thread(self._newest):
            await self._number_anew(upto)
        else:
            await self._writer.write(partial(upward.confirmed, batch=batch, upto=upto))

    async def _number_anew(self, upto: int) -> None:
        """This store is older than what the central store has of it, or another box sends under our name: under a new
        identity nothing of ours is taken for what is there already. Raises Unreachable.
        """
        await self._writer.write(outbox.begin_anew)
        detail = {"type": WENT_BACK, "upto": upto}
        entry = LogEntry(LogKind.ALARM, self._clock.now_ms(), detail=detail)
        await self._writer.write(partial(journal.append, entry=entry))
        raise Unreachable(f"the central store has events up to {upto}, which this store never had: numbered anew")

    def _waiting(self) -> upward.Batch | None:
        with self._store.read() as connection:
            return upward.waiting(connection)

    def _newest(self) -> int:
        with self._store.read() as connection:
            return outbox.newest(connection)
