"""A central store that reaches an edge tells it that there is something new; all else the edge asks for itself."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from edge.central import communities, edges
from edge.central.opening import opened
from edge.central.serving import Serving
from edge.central.settings import SettingsError
from edge.cloud import tokens
from edge.component import Component, serve
from edge.http.server import HttpServer
from edge.http.sync import push_routes
from tests.loopback.central.lab import SITE, Lab, furniture, new_central, serving
from tests.loopback.sync.lab import Edge, until


@contextlib.asynccontextmanager
async def reached(edge: Edge) -> AsyncIterator[str]:
    """The edge's routes for its central store, on a port of their own: their URL."""
    app = FastAPI()
    app.include_router(push_routes(edge.door, lambda _: False))
    server = HttpServer(app, name="edge http", listen=("127.0.0.1",))
    components: list[Component] = [server]
    stopping, ready = asyncio.Event(), asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(serve(components, stopping, ready))
        await ready.wait()
        yield f"http://{server.addresses[0]}"
        stopping.set()


async def test_an_edge_that_waits_for_an_hour_asks_at_a_hint(edge: Edge, tmp_path: Path) -> None:
    folder = new_central(tmp_path / "central")
    with opened(folder) as here:
        community, _ = communities.add(here.central, "test", {"name": "Reached", **SITE})
        identity, code = edges.add(here.central, "test", community, "box")
    async with reached(edge) as url:
        with (folder / "central.toml").open("a") as settings:
            settings.write(f'\n[hints]\nedges = {{"{identity}" = "{url}"}}\n')
        async with serving(folder) as lab:
            lab.community = community
            await lab.enrol(edge, code)
            edges.enable(lab.central, "test", identity, False)
            async with edge.following():
                await until(lambda: any(alarm["type"] == "sync_denied" for alarm in edge.alarms()))
                edges.enable(lab.central, "test", identity, True)
                rev = await lab.change(*furniture(2))
                await edge.at(rev)
        assert edge.credentials() == 2


async def test_a_hint_is_taken_of_the_central_store_alone_and_once(edge: Edge, lab: Lab) -> None:
    await lab.join(edge)
    me = edge.me()
    now_s = edge.clock.now_ms() / 1000
    good = tokens.issue(lab.here.key, issuer="central", audience=me.edge_id, now_s=now_s)
    own = tokens.issue(me.key, issuer="central", audience=me.edge_id, now_s=now_s)
    other = tokens.issue(lab.here.key, issuer="central", audience="e-other", now_s=now_s)
    async with reached(edge) as url, httpx.AsyncClient(base_url=url, trust_env=False) as http:
        told = [
            (await http.post("/sync/v1/hint", headers={"Authorization": f"Bearer {token}"})).status_code
            for token in (good, good, own, other)
        ]
    assert told == [202, 401, 401, 401]


@pytest.mark.parametrize("url", ["http://192.0.2.7", "ftp://house.example", "https://house.example/deep"])
def test_a_token_goes_nowhere_in_the_clear(tmp_path: Path, url: str) -> None:
    folder = new_central(tmp_path / "central")
    with (folder / "central.toml").open("a") as settings:
        settings.write(f'\n[hints]\nedges = {{"e-1" = "{url}"}}\n')
    with opened(folder) as here, pytest.raises(SettingsError, match="e-1"):
        Serving(here)
