"""A snapshot of 20,000 residents and 100,000 credentials, a delta, and 100,000 events, over HTTP to a store on disk.

Run it as ``python -m benchmarks.sync_apply [EVENTS]``; it prints rows of a Markdown table. The central store of the
tests runs in a process of its own with its snapshot ready, so that the edge is measured. "In force" is when the
snapshot that decisions use is built; decisions are made meanwhile in the thread of the event loop, as in the daemon.
"""

import asyncio
import gzip
import multiprocessing
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from functools import partial
from multiprocessing.connection import Connection as Pipe
from pathlib import Path
from typing import Any, Final

from benchmarks.decision import attempts, card, community
from edge.admin.site import Site, make_site
from edge.clock import SystemClock
from edge.cloud.apply import Applier
from edge.cloud.enrol import enrol
from edge.cloud.sync import CentralSync, Settings
from edge.cloud.wire import canonical
from edge.core.access import DoorState, decide
from edge.core.tags import Tagger
from edge.store import journal, outbox
from edge.store.snapshot import load_snapshot
from edge.store.writer import Job, Writer
from models.access import UnlockMethod
from models.log import LogEntry, LogKind
from tests.fakes.central import CODE, Asked, FakeCentral, Sent

RESIDENTS: Final = 20_000
CREDENTIALS: Final = 100_000
EVENTS: Final = 100_000
PAUSE_S: Final = 0.002


class Ready(FakeCentral):
    """Has its snapshot packed before it is asked."""

    def prepare(self) -> None:
        self.packed = gzip.compress(canonical(self.answer("snapshot", 0, self.rev, self.live())).encode(), 1)

    async def _sync(self, asked: Asked) -> Sent:
        if asked.query["since"] == "0":
            return Sent(200, self.packed, {"Content-Encoding": "gzip"})
        return await super()._sync(asked)


def furnish(central: FakeCentral) -> None:
    put: list[dict[str, Any]] = []

    def thing(kind: str, identity: str, **body: Any) -> None:
        put.append({"kind": kind, "id": identity, "body": body})

    thing("building", "b-1", name="1")
    for number in range(RESIDENTS // 4):
        thing("apartment", f"a-{number}", building="b-1", number=str(number))
    for number in range(RESIDENTS):
        thing("resident", f"r-{number}", first="Ada", last=str(number), apartment=f"a-{number // 4}")
    for number in range(CREDENTIALS):
        who = number % RESIDENTS
        central_id = f"c-{number}"
        home = {"apartment": f"a-{who // 4}", "resident": f"r-{who}"}
        put.append({"kind": "credential", "id": central_id, "body": {"kind": "rf_card", "value": card(number), **home}})
    central.change(put)


def serve(pipe: Pipe) -> None:
    """The child: says its address; `drop` deletes a credential, an empty word ends it."""

    async def run() -> None:
        async with Ready() as central:
            furnish(central)
            central.prepare()
            pipe.send(central.url)
            while await asyncio.to_thread(pipe.recv):
                pipe.send((central.drop("credential", "c-0"), time.monotonic()))
                await central.tell()
            await central.tell()  # lets go of the question that hangs

    asyncio.run(run())


@asynccontextmanager
async def following(site: Site, writer: Writer, applier: Applier) -> AsyncIterator[None]:
    sync = CentralSync(applier, site.store, writer, SystemClock(), Settings())
    async with asyncio.TaskGroup() as group:
        task = group.create_task(sync.run())
        yield
        task.cancel()


async def deciding(tried: Callable[[], None], work: Coroutine[Any, Any, None]) -> list[float]:
    """Milliseconds of each decision made until *work* is done."""
    took: list[float] = []
    async with asyncio.TaskGroup() as group:
        task = group.create_task(work)
        while not task.done():
            began = time.perf_counter()
            tried()
            took.append((time.perf_counter() - began) * 1_000)
            await asyncio.sleep(PAUSE_S)
    return took


def threads_s() -> float:
    """CPU of every thread but this one, which decides."""
    return time.process_time() - time.thread_time()


async def measure(site: Site, pipe: Pipe, events: int) -> None:
    writer = Writer(site.store)
    writer.start()

    def commit(job: Job[Any]) -> Any:
        return writer.submit(job).result()

    applier = Applier(site.store, site.secrets, commit, SystemClock().now_ms)
    old, shown = community(), iter(attempts(card, UnlockMethod.RF_CARD, 1))
    tagger = Tagger(b"benchmark pepper", old.community.id)

    def one() -> None:
        attempt = next(shown)
        decide(attempt, old, DoorState(), attempt.at_ms, tagger)

    def revision() -> int:
        me = applier.enrolled()
        return 0 if me is None else me.cursor

    def in_force() -> int:
        with site.store.read() as connection:
            return len(load_snapshot(connection).credentials)

    async def at(wanted: int, look_every_s: float) -> None:
        async with asyncio.timeout(120):
            while await asyncio.to_thread(revision) < wanted:  # noqa: ASYNC110 - another thread moves it
                await asyncio.sleep(look_every_s)

    async def whole() -> None:
        await at(1, 0.1)
        await asyncio.to_thread(in_force)

    print("| what | took |\n|---|---|")
    began, used_s = time.perf_counter(), threads_s()
    async with following(site, writer, applier):
        took = await deciding(one, whole())
        print(f"| snapshot fetched, checked, applied, in force | {time.perf_counter() - began:.2f} s |")
        print(f"| the edge's CPU for it, without those decisions | {threads_s() - used_s:.2f} s |")
        p99 = statistics.quantiles(took, n=100)[98]
        print(f"| {len(took)} decisions meanwhile, p50, p99 | {statistics.median(took):.3f} ms, {p99:.3f} ms |")
        pipe.send("drop")
        changed, began = pipe.recv()
        await at(changed, 0.01)
        print(f"| delta applied after its commit at the central store | {time.monotonic() - began:.3f} s |")
    entry = LogEntry(LogKind.ALARM, SystemClock().now_ms(), detail={"type": "bench"})
    jobs = partial(journal.append, entry=entry)
    for _ in range(events // 1_000):
        for waited in [writer.submit(jobs) for _ in range(1_000)]:
            await asyncio.wrap_future(waited)
    began = time.perf_counter()
    async with following(site, writer, applier):
        while await asyncio.to_thread(waiting, site):  # noqa: ASYNC110 - another thread empties it
            await asyncio.sleep(0.05)
    print(f"| {events:,} events uploaded | {time.perf_counter() - began:.1f} s |")
    writer.close()


def waiting(site: Site) -> int:
    with site.store.read() as connection:
        return outbox.depth(connection)


def main(events: int) -> None:
    here, there = multiprocessing.Pipe()
    child = multiprocessing.get_context("spawn").Process(target=serve, args=(there,))
    child.start()
    url = here.recv()
    with tempfile.TemporaryDirectory() as folder:
        make_site(Path(folder) / "site", {"name": "Bench", "time_zone": "Europe/Berlin", "country": "DE"})
        site = Site.open(Path(folder) / "site")
        enrol(site.admin("installer"), CODE, url, "bench")
        asyncio.run(measure(site, here, events))
        site.close()
    here.send("")
    child.join(10)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else EVENTS)
