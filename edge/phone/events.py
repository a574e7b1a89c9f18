"""What an outside program reported, in order, and waiting for a report without polling."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Final, Generic, TypeVar

MAX_KEPT_EVENTS: Final = 10_000

Event = TypeVar("Event")


class NotSeen(Exception):
    """An awaited event did not come in time; the message has the last ones that did."""


class EventLog(Generic[Event]):
    """The last MAX_KEPT_EVENTS events of one source. Used from one event loop."""

    def __init__(self, source: str) -> None:
        self.source = source
        self._events: deque[Event] = deque(maxlen=MAX_KEPT_EVENTS)
        self._count = 0
        self._ended: str | None = None
        self._waiting: list[tuple[str, Callable[[Event], bool], asyncio.Future[Event]]] = []

    def __iter__(self) -> Iterator[Event]:
        return iter(tuple(self._events))

    def mark(self) -> int:
        """A place in the log: pass it as *since* to look only at what comes after it."""
        return self._count

    def add(self, event: Event) -> None:
        """Note *event* and wake those who wait for it."""
        self._events.append(event)
        self._count += 1
        for _, matches, found in self._waiting:
            if not found.done() and matches(event):
                found.set_result(event)

    def end(self, why: str) -> None:
        """Nothing more will come: whoever waits, now or later, gets NotSeen at once."""
        self._ended = why
        for what, _, found in self._waiting:
            if not found.done():
                found.set_exception(NotSeen(self._complaint(what, why)))

    async def wait(self, what: str, matches: Callable[[Event], bool], timeout_s: float = 6.0, since: int = 0) -> Event:
        """The first event after *since* that *matches*, already seen or still to come. Raises NotSeen."""
        for event in self._after(since):
            if matches(event):
                return event
        if self._ended is not None:
            raise NotSeen(self._complaint(what, self._ended))
        found: asyncio.Future[Event] = asyncio.get_running_loop().create_future()
        waiting = (what, matches, found)
        self._waiting.append(waiting)
        try:
            async with asyncio.timeout(timeout_s):
                return await found
        except TimeoutError:
            raise NotSeen(self._complaint(what, f"{timeout_s:g} s passed")) from None
        finally:
            self._waiting.remove(waiting)

    def _after(self, since: int) -> Iterator[Event]:
        first_kept = self._count - len(self._events)
        return islice(tuple(self._events), max(0, since - first_kept), None)

    def _complaint(self, what: str, why: str) -> str:
        last = [str(event)[:300] for event in islice(reversed(self._events), 8)]
        return f"{self.source}: no {what} ({why}); last seen: {' | '.join(reversed(last)) or 'nothing'}"
