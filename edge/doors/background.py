"""Work that nobody waits for, within bounds."""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any, Final

MAX_TASKS: Final = 1_000
MAX_UNSENT_NOTICES: Final = 1_000  # beyond it the oldest is dropped: integrators are told what happens now

Tell = Callable[[Mapping[str, object]], Awaitable[None]]
"""Tells of what happened. Never raises: whoever can't be reached is not told."""

log = logging.getLogger(__name__)


class Background:
    """Short tasks, at most `MAX_TASKS` at once. One that fails is logged and ends nothing else."""

    def __init__(self) -> None:
        self._group: asyncio.TaskGroup | None = None
        self._running = 0

    def spawn(self, name: str, work: Coroutine[Any, Any, object]) -> bool:
        """Begin *work*, which a log calls *name*. False: not begun, too much is under way or the daemon stops."""
        if self._group is None or self._running >= MAX_TASKS:
            log.error("%s was not begun: %d tasks are under way", name, self._running)
            work.close()
            return False
        self._running += 1
        self._group.create_task(self._guarded(name, work))
        return True

    async def run(self) -> None:
        """Carry tasks until cancelled; those under way are cancelled with it."""
        async with asyncio.TaskGroup() as group:
            self._group = group
            try:
                await asyncio.Event().wait()
            finally:
                self._group = None

    async def _guarded(self, name: str, work: Coroutine[Any, Any, object]) -> None:
        try:
            await work
        except Exception:  # an entry point: one opening that fails must not lock the whole house
            log.exception("%s failed", name)
        finally:
            self._running -= 1


class Notices:
    """Events for integrators, sent in order, apart from what people wait for."""

    def __init__(self, publish: Tell) -> None:
        self._publish = publish
        self._unsent: deque[Mapping[str, object]] = deque(maxlen=MAX_UNSENT_NOTICES)
        self._wake = asyncio.Event()

    def add(self, notice: Mapping[str, object]) -> None:
        self._unsent.append(notice)
        self._wake.set()

    async def run(self) -> None:
        """Send until cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._unsent:
                await self._publish(self._unsent.popleft())
