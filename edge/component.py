"""The daemon is a list of components; this is what one is and how the list runs."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Sequence
from typing import Final, Protocol

SLOW_STOP_S: Final = 1.0
log = logging.getLogger(__name__)


class Component(Protocol):
    """A part of the daemon with a life of its own."""

    name: str

    async def start(self) -> None:
        """Return once it can serve: socket bound, broker reached."""
        ...

    async def run(self) -> None:
        """Work until cancelled; an exception here ends the daemon."""
        ...

    async def stop(self) -> None:
        """Idempotent, also after a failed start."""
        ...


async def serve(components: Sequence[Component], stopping: asyncio.Event, ready: asyncio.Event | None = None) -> None:
    """Start in order, run until *stopping* or the first failure, stop in reverse order.

    *ready* is set when every component has started.
    """
    async with contextlib.AsyncExitStack() as stack:
        for component in components:
            stack.push_async_callback(_stop, component)
            await component.start()
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(component.run(), name=component.name) for component in components]
            if ready is not None:
                ready.set()
            await stopping.wait()
            for task in tasks:
                task.cancel()


async def _stop(component: Component) -> None:
    began = time.monotonic()
    await component.stop()
    took_s = time.monotonic() - began
    if took_s > SLOW_STOP_S:
        log.warning("%s took %.1f s to stop", component.name, took_s)
