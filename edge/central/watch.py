"""Wakes the questions that wait when something changed, whoever changed it: this process, another one, a command."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Final, TypeVar

from edge.central import edges
from edge.central.changes import Central
from edge.store.engine import MAX_READERS
from edge.store.errors import StoreError

LOOK_EVERY_S: Final = 0.5

log = logging.getLogger(__name__)
T = TypeVar("T")


class Threads:
    """Runs what may take long beside the event loop, never more at once than the store has connections."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(MAX_READERS, "central")

    async def run(self, job: Callable[..., T], /, *args: Any, **named: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._pool, partial(job, *args, **named))

    def close(self) -> None:
        self._pool.shutdown()


class Watch:
    """A `Component`. Looks at the counters twice a second, and at once when `changed` is called."""

    name = "central watch"

    def __init__(self, central: Central, threads: Threads) -> None:
        self._central = central
        self._threads = threads
        self._known: dict[str, int] = {}
        self._waiting: dict[str, set[asyncio.Event]] = {}
        self._look = asyncio.Event()
        self._ending = False
        self.on_news: Callable[[set[str]], None] = lambda _: None
        """Told which edges have something to fetch, of those that ask nothing now."""

    @property
    def waiting(self) -> int:
        """Edges whose question waits."""
        return len(self._waiting)

    def changed(self) -> None:
        """This process has changed something."""
        self._look.set()

    async def until_news(self, edge: str, wait_s: float, ask: Callable[[], Awaitable[T | None]]) -> T | None:
        """What *ask* gives as soon as it gives something; None after *wait_s*. Nothing is missed in between."""
        loop = asyncio.get_running_loop()
        end = loop.time() + wait_s
        woken = asyncio.Event()
        self._waiting.setdefault(edge, set()).add(woken)
        try:
            while True:
                woken.clear()
                found = await ask()
                if found is not None or self._ending or loop.time() >= end:
                    return found
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(woken.wait(), end - loop.time())
                if self._is_over():
                    return None
        finally:
            others = self._waiting.get(edge, set())
            others.discard(woken)
            if not others:
                self._waiting.pop(edge, None)

    def _is_over(self) -> bool:
        """It may have ended while somebody waited: asked anew each time."""
        return self._ending

    async def start(self) -> None:
        self._known, _ = await self._threads.run(self._news)

    async def run(self) -> None:
        try:
            await self._follow()
        finally:
            self._ending = True  # whoever waits is answered that nothing is new, and asks the next process
            for woken in {each for some in self._waiting.values() for each in some}:
                woken.set()

    async def _follow(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._look.wait(), LOOK_EVERY_S)
            self._look.clear()
            try:
                moved, edges_ = await self._threads.run(self._news)
            except StoreError as error:
                log.warning("the central store's database does not answer: %s", error)
                continue
            self._known.update(moved)
            for edge in edges_ & self._waiting.keys():
                for woken in self._waiting[edge]:
                    woken.set()
            self.on_news(edges_ - self._waiting.keys())

    async def stop(self) -> None:
        return

    def _news(self) -> tuple[dict[str, int], set[str]]:
        with self._central.store.read() as connection:
            return edges.news(connection, self._known)
