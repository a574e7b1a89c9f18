"""From an attempt handed over by the device plane to its answer handed back, with its row committed to disk between.

Run it as ``python -m benchmarks.attempt``; it prints rows of a Markdown table. 100,000 credentials in memory.
"""

import asyncio
import gc
import os
import statistics
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import insert

from benchmarks.decision import COMMUNITY, CREDENTIALS, DOOR, TAGGER, card, community
from edge.core.snapshot import Snapshot
from edge.doors.desk import DoorDesk
from edge.doors.ledger import StoreLedger
from edge.store import tables
from edge.store.engine import open_store
from edge.store.writer import Writer
from models.access import AccessDecision, Attempt, UnlockMethod
from models.device_events import OpenResult
from models.ids import Mac

ATTEMPTS = 1_000
AT_ONCE = 50
KNOWN_CARD = card(3)


class SystemClock:
    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000

    def monotonic(self) -> float:
        return time.monotonic()


@dataclass
class HeldWorld:
    snapshot: Snapshot


@dataclass
class TimingPlane:
    """Notes when each answer came."""

    answered_s: list[float] = field(default_factory=list)

    def online(self, device: Mac) -> bool:
        return True

    async def decision(self, device: Mac, answer: bytes) -> None:
        self.answered_s.append(time.perf_counter())

    async def open(self, device: Mac, decision: AccessDecision, ack_within_s: float = 3.0) -> OpenResult:
        return OpenResult.OPENED

    async def command(
        self, device: Mac, verb: str, fields: Mapping[str, object], ack_within_s: float = 3.0
    ) -> OpenResult:
        return OpenResult.OPENED

    async def publish_event(self, event: Mapping[str, object]) -> None:
        """Nobody listens here."""


def attempt(number: int) -> Attempt:
    return Attempt(f"t{number}", DOOR.mac, UnlockMethod.RF_CARD, KNOWN_CARD, time.time_ns() // 1_000_000)


async def one_by_one(desk: DoorDesk, plane: TimingPlane) -> list[float]:
    took = []
    for number in range(ATTEMPTS):
        began = time.perf_counter()
        await desk.attempt(attempt(number))
        took.append((plane.answered_s[-1] - began) * 1_000)
        await asyncio.sleep(0.001)  # an idle loop
    return took


async def at_once(desk: DoorDesk, plane: TimingPlane) -> list[float]:
    took: list[float] = []
    for start in range(ATTEMPTS, 2 * ATTEMPTS, AT_ONCE):
        plane.answered_s.clear()
        began = time.perf_counter()
        await asyncio.gather(*(desk.attempt(attempt(number)) for number in range(start, start + AT_ONCE)))
        took += [(answered - began) * 1_000 for answered in plane.answered_s]
    return took


def flush_ms(folder: Path) -> float:
    """Median of a bare flush of 4 KiB here: the floor under every commit."""
    took = []
    with (folder / "flush").open("wb") as file:
        for _ in range(200):
            file.write(bytes(4096))
            file.flush()
            began = time.perf_counter()
            os.fdatasync(file.fileno())
            took.append((time.perf_counter() - began) * 1_000)
    return statistics.median(took)


async def measure(folder: Path) -> None:
    store = open_store(f"sqlite:///{folder / 'edge.db'}")
    with store.write() as connection:
        row = {"id": COMMUNITY.id, "name": COMMUNITY.name, "time_zone": COMMUNITY.time_zone}
        connection.execute(insert(tables.community).values(**row))
    writer = Writer(store)
    writer.start()
    plane = TimingPlane()
    desk = DoorDesk(HeldWorld(community()), SystemClock(), plane, StoreLedger(store, writer, COMMUNITY.id), TAGGER)
    gc.collect()
    gc.freeze()  # as the daemon does with what it loads at the start
    await desk.start()
    async with asyncio.TaskGroup() as group:
        running = group.create_task(desk.run())
        print(f"{CREDENTIALS:,} credentials; a bare flush takes {flush_ms(folder):.2f} ms here")
        print("\n| attempt -> answer, row committed | p50 ms | p99 ms | max ms |\n|---|---|---|---|")
        for name, took in (
            ("one by one", await one_by_one(desk, plane)),
            (f"{AT_ONCE} at once", await at_once(desk, plane)),
        ):
            p99 = statistics.quantiles(took, n=100)[98]
            print(f"| {name} | {statistics.median(took):.2f} | {p99:.2f} | {max(took):.2f} |")
        running.cancel()
    writer.close()
    store.close()


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(measure(Path(folder)))


if __name__ == "__main__":
    main()
