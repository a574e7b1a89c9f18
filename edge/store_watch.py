"""The disk under the store: what happens when it is full, and whether what it gives back is whole."""

import asyncio
import errno
import logging
from collections import Counter
from functools import partial
from typing import Final

from edge.core.ports import Clock
from edge.store import journal, room
from edge.store.engine import Store
from edge.store.errors import StoreError, StoreFull
from edge.store.integrity import WHAT_TO_DO, damage
from edge.store.room import Reserve
from edge.store.writer import Writer
from models.log import LogEntry, LogKind
from models.times import rfc3339

LOOK_EVERY_S: Final = 1.0
CHECK_EVERY_S: Final = 24 * 3600.0
MAX_ROWS_ERASED_AT_ONCE: Final = 1_000
DISK_FULL: Final = "disk_full"

log = logging.getLogger(__name__)


class StoreWatch:
    """A `Component`. Doors go on with a full disk; it makes room in the journal, oldest and least important first."""

    name = "store watch"

    def __init__(self, store: Store, writer: Writer, clock: Clock, *, reserve: Reserve | None = None) -> None:
        self._store = store
        self._writer = writer
        self._clock = clock
        self._reserve = reserve or (None if store.path is None else Reserve(store.path))
        self._full_since_ms: int | None = None
        self._told = False  # the alarm's row is written
        self._erased: Counter[LogKind] = Counter()
        self.damage: str | None = None

    def health(self) -> str:
        """``ok``, or what is wrong with the disk, in words."""
        if self.damage is not None:
            return f"the database is damaged: {self.damage}; {WHAT_TO_DO}"
        if self._full_since_ms is None:
            return "ok"
        gone = ", ".join(f"{count} of {kind.value}" for kind, count in self._erased.items()) or "none yet"
        return f"the disk is full since {rfc3339(self._full_since_ms)}; oldest rows of the log erased: {gone}"

    # --- Component --------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        return

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self._check_now_and_then())
            await self._watch_room()

    async def stop(self) -> None:
        return

    async def _check_now_and_then(self) -> None:
        while True:
            try:
                self.damage = await asyncio.to_thread(damage, self._store)
            except StoreError as error:
                log.error("the database could not be checked: %s", error)
            if self.damage is not None:
                log.error("the database is damaged: %s; %s", self.damage, WHAT_TO_DO)
            await asyncio.sleep(CHECK_EVERY_S)

    # --- a full disk ------------------------------------------------------------------------------------------------

    async def _watch_room(self) -> None:
        if self._reserve is None:
            return
        while True:
            if isinstance(self._writer.stats().last_error, StoreFull):
                await self._make_room(self._reserve)
            else:
                await self._hold(self._reserve)
            await asyncio.sleep(LOOK_EVERY_S)

    async def _make_room(self, reserve: Reserve) -> None:
        if self._full_since_ms is None:
            self._full_since_ms = self._clock.now_ms()
            log.error("the disk is full; the log's oldest rows make room, the least important kind first")
        await asyncio.to_thread(reserve.give_up)
        try:
            gone = await self._writer.write(partial(room.make_room, max_rows=MAX_ROWS_ERASED_AT_ONCE))
            self._erased.update(gone)
            if self._store.path is not None:
                await asyncio.to_thread(room.write_back, self._store.path)
            await self._tell()
        except StoreError as error:
            log.error("no room could be made yet: %s", error)

    async def _tell(self) -> None:
        """One alarm for one full disk. Raises StoreError."""
        if self._told:
            return
        erased = {kind.value: count for kind, count in self._erased.items()}
        now_ms = self._clock.now_ms()
        detail = {"type": DISK_FULL, "since": rfc3339(self._full_since_ms or now_ms), "erased": erased}
        entry = LogEntry(LogKind.ALARM, now_ms, detail=detail)
        await self._writer.write(partial(journal.append, entry=entry))
        self._told = True

    async def _hold(self, reserve: Reserve) -> None:
        """There is room, or again some: hold it. Until it can be held the disk counts as full."""
        try:
            held = await asyncio.to_thread(reserve.hold)
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EROFS):
                log.error("room on the disk could not be reserved: %s", error.strerror)
            return
        if held and self._full_since_ms is not None:
            log.warning("the disk has room again")
            self._full_since_ms, self._told = None, False
            self._erased.clear()
