"""What has had its time is erased, by kind, a little at a time (domain section 13)."""

import asyncio
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from sqlalchemy import Connection

from edge.admin.apartments import erase_dormant
from edge.admin.edit import Admin
from edge.config import RetentionSettings
from edge.core.ports import Clock
from edge.store import bindings, calls, changes, journal
from edge.store.writer import Writer
from models.log import LogKind

HOUR_MS: Final = 3_600_000
DAY_MS: Final = 24 * HOUR_MS
PAUSE_S: Final = 0.05  # between two bites, for whoever waits at a door meanwhile

Erase = Callable[[Connection], int]

log = logging.getLogger(__name__)


class Retention:
    """Erases what is older than *settings* allow."""

    def __init__(self, settings: RetentionSettings, writer: Writer, clock: Clock) -> None:
        self.settings = settings  # may be replaced
        self._writer = writer
        self._clock = clock

    async def erase(self) -> int:
        """Erase all that is due; how many rows went."""
        gone = 0
        for bite in self._bites(self._clock.now_ms()):
            while erased := await self._writer.write(bite):
                gone += erased
                await asyncio.sleep(PAUSE_S)
        return gone

    def _bites(self, now_ms: int) -> Iterator[Erase]:
        """Jobs that each erase a bounded number of rows, and 0 when nothing is left."""
        kept = self.settings
        days_of = {
            LogKind.ACCESS: kept.access_days,
            LogKind.DEVICE: kept.access_days,
            LogKind.ALARM: kept.access_days,
            LogKind.RING: kept.calls_days,
            LogKind.CALL: kept.calls_days,
            LogKind.AUDIT: kept.audit_days,
        }
        for kind, days in days_of.items():
            yield _of_kind(kind, now_ms - days * DAY_MS)
        yield lambda connection: calls.erase_before(connection, now_ms - kept.calls_days * DAY_MS)
        yield lambda connection: bindings.forget_expired(connection, now_ms)
        yield changes.prune_changes


def _of_kind(kind: LogKind, before_ms: int) -> Erase:
    return lambda connection: journal.erase_before(connection, kind, before_ms)


class LongKept:
    """What is no row of the journal: credentials that sleep while a service is off, pictures of visitors."""

    def __init__(self, settings: RetentionSettings, admin: Admin, pictures: Path, clock: Clock) -> None:
        """*pictures*: their folder; it need not be there."""
        self.settings = settings  # may be replaced
        self._admin = admin
        self._pictures = pictures
        self._clock = clock

    async def erase(self) -> int:
        """Erase all that is due; how many things went. Raises StoreError."""
        before_ms = self._clock.now_ms() - self.settings.pictures_h * HOUR_MS
        pictures = await asyncio.to_thread(_erase_pictures, self._pictures, before_ms)
        return pictures + await asyncio.to_thread(self._erase_dormant)

    def _erase_dormant(self) -> int:
        """Decision 14: off keeps credentials dormant, then deletes them."""
        with self._admin.edit() as edit:
            return erase_dormant(edit, self.settings.dormant_days)


def _erase_pictures(folder: Path, before_ms: int) -> int:
    """Remove files that were written before *before_ms*; one that can't be removed is told of, and stays."""
    gone = 0
    for picture in folder.rglob("*") if folder.is_dir() else ():
        try:
            if picture.is_file() and picture.stat().st_mtime * 1000 < before_ms:
                picture.unlink()
                gone += 1
        except OSError as error:
            log.error("the picture %s is not erased: %s", picture.name, error.strerror)
    return gone
