"""kill -9 of an edge that follows, again and again; then both are equal and every event is there once."""

import asyncio
import json
import random
import shutil
import sqlite3
import sys
from pathlib import Path
from typing import Final

import pytest

from edge.admin.site import Site
from tests.fakes.central import FakeCentral
from tests.loopback.sync.lab import Edge, furnish, until

KILLS: Final = 6
LOGGED: Final = 40


async def _child(folder: Path) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.loopback.sync.child", str(folder), stdout=asyncio.subprocess.PIPE
    )


@pytest.mark.timeout(180)
async def test_an_edge_that_is_killed_again_and_again(template: Path, tmp_path: Path) -> None:
    folder = tmp_path / "site"
    shutil.copytree(template, folder)
    chance = random.Random(3)
    promised: set[int] = set()
    async with FakeCentral(page_items=5) as central:
        furnish(central, people=30)
        joining = Edge(Site.open(folder))
        await joining.join(central)
        joining.close()
        for _ in range(KILLS):
            child = await _child(folder)
            assert child.stdout is not None
            central.put("building", f"b-{chance.randrange(5) + 2}", name=f"n{chance.randrange(10**6)}")
            await central.tell()
            for _ in range(chance.randrange(3, LOGGED)):
                promised.add(json.loads(await asyncio.wait_for(child.stdout.readline(), 60)))
            child.kill()
            await child.wait()
            rest = (await child.stdout.read()).splitlines(keepends=True)
            promised.update(json.loads(line) for line in rest if line.endswith(b"\n"))
        edge = Edge(Site.open(folder))
        try:
            async with edge.following():
                await edge.at(central.rev)
                await until(lambda: edge.waiting() == 0)
            assert await edge.differences(central) == []
        finally:
            edge.close()
    with sqlite3.connect(folder / "edge.db") as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    told = [event["at_ms"] for event in central.events.values() if event["detail"].get("type") == "test"]
    assert len(told) == len(set(told)), "an event is there twice"
    assert promised <= set(told), "an event that was on disk is gone"
