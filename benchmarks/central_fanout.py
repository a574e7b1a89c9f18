"""A central store with 1,000 edges that hold a question open: how soon a change to one, and to all, is there.

Run it as ``python -m benchmarks.central_fanout [EDGES] [postgresql://… | sqlite]``; it prints rows of a Markdown table.
Without a database it starts a PostgreSQL server, if one is installed. The central store is a process of its own
(`edge central serve`); the edges are questions with real tokens from this one, by as little code as will do: both
use the same processors. Ten communities share them, so "all" is ten changes. It needs a limit of open files above the
number of edges.
"""

import asyncio
import contextlib
import glob
import gzip
import json
import os
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from edge.central import communities, edges
from edge.central.changes import Central
from edge.central.opening import make, opened
from edge.cloud import tokens
from edge.cloud.wire import public_text
from edge.demo.site import COMMAND
from edge.phone.lines import clean_environment
from tests.peers import postgres
from tests.peers.programs import POSTGRES_BIN

EDGES: Final = 1_000
COMMUNITIES: Final = 10
ONES: Final = 20
WAIT_S: Final = 50
CONNECT_AT_ONCE: Final = 50
ADDRESS: Final = "127.77.9.1"  # of the PostgreSQL server


@dataclass(slots=True)
class Asker:
    """An edge that only asks."""

    id: str
    community: str
    key: Ed25519PrivateKey = field(repr=False)
    rev: int = 0
    epoch: str = ""
    at_s: float = 0.0  # when it knew its revision

    async def follow(self, host: str, port: int, first: asyncio.Semaphore) -> None:
        reader, writer = await asyncio.open_connection(host, port)
        try:
            async with first:
                await self._ask(reader, writer, 0)
            while True:
                await self._ask(reader, writer, WAIT_S)
        finally:
            writer.close()

    async def _ask(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, wait_s: int) -> None:
        token = tokens.issue(self.key, issuer=self.id, audience="central", now_s=time.time())
        path = f"/v1/edge/{self.id}/sync?since={self.rev}&epoch={self.epoch}&wait={wait_s}"
        writer.write(f"GET {path} HTTP/1.1\r\nHost: central\r\nAuthorization: Bearer {token}\r\n\r\n".encode())
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        status = head.split(" ", 2)[1]
        if status == "304":
            return
        body = await reader.readexactly(int(head.split("content-length: ")[1].split("\r\n")[0]))
        if status != "200":
            raise RuntimeError(f"{status} {body!r}")
        told = json.loads(gzip.decompress(body))
        self.rev, self.epoch, self.at_s = told["to"], told["epoch"], time.monotonic()


def furnish(central: Central, count: int) -> list[Asker]:
    """Communities and their edges, enrolled."""
    sites = [communities.add(central, "bench", {"name": f"S{n}", "time_zone": "UTC"})[0] for n in range(COMMUNITIES)]
    made = []
    for number in range(count):
        site = sites[number % COMMUNITIES]
        identity, code = edges.add(central, "bench", site, f"e{number}")
        key = Ed25519PrivateKey.generate()
        edges.enrol(central, code, public_text(key.public_key()), "bench")
        made.append(Asker(identity, site, key))
    return made


def change(central: Central, site: str, name: str) -> int:
    with central.change(site, "bench") as change_:
        change_.put("building", f"b-{name}", {"name": name})
        return change_.rev


def change_one(central: Central, asker: Asker) -> int:
    """A change in sight of one edge alone: everything is entered for it anew."""
    edges.rescope(central, "bench", asker.id, [])
    with central.store.read() as connection:
        (rev,) = [row["rev"] for row in communities.listed(connection) if row["id"] == asker.community]
    return int(rev)


async def until_at(askers: list[Asker], revs: dict[str, int]) -> None:
    async with asyncio.timeout(60):
        while any(asker.rev < revs[asker.community] for asker in askers):  # noqa: ASYNC110  # many tasks make it true
            await asyncio.sleep(0.005)


@dataclass(frozen=True, slots=True)
class Found:
    """Seconds, and megabytes of the central store's process."""

    one_s: float  # until a change to one edge is there, at worst
    all_s: float
    central_cpu_s: float  # of that change, until all ask again
    edges_cpu_s: float
    memory_mb: float


async def measure(central: Central, address: str, askers: list[Asker], pid: int, ones: int) -> Found:
    host, port = address.rsplit(":", 1)
    first = asyncio.Semaphore(CONNECT_AT_ONCE)
    following = [asyncio.ensure_future(asker.follow(host, int(port), first)) for asker in askers]
    try:
        await until_at(askers, {asker.community: 1 for asker in askers})
        await until_idle(pid)  # every question is open again
        took = await to_each(central, askers[:ones])
        await until_idle(pid)
        before_s, mine_s = cpu_s(pid), time.process_time()
        began = time.monotonic()
        sites = sorted({asker.community for asker in askers})
        revs = {site: await asyncio.to_thread(change, central, site, "all") for site in sites}
        await until_at(askers, revs)
        took_s = max(asker.at_s for asker in askers) - began
        await until_idle(pid)
        used_s, mine_s = cpu_s(pid) - before_s, time.process_time() - mine_s
    finally:
        for each in following:
            each.cancel()
        await asyncio.gather(*following, return_exceptions=True)
    return Found(max(took), took_s, used_s, mine_s, rss_mb(pid))


async def to_each(central: Central, askers: list[Asker]) -> list[float]:
    took: list[float] = []
    for asker in askers:
        began = time.monotonic()
        rev = await asyncio.to_thread(change_one, central, asker)
        await until_at([asker], {asker.community: rev})
        took.append(asker.at_s - began)
    return took


async def until_idle(pid: int) -> None:
    """Until the central store has next to nothing to do."""
    async with asyncio.timeout(60):
        used_s = -1.0
        while cpu_s(pid) - used_s > 0.05:
            used_s = cpu_s(pid)
            await asyncio.sleep(0.5)


def cpu_s(pid: int) -> float:
    """Processor time of a process, in it and for it."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def rss_mb(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6


@contextlib.contextmanager
def database(named: str | None) -> Iterator[str | None]:
    """The URL of what is named; None: SQLite in the central store's folder."""
    if named == "sqlite" or (named is None and not glob.glob(POSTGRES_BIN)):
        yield None
    elif named is None:
        with postgres.server(ADDRESS) as server, postgres.database(server) as made:
            yield made
    else:
        yield named


async def run(count: int, url: str | None, ones: int = ONES) -> Found:
    """Measure a new central store with *count* edges; *ones* of them see a change of their own."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "central"
        make(folder, port=0, **({"database": url} if url else {}))
        with opened(folder) as here:
            askers = await asyncio.to_thread(furnish, here.central, count)
            server = await asyncio.create_subprocess_exec(
                COMMAND, "--site", str(folder), "central", "serve", stdout=asyncio.subprocess.PIPE,
                env=clean_environment(),
            )  # fmt: skip
            try:
                assert server.stdout is not None
                address = (await server.stdout.readline()).decode().split()[-1]
                return await measure(here.central, address, askers, server.pid, ones)
            finally:
                server.terminate()
                await server.communicate()


def main(count: int, named: str | None) -> None:
    with database(named) as url:
        found = asyncio.run(run(count, url))
    print(f"| change to one of {count:,} edges, the worst of {ONES} | {found.one_s:.2f} s |")
    print(f"| change to all {count:,} edges | {found.all_s:.2f} s |")
    cpu = f"{found.central_cpu_s:.2f} s, {found.edges_cpu_s:.2f} s"
    print(f"| CPU of it until all ask again: central store, edges | {cpu} |")
    print(f"| memory of the central store | {found.memory_mb:.0f} MB |")


if __name__ == "__main__":
    given = sys.argv[1:]
    main(int(given[0]) if given else EDGES, given[1] if len(given) > 1 else None)
