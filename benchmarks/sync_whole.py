"""A central store and an edge as processes, a door over MQTT: how soon a card opens, how soon one no longer does, and
how long 100,000 events take that waited at the edge.

Run it as ``python -m benchmarks.sync_whole [EVENTS]``; it prints rows of a Markdown table. The clock begins when the
central store has answered that the change is stored, and ends with the door's answer, which is asked for all the time.
"""

import asyncio
import contextlib
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import httpx
from sqlalchemy import func, select

from edge.admin.site import Site as OpenSite
from edge.central import communities, edges, operators
from edge.central.changes import Central
from edge.central.opening import make, opened
from edge.central.rights import Role
from edge.central.tables import event_upto
from edge.clock import SystemClock
from edge.demo.device import Device
from edge.demo.site import COMMAND, Site
from edge.phone.lines import clean_environment
from edge.phone.loopback import AddressBlock
from edge.store import journal, outbox
from edge.store.writer import Writer
from models.log import LogEntry, LogKind

GATE: Final = "0C1105000001"
CARDS: Final = 20
EVENTS: Final = 100_000
WITHIN_S: Final = 120.0
_EVENTS_AT_ONCE: Final = 1_000


@dataclass(frozen=True, slots=True)
class Found:
    """Seconds, at worst of the cards."""

    given_s: float  # from the commit at the central store until the door opens
    revoked_s: float  # until it does not
    uploaded_s: float


@dataclass(slots=True)
class Owner:
    """Somebody who changes the community over HTTP."""

    http: httpx.AsyncClient
    community: str

    async def change(self, *things: tuple[str, str, dict[str, Any] | None]) -> float:
        """When the central store had stored it, monotonic seconds."""
        told = [{"kind": kind, "id": identity, "body": body} for kind, identity, body in things]
        path = f"/v1/communities/{self.community}/changes"
        answer = await self.http.post(path, json={"changes": told, "confirm": True})
        answer.raise_for_status()
        return time.monotonic()


@contextlib.asynccontextmanager
async def serving(folder: Path) -> AsyncIterator[str]:
    """`edge central serve`: its URL."""
    server = await asyncio.create_subprocess_exec(
        COMMAND, "--site", str(folder), "central", "serve", stdout=asyncio.subprocess.PIPE, env=clean_environment()
    )
    try:
        assert server.stdout is not None
        yield f"http://{(await server.stdout.readline()).decode().split()[-1]}"
    finally:
        server.terminate()
        await server.communicate()


def card(number: int) -> str:
    return f"04B1{number:06X}"


def furniture() -> list[tuple[str, str, dict[str, Any] | None]]:
    return [
        ("building", "b-1", {"name": "1"}),
        ("apartment", "a-1", {"building": "b-1", "number": "101"}),
        ("mac", GATE, {"mac": GATE}),
        ("device", "d-1", {"mac": GATE, "name": "Gate", "type": 0}),
        ("relay", "l-1", {"device": "d-1", "number": 1}),
    ]


async def says(door: Device, value: str, granted: bool) -> float:
    """When the door said so first, monotonic seconds."""
    async with asyncio.timeout(WITHIN_S):
        while True:
            answer = await door.attempt(f"a-{time.monotonic_ns()}", "rf_card", value)
            if bool(answer["message"]["granted"]) is granted:
                return time.monotonic()


async def at_the_door(owner: Owner, door: Device, cards: int) -> tuple[list[float], list[float]]:
    given, revoked = [], []
    for number in range(cards):
        body = {"kind": "rf_card", "value": card(number), "apartment": "a-1"}
        began = await owner.change(("credential", f"c-{number}", body))
        given.append(await says(door, card(number), True) - began)
        began = await owner.change(("credential", f"c-{number}", None))
        revoked.append(await says(door, card(number), False) - began)
    return given, revoked


def queue(folder: Path, count: int) -> int:
    """Log so many events while no daemon runs; the number of the newest."""
    site = OpenSite.open(folder)
    writer = Writer(site.store)
    writer.start()
    entry = LogEntry(LogKind.ALARM, SystemClock().now_ms(), detail={"type": "bench"})
    try:
        for start in range(0, count, _EVENTS_AT_ONCE):
            some = [
                writer.submit(partial(journal.append, entry=entry)) for _ in range(start, min(count, start + 1_000))
            ]
            for waited in some:
                waited.result()
        with site.store.read() as connection:
            return outbox.newest(connection)
    finally:
        writer.close()
        site.close()


def stored(central: Central) -> int:
    with central.store.read() as connection:
        return int(connection.execute(select(func.coalesce(func.max(event_upto.c.upto), 0))).scalar_one())


async def upload(site: Site, central: Central, count: int) -> float:
    """From the start of the daemon until the central store has them all, seconds."""
    newest = await asyncio.to_thread(queue, site.folder, count)
    began = time.monotonic()
    async with site.daemon(), asyncio.timeout(WITHIN_S):
        while await asyncio.to_thread(stored, central) < newest:  # noqa: ASYNC110  # another process stores them
            await asyncio.sleep(0.1)
        return time.monotonic() - began


async def run(folder: Path, address: str, cards: int, events: int) -> Found:
    """Measure a new central store and a new edge in *folder*, which have *address* to themselves."""
    site = await Site(folder / "site", address).init(
        "--time-zone", "UTC", "--plan", "premium", settings={"mqtt": {"broker": "embedded"}}
    )
    make(folder / "central", port=0)
    with opened(folder / "central") as here:
        community, _ = communities.add(here.central, "bench", {"name": "Bench", "time_zone": "UTC", "plan": "premium"})
        root = operators.add(here.central, operators.LOCAL, "root", Role.SUPER)
        token = operators.new_token(here.central, operators.LOCAL, root)
        _, code = edges.add(here.central, "bench", community, "box")
        async with serving(folder / "central") as url:
            headers = {"Authorization": f"Bearer {token}"}
            async with httpx.AsyncClient(base_url=url, headers=headers, timeout=60, trust_env=False) as http:
                owner = Owner(http, community)
                await owner.change(*furniture())
                await site.edge("enrol", code, "--central", url)
                async with site.daemon():
                    await site.edge("sync", "pull")
                    login = await site.edge("device", "secret", GATE)
                    async with Device("Gate", {"mqtt": login["mqtt"], "phone": None, "model": "SIM-1"}) as door:
                        await door.wait("link", 30.0, online=True)
                        given, revoked = await at_the_door(owner, door, cards)
            uploaded_s = await upload(site, here.central, events)
    return Found(max(given), max(revoked), uploaded_s)


def main(events: int) -> None:
    with tempfile.TemporaryDirectory() as folder, AddressBlock.claim() as block:
        found = asyncio.run(run(Path(folder), block.address(), CARDS, events))
    print("| what | took |\n|---|---|")
    print(f"| a new card opens after its commit at the central store, worst of {CARDS} | {found.given_s:.2f} s |")
    print(f"| a revoked one is refused at the door, over MQTT | {found.revoked_s:.2f} s |")
    print(f"| {events:,} events that waited, from the daemon's start | {found.uploaded_s:.1f} s |")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else EVENTS)
