"""kill -9 of the central store, again and again, while it is changed and an edge follows: both are equal afterwards."""

import asyncio
import random
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
from sqlalchemy import select

from edge.central import communities, edges, operators
from edge.central.opening import opened
from edge.central.rights import Role
from edge.central.tables import event
from edge.cloud.client import CentralClient
from edge.cloud.compare import compare
from edge.cloud.enrol import enrol
from edge.demo.site import COMMAND
from edge.phone.lines import clean_environment
from tests.loopback.central.lab import SITE, furniture, new_central
from tests.loopback.sync.lab import Edge, until

KILLS: Final = 4
LOGGED: Final = 25


@pytest.fixture
async def started() -> AsyncIterator[list[asyncio.subprocess.Process]]:
    """Whatever a failed test has left is ended."""
    processes: list[asyncio.subprocess.Process] = []
    yield processes
    for process in processes:
        if process.returncode is None:
            await _kill(process)


async def _serving(folder: Path, started: list[asyncio.subprocess.Process]) -> asyncio.subprocess.Process:
    """`edge central serve`, once it can be asked."""
    process = await asyncio.create_subprocess_exec(
        COMMAND, "--site", str(folder), "central", "serve", stdout=asyncio.subprocess.PIPE, env=clean_environment()
    )
    started.append(process)
    assert process.stdout is not None
    assert (await asyncio.wait_for(process.stdout.readline(), 60)).startswith(b"ready")
    return process


async def _kill(process: asyncio.subprocess.Process) -> None:
    process.kill()
    await process.communicate()


@pytest.mark.timeout(180)
async def test_a_central_store_that_is_killed_again_and_again(
    edge: Edge, tmp_path: Path, started: list[asyncio.subprocess.Process]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    folder = new_central(tmp_path / "central")
    file = folder / "central.toml"
    file.write_text(file.read_text().replace("port = 0", f"port = {port}"))
    with opened(folder) as here:
        community, _ = communities.add(here.central, "test", {"name": "Test", **SITE})
        root = operators.add(here.central, operators.LOCAL, "root", Role.SUPER)
        token = operators.new_token(here.central, operators.LOCAL, root)
        with here.central.change(community, "test") as change:
            for kind, identity, body in furniture(20):
                change.put(kind, identity, body or {})
        _, code = edges.add(here.central, "test", community, "box")
    url, chance, committed = f"http://127.0.0.1:{port}", random.Random(5), {}
    headers = {"Authorization": f"Bearer {token}"}
    process = await _serving(folder, started)
    await asyncio.to_thread(enrol, edge.site.admin("installer"), code, url, "box")
    async with edge.following(), httpx.AsyncClient(base_url=url, headers=headers, trust_env=False) as http:
        for _ in range(KILLS):
            async with asyncio.TaskGroup() as group:
                group.create_task(edge.log(LOGGED))
                for _ in range(chance.randrange(3, 12)):
                    name = f"n{chance.randrange(10**9)}"
                    await _put(http, community, name, committed)
            await _kill(process)
            process = await _serving(folder, started)
        await _put(http, community, "last", committed)
        await edge.at(committed["last"])
        await until(lambda: edge.waiting() == 0)
        async with CentralClient(edge.me(), url, wait_s=0.0, now_s=lambda: edge.clock.now_ms() / 1000) as client:
            assert [each for each in await compare(edge.applier, edge.me(), client) if each.state != "own"] == []
    await _kill(process)
    with opened(folder) as here, here.central.store.read() as connection:
        names = {row.id for row in connection.execute(select(event.c.seq.label("id")))}
    assert names == set(range(1, len(names) + 1))
    assert len(names) >= KILLS * LOGGED


async def _put(http: httpx.AsyncClient, community: str, name: str, committed: dict[str, int]) -> None:
    """A building of that name; what was answered is committed."""
    answer: Any = (await http.put(f"/v1/communities/{community}/things/building/b-{name}", json={"name": name})).json()
    committed[name] = answer["rev"]
