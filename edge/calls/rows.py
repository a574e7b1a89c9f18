"""Rows of calls on their way to the store: the newest state of each, saved again until it is there.

A call never waits for the disk. What changes twice before the store has taken it is saved once; what the store could
not take is kept and tried again, within a bound.
"""

import asyncio
import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from edge.calls.store import CallStore
from edge.store.errors import StoreError
from models.call import CallRecord
from models.ids import CallId
from models.log import LogEntry

MAX_UNSAVED_CALLS: Final = 1000  # beyond it the oldest is given up, and said so
RETRY_S: Final = 1.0

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Unsaved:
    record: CallRecord
    entries: list[LogEntry] = field(default_factory=list)


class CallRows:
    """Belongs to the event loop. `changed` returns at once; `run` saves."""

    def __init__(self, store: CallStore) -> None:
        self._store = store
        self._unsaved: dict[CallId, _Unsaved] = {}
        self._wake = asyncio.Event()
        self._failing = False
        self.lost = 0  # rows given up, since the start

    @property
    def unsaved(self) -> int:
        return len(self._unsaved)

    def changed(self, record: CallRecord, entries: Iterable[LogEntry] = ()) -> None:
        waiting = self._unsaved.setdefault(record.id, _Unsaved(record))
        waiting.record = record
        waiting.entries.extend(entries)
        if len(self._unsaved) > MAX_UNSAVED_CALLS:
            oldest = next(iter(self._unsaved))
            self._give_up(self._unsaved.pop(oldest), "too many calls wait for the store")
        self._wake.set()

    async def run(self) -> None:
        while True:
            await self._wake.wait()
            await asyncio.sleep(0)  # what has come in meanwhile goes first: a visitor waits for the 180 of a phone
            self._wake.clear()
            if not await self.save_now():
                await asyncio.sleep(RETRY_S)
                self._wake.set()

    async def save_now(self) -> bool:
        """Save what waits; False if some of it could not be saved and waits on."""
        batch = list(self._unsaved.values())
        self._unsaved.clear()
        outcomes = await asyncio.gather(
            *(self._store.save(waiting.record, tuple(waiting.entries)) for waiting in batch), return_exceptions=True
        )
        failed: list[tuple[_Unsaved, StoreError]] = []
        for waiting, outcome in zip(batch, outcomes, strict=True):
            if isinstance(outcome, StoreError):
                failed.append((waiting, outcome))
            elif isinstance(outcome, Exception):
                self._give_up(waiting, "the store refuses it", outcome)
            elif isinstance(outcome, BaseException):
                raise outcome
        self._put_back([waiting for waiting, _ in failed])
        self._report(failed[0][1] if failed else None)
        return not failed

    def _put_back(self, failed: Sequence[_Unsaved]) -> None:
        """What failed waits on, in front of what has come since; a newer state of the same call replaces its row."""
        newer, self._unsaved = self._unsaved, {waiting.record.id: waiting for waiting in failed}
        for call, waiting in newer.items():
            older = self._unsaved.setdefault(call, _Unsaved(waiting.record))
            older.record = waiting.record
            older.entries.extend(waiting.entries)

    def _give_up(self, waiting: _Unsaved, why: str, error: Exception | None = None) -> None:
        self.lost += 1
        _log.error("the row of call %s is lost: %s", waiting.record.id, why, exc_info=error)

    def _report(self, error: StoreError | None) -> None:
        """Once when the store goes away, once when it is back."""
        if error is not None and not self._failing:
            _log.error("calls are not stored, they are tried again: %s", error)
        elif error is None and self._failing:
            _log.warning("calls are stored again")
        self._failing = error is not None
