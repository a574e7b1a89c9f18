"""The daemon's relations with its box: one instance a site, the service manager, the loop's health."""

import asyncio
import contextlib
import ctypes
import fcntl
import gc
import os
import socket
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path

GC_YOUNG_OBJECTS = 10_000  # objects made since the last collection of the young ones; Python's own figure is 700
GC_MIDDLE, GC_OLD = 5, 2
"""So many collections of the younger before one of the next older objects, too. What a call leaves behind refers to
itself in circles and is old before the call ends: with 20 and 50 all was looked at once in 35,000 calls, 27 KB each."""
_LAG_SAMPLES = 1200  # one minute at 20 a second


class Ending:
    """Whether the daemon is to end, and whether it begins anew then: as another site, put in place in between."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.for_good = False
        self.restore: Path | None = None  # a folder that `edge.admin.restoring.prepare` made

    def stop(self) -> None:
        self.for_good = True
        self.asked.set()

    def begin_anew_from(self, prepared: Path) -> None:
        self.restore = prepared
        self.asked.set()

    def again(self) -> None:
        """Forget what was done; who asked meanwhile for the end gets it."""
        self.restore = None
        if not self.for_good:
            self.asked.clear()


class AlreadyRunning(Exception):
    """Another daemon serves this site."""


@contextlib.contextmanager
def only_daemon(run_dir: Path) -> Iterator[None]:
    """Hold the site's lock while the block runs; raises AlreadyRunning naming the other's process id."""
    run_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    run_dir.chmod(0o700)
    with (run_dir / "daemon.lock").open("a+", encoding="ascii") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise AlreadyRunning(lock.read().strip() or "unknown") from None
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        yield


def settle_memory() -> None:
    """Call once what stays is loaded. The collector need not walk the snapshot again and again, nor start for each
    handful of registrations: what they leave behind lives as long as they do."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(GC_YOUNG_OBJECTS, GC_MIDDLE, GC_OLD)
    # What loading took beside it, 20 MB of 100,000 credentials, goes back to the system; glibc alone keeps it.
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def sd_notify(message: str) -> None:
    """Tell the service manager, if there is one (sd_notify(3)). Never fails: a missing manager is no reason to stop."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    if address.startswith("@"):
        address = "\0" + address[1:]
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as out:
        out.connect(address)
        out.send(message.encode())


class LoopWatch:
    """A `Component` that measures how late the loop runs, and feeds the service manager's watchdog while it is well."""

    name = "loop watch"
    period_s = 0.05
    well_below_s = 1.0
    feed_every_s = 10.0

    def __init__(self) -> None:
        self._late_s: deque[float] = deque(maxlen=_LAG_SAMPLES)

    async def start(self) -> None:
        self._late_s.clear()

    async def run(self) -> None:
        fed = time.monotonic()
        while True:
            before = time.monotonic()
            await asyncio.sleep(self.period_s)
            now = time.monotonic()
            late_s = max(0.0, now - before - self.period_s)
            self._late_s.append(late_s)
            if now - fed >= self.feed_every_s and late_s < self.well_below_s:
                sd_notify("WATCHDOG=1")
                fed = now

    async def stop(self) -> None:
        return

    def late_s(self, quantile: float) -> float:
        """Seconds that the loop ran late, over the last minute; 0 before the first sample."""
        ordered = sorted(self._late_s)
        return ordered[min(len(ordered) - 1, int(len(ordered) * quantile))] if ordered else 0.0
