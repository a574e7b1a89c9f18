"""Facts worth keeping but not worth waiting for: gathered for a moment, the newest of each, then written together."""

import asyncio
import logging
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection

from edge.store.errors import StoreError
from edge.store.writer import Writer

Save = Callable[[Connection], object]
SaveAll = Callable[[Connection, Sequence[Any]], object]

MAX_PENDING: Final = 50_000  # facts; older ones of the same key are replaced, so this bounds devices, not traffic
TOGETHER_MAX: Final = 200  # facts of a kind in one job: a card's row behind it waits some milliseconds, no more
log = logging.getLogger(__name__)


class _Fact(NamedTuple):
    """*save_all* stores *value* together with others of its kind; None: *value* is a `Save` and goes alone."""

    value: Any
    save_all: SaveAll | None


class LazyWriter:
    """Keeps the newest fact for each key until `flush`. Belongs to the event loop's thread; putting never blocks."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self._pending: dict[Hashable, _Fact] = {}
        self.dropped = 0

    def put(self, key: Hashable, save: Save) -> None:
        """Have *save* run soon, instead of an older fact of the same *key*."""
        self._put(key, _Fact(save, None))

    def put_row(self, key: Hashable, value: object, save_all: SaveAll) -> None:
        """Have *value* stored soon by *save_all*, which is given many values at once."""
        self._put(key, _Fact(value, save_all))

    def _put(self, key: Hashable, fact: _Fact) -> None:
        if key not in self._pending and len(self._pending) >= MAX_PENDING:
            self.dropped += 1
            return
        self._pending[key] = fact

    async def flush(self) -> None:
        """Commit what waits. Where the store fails facts wait on, newer ones winning."""
        batch, self._pending = self._pending, {}
        jobs = list(_jobs(batch))
        written = await asyncio.gather(*(self._writer.write(save) for _, save in jobs), return_exceptions=True)
        waiting: dict[Hashable, _Fact] = {}
        for (keys, _), outcome in zip(jobs, written, strict=True):
            if isinstance(outcome, StoreError):
                waiting.update((key, batch[key]) for key in keys)
            elif isinstance(outcome, BaseException):
                log.error("facts could not be stored: %s", ", ".join(map(str, keys[:3])), exc_info=outcome)
        if waiting:
            log.error("%d facts wait for the store", len(waiting))
            self._pending = {**waiting, **self._pending}


def _jobs(facts: Mapping[Hashable, _Fact]) -> Iterator[tuple[Sequence[Hashable], Save]]:
    """What the writer is given, and whose facts each job is."""
    kinds: dict[SaveAll, list[Hashable]] = {}
    for key, fact in facts.items():
        if fact.save_all is None:
            yield [key], fact.value
        else:
            kinds.setdefault(fact.save_all, []).append(key)
    for save_all, keys in kinds.items():
        for start in range(0, len(keys), TOGETHER_MAX):
            chunk = keys[start : start + TOGETHER_MAX]
            yield chunk, partial(_together, save_all, [facts[key].value for key in chunk])


def _together(save_all: SaveAll, values: Sequence[Any], connection: Connection) -> None:
    save_all(connection, values)
