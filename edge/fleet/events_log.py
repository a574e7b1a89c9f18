"""Reading a panel's own log: on from the last row that was taken, whole, however many there are."""

import logging
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final
from zoneinfo import ZoneInfo

from edge.core.ports import Clock, World
from edge.fleet.events_inbox import Inbox
from edge.fleet.events_merge import LOG
from edge.fleet.push_http import Away, ShutOut
from edge.fleet.push_panels import Panel, Panels
from models.ids import DeviceId
from provisioning.api import LogBook, Sighting

MAX_PAGES: Final = 1_000
LIVE_WITHIN_S: Final = 60.0
"""What is new in a log that was read so long ago happens now, whatever the device's clock says."""

log = logging.getLogger(__name__)


class LogReader:
    """For devices whose log is asked for in pages."""

    def __init__(self, world: World, clock: Clock, panels: Panels, inbox: Inbox) -> None:
        self._world, self._clock, self._panels, self._inbox = world, clock, panels, inbox
        self._read_s: dict[DeviceId, float] = {}  # monotonic seconds

    async def read(self, panel: Panel) -> bool:
        """Take over what is new in the log of *panel*, the oldest first; whether it could be read. StoreError."""
        book = panel.api.log
        reach = self._panels.reach(panel.device)
        if not isinstance(book, LogBook) or reach is None:
            return True
        try:
            rows = await self._new_rows(panel, book, reach.log_number)
        except (Away, ShutOut, ValueError) as error:  # a Refusal too
            log.warning("the log of panel %s can't be read: %s", panel.mac, error)
            return False
        now_s = self._clock.monotonic()
        live = now_s - self._read_s.get(panel.device, float("-inf")) < LIVE_WITHIN_S
        self._read_s[panel.device] = now_s
        if reach.log_number is None:  # what happened before it was ours is not our business
            newest = max((row.number or 0 for row in rows), default=0)
            await self._panels.log_taken(panel, newest)
            return True
        for row in rows:
            await self._take(panel, row, live=live)
        return True

    async def _new_rows(self, panel: Panel, book: LogBook, after: int | None) -> list[Sighting]:
        """Ascending. A device that counts from the beginning again (it was reset) is read from its beginning."""
        found: dict[int, Sighting] = {}
        for page in range(1, MAX_PAGES + 1):
            rows = [row for row in book.read(await panel.wire.send(book.page(page))) if row.number is not None]
            if page == 1 and after is not None and rows and max(row.number or 0 for row in rows) < after:
                after = 0
            new = {row.number: row for row in rows if row.number is not None and row.number > (after or 0)}
            fresh = new.keys() - found.keys()
            found |= new
            if not fresh or after is None or len(new) < len(rows):
                break
        return [found[number] for number in sorted(found)]

    async def _take(self, panel: Panel, row: Sighting, *, live: bool) -> None:
        """Hand on one row, then note that it is ours: after a kill in between it comes again, by the same id."""
        await self._inbox.report(panel.mac, replace(row, at_ms=self._at_ms(row)), LOG, live=live)
        await self._panels.log_taken(panel, row.number)

    def _at_ms(self, row: Sighting) -> int | None:
        """The device's wall clock is the community's."""
        if row.at_ms is None:
            return None
        wall = datetime.fromtimestamp(row.at_ms / 1000, UTC).replace(tzinfo=None)
        local = wall.replace(tzinfo=ZoneInfo(self._world.snapshot.community.time_zone))
        return round(local.timestamp() * 1000)
