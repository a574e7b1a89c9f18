"""A central store with 1,000 edges that hold a question open: how soon a change to one, and to all, is there.

Run it as ``python -m benchmarks.central_fanout [EDGES] [postgresql://…]``; it prints rows of a Markdown table. The
central store is a process of its own (`edge central serve`); the edges are questions with real tokens from this one.
Ten communities share them, so "all" is ten changes. It needs a limit of open files above the number of edges.
"""

import asyncio
import resource
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import httpx
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from edge.central import communities, edges
from edge.central.changes import Central
from edge.central.opening import make, opened
from edge.cloud import tokens
from edge.cloud.wire import public_text
from edge.demo.site import COMMAND
from edge.phone.lines import clean_environment

EDGES: Final = 1_000
COMMUNITIES: Final = 10
ONES: Final = 20
WAIT_S: Final = 50
CONNECT_AT_ONCE: Final = 50


@dataclass(slots=True)
class Asker:
    """An edge that only asks."""

    id: str
    community: str
    key: Ed25519PrivateKey = field(repr=False)
    rev: int = 0
    epoch: str = ""
    at_s: float = 0.0  # when it knew its revision

    async def follow(self, http: httpx.AsyncClient, first: asyncio.Semaphore) -> None:
        async with first:
            await self._ask(http, 0)
        while True:
            await self._ask(http, WAIT_S)

    async def _ask(self, http: httpx.AsyncClient, wait_s: int) -> None:
        token = tokens.issue(self.key, issuer=self.id, audience="central", now_s=time.time())
        answer = await http.get(
            f"/v1/edge/{self.id}/sync", params={"since": self.rev, "epoch": self.epoch, "wait": wait_s},
            headers={"Authorization": f"Bearer {token}"},
        )  # fmt: skip
        if answer.status_code == httpx.codes.OK:
            told = answer.json()
            self.rev, self.epoch, self.at_s = told["to"], told["epoch"], time.monotonic()
        elif answer.status_code != httpx.codes.NOT_MODIFIED:
            raise RuntimeError(f"{answer.status_code} {answer.text}")


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


async def measure(central: Central, url: str, askers: list[Asker], pid: int) -> None:
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
    ones: list[float] = []
    async with httpx.AsyncClient(base_url=url, timeout=120, limits=limits, trust_env=False) as http:
        first = asyncio.Semaphore(CONNECT_AT_ONCE)
        following = [asyncio.ensure_future(asker.follow(http, first)) for asker in askers]
        await until_at(askers, {asker.community: 1 for asker in askers})
        await asyncio.sleep(2.0)  # every question is open again
        for number in range(ONES):
            asker = askers[number]
            began = time.monotonic()
            rev = await asyncio.to_thread(change_one, central, asker)
            await until_at([asker], {asker.community: rev})
            ones.append(asker.at_s - began)
        began = time.monotonic()
        sites = sorted({asker.community for asker in askers})
        revs = {site: await asyncio.to_thread(change, central, site, "all") for site in sites}
        await until_at(askers, revs)
        took_s = max(asker.at_s for asker in askers) - began
        for each in following:
            each.cancel()
        await asyncio.gather(*following, return_exceptions=True)
    memory_mb = rss_mb(pid)
    print(f"| change to one of {len(askers):,} edges, the worst of {ONES} | {max(ones):.2f} s |")
    print(f"| change to all {len(askers):,} edges | {took_s:.2f} s |")
    print(f"| memory of the central store | {memory_mb:.0f} MB |")


def rss_mb(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6


async def main(count: int, database: str | None) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "central"
        make(folder, port=0, **({"database": database} if database else {}))
        with opened(folder) as here:
            askers = await asyncio.to_thread(furnish, here.central, count)
            server = await asyncio.create_subprocess_exec(
                COMMAND, "--site", str(folder), "central", "serve", stdout=asyncio.subprocess.PIPE,
                env=clean_environment(),
            )  # fmt: skip
            try:
                assert server.stdout is not None
                address = (await server.stdout.readline()).decode().split()[-1]
                await measure(here.central, f"http://{address}", askers, server.pid)
            finally:
                server.terminate()
                await server.communicate()


if __name__ == "__main__":
    given = sys.argv[1:]
    asyncio.run(main(int(given[0]) if given else EDGES, given[1] if len(given) > 1 else None))
