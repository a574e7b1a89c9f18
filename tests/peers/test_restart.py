"""The daemon is killed and comes back: who was registered is called at once, and nothing opens by itself."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from edge.demo.site import Site
from edge.phone.handle import Phone
from tests.peers.site import Running
from tests.peers.street import GATE

pytestmark = pytest.mark.peer("pjsua2")

MONITOR: Final = "0C1105D00001"
A_SECOND: Final = 1.0  # a registration older than this survives (issue 2)


async def test_a_kill_loses_no_registration_and_opens_no_door(tmp_path: Path, addresses: Iterator[str]) -> None:
    site = await Site(tmp_path / "site", next(addresses)).init("--time-zone", "Europe/Berlin")
    await site.edge("mac", "add", GATE, MONITOR)
    await site.edge("building", "add", "1")
    await site.edge("apartment", "add", "1/101", "--call-type", "3")
    await site.edge("device", "add", GATE, "--name", "Gate", "--type", "0")
    await site.edge("device", "add", MONITOR, "--name", "Monitor", "--type", "2", "--apartment", "1/101")
    await site.edge("relay", "add", GATE, "1", "--dtmf", "1")
    first = await site.daemon(tmp_path / "first.log").start()
    running = Running(site, first)
    gate = await running.login(GATE, "Gate")
    monitor = await running.login(MONITOR, "Monitor")
    door = gate.simulated(gate.pjsua(next(addresses)), type="0")
    async with door, Phone(monitor.pjsua(next(addresses), answer_steps=((0.0, 180),))) as phone:
        await door.registered()
        await phone.registered()
        since = door.events.mark()
        door.do("call", to=running.uri("101"))
        await phone.wait("incoming")
        await asyncio.sleep(A_SECOND)
        await first.kill()
        await first.stop()
        mark = phone.events.mark()
        async with site.daemon(tmp_path / "second.log"):
            await door.wait("link", 15.0, since, online=True)
            rows = await site.calls()
            live = {row["name"]: row["sip"]["online"] for row in await site.edge("device", "list")}
            door.do("hangup")
            again = door.events.mark()
            door.do("call", to=running.uri("101"))
            await phone.wait("incoming", since=mark)
            door.do("hangup")
            await door.wait("state", since=again, state="disconnected")
            log = await site.log()
    assert live == {"Gate": True, "Monitor": True}
    assert (rows[0]["outcome"], rows[0]["ended_by"]) == ("failed", "edge"), (
        "the call that was cut off is ended in the log"
    )
    assert [row["seq"] for row in log] == list(range(1, len(log) + 1))
    assert not [event for event in door.seen("down") if event["verb"] == "open"]
    assert not [row for row in log if row["kind"] == "access"]
