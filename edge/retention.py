"""What has had its time is erased, by kind, a little at a time (domain section 13)."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Final

from sqlalchemy import Connection

from edge.config import RetentionSettings
from edge.core.ports import Clock
from edge.store import bindings, calls, changes, journal
from edge.store.writer import Writer
from models.log import LogKind

DAY_MS: Final = 24 * 3_600_000
PAUSE_S: Final = 0.05  # between two bites, for whoever waits at a door meanwhile

Erase = Callable[[Connection], int]


class Retention:
    """Erases what is older than *settings* allow."""

    def __init__(self, settings: RetentionSettings, writer: Writer, clock: Clock) -> None:
        self._settings = settings
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
        kept = self._settings
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
