"""The reference central store on a real socket in the test's own process, asked by real edges and over its own API."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, Final

import httpx

from edge.admin.site import Site
from edge.central import communities, edges, operators
from edge.central.changes import Central
from edge.central.opening import Opened, make, opened
from edge.central.rights import Role
from edge.central.serving import Serving
from edge.cloud.client import CentralClient
from edge.cloud.compare import Difference, compare
from edge.cloud.enrol import enrol
from edge.core.ports import Clock
from tests.loopback.sync.lab import Edge

SITE: Final = {"time_zone": "Europe/Warsaw", "country": "PL"}
DOOR: Final = "0c1105000001"


class Lab:
    """One central store that serves. `community` is the one that `central` fixtures make."""

    def __init__(self, here: Opened, serving: Serving, url: str) -> None:
        self.here = here
        self.serving = serving
        self.url = url
        self.central: Central = here.central
        self.community, _ = communities.add(here.central, "test", {"name": "Test", **SITE})
        root = operators.add(here.central, operators.LOCAL, "root", Role.SUPER)
        self.token = operators.new_token(here.central, operators.LOCAL, root)
        self.http = self.client(self.token)

    def client(self, token: str) -> httpx.AsyncClient:
        headers = {"Authorization": f"Bearer {token}"}
        return httpx.AsyncClient(base_url=self.url, headers=headers, timeout=60, trust_env=False)

    async def ask(self, method: str, path: str, body: Any = None, *, expect: int = 200, **query: Any) -> Any:
        """A request with the super manager's token; its answer, whose status must be *expect*."""
        answer = await self.http.request(method, path, json=body, params=query)
        assert answer.status_code == expect, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json()

    async def change(self, *things: tuple[str, str, dict[str, Any] | None], confirm: bool = False) -> int:
        """Several things in one transaction; without a body they go. The revision."""
        told = [{"kind": kind, "id": identity, "body": body} for kind, identity, body in things]
        path = f"/v1/communities/{self.community}/changes"
        return int((await self.ask("POST", path, {"changes": told, "confirm": confirm}))["rev"])

    async def join(self, edge: Edge, *, name: str = "box", buildings: tuple[str, ...] = ()) -> str:
        """A new edge of the community, enrolled."""
        _, code = await asyncio.to_thread(edges.add, self.central, "test", self.community, name, buildings=buildings)
        return await self.enrol(edge, code)

    async def enrol(self, edge: Edge, code: str, **options: Any) -> str:
        return await asyncio.to_thread(enrol, edge.site.admin("installer"), code, self.url, "box", **options)

    def rev(self) -> int:
        with self.central.store.read() as connection:
            (row,) = [row for row in communities.listed(connection) if row["id"] == self.community]
        return int(row["rev"])

    def edge(self, identity: str) -> dict[str, Any]:
        """How the central store sees it."""
        with self.central.store.read() as connection:
            (row,) = [row for row in edges.listed(connection, self.community) if row["id"] == identity]
        return row

    async def differences(self, edge: Edge) -> list[Difference]:
        me = edge.me()
        now_s: Callable[[], float] = lambda: edge.clock.now_ms() / 1000  # noqa: E731  # a clock
        async with CentralClient(me, self.url, wait_s=0.0, now_s=now_s) as client:
            return [each for each in await compare(edge.applier, me, client) if each.state != "own"]


@contextlib.asynccontextmanager
async def serving(folder: Path, clock: Clock | None = None) -> AsyncIterator[Lab]:
    """A central store in *folder*, served while the block runs."""
    with opened(folder, clock) as here:
        running = Serving(here)
        stopping, ready = asyncio.Event(), asyncio.Event()
        async with asyncio.TaskGroup() as group:
            group.create_task(running.run(stopping, ready))
            await ready.wait()
            lab = Lab(here, running, f"http://{running.http.addresses[0]}")
            try:
                yield lab
            finally:
                await lab.http.aclose()
                stopping.set()


def new_central(folder: Path, database: str | None = None) -> Path:
    """An empty central store on a port of its own choice."""
    make(folder, port=0, **({"database": database} if database else {}))
    return folder


def furniture(people: int = 6) -> list[tuple[str, str, dict[str, Any] | None]]:
    """A house with a door, and so many residents, each with a card."""
    things: list[tuple[str, str, dict[str, Any] | None]] = [
        ("building", "b-1", {"name": "1"}),
        ("apartment", "a-1", {"building": "b-1", "number": "101"}),
        ("mac", DOOR, {"mac": DOOR}),
        ("device", "d-1", {"mac": DOOR, "name": "Gate", "type": 1}),
        ("relay", "l-1", {"device": "d-1", "number": 1}),
    ]
    for number in range(people):
        things.append(("resident", f"r-{number}", {"first": "Ada", "last": f"No {number}", "apartment": "a-1"}))
        things.append(card(number))
    return things


def card(number: int, **more: Any) -> tuple[str, str, dict[str, Any]]:
    value = f"04A1{number:06X}"
    return (
        "credential", f"c-{number}",
        {"kind": "rf_card", "value": value, "apartment": "a-1", "resident": f"r-{number}", **more},
    )  # fmt: skip


def open_edge(folder: Path) -> Edge:
    return Edge(Site.open(folder))
