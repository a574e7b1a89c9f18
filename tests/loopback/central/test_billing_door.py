"""A client is blocked at the billing system; the door knows within 15 s. Everything between them is real."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from edge.central import edges
from edge.demo.device import Device
from edge.demo.site import Site
from models.ids import new_id
from tests.loopback.central.lab import DOOR, Lab, furniture
from tests.loopback.central.test_billing_sources import LanBilling, billing, lab, source
from tests.peers.site import Running
from tests.unit.edge.central.test_lanbilling import vgroup

__all__ = ["billing", "lab"]  # fixtures
CARD, PIN = "04A1B2C3D4", "730518"
WITHIN_S = 15.0


@pytest.fixture
async def running(tmp_path: Path, lab: Lab, addresses: Iterator[str]) -> AsyncIterator[Running]:
    """A daemon that follows the central store."""
    await lab.change(
        *furniture(0),
        ("relay", "l-1", {"device": "d-1", "number": 1}),
        ("credential", "c-card", {"kind": "rf_card", "value": CARD, "apartment": "a-1"}),
        ("credential", "c-pin", {"kind": "pin", "value": PIN, "apartment": "a-1"}),
    )
    site = Site(tmp_path / "box", next(addresses))
    await site.init("--time-zone", "Europe/Warsaw", "--country", "PL", settings={"mqtt": {"broker": "embedded"}})
    _, code = edges.add(lab.central, "test", lab.community, "box")
    await site.edge("enrol", code, "--central", lab.url)
    async with site.daemon(site.folder / "serve.log") as daemon:
        await site.edge("sync", "pull")
        yield Running(site, daemon)


async def says(door: Device, method: str, value: str, granted: bool) -> None:
    """Present *value* until the door says so."""
    async with asyncio.timeout(2 * WITHIN_S):
        while True:
            answer = await door.attempt(new_id("a"), method, value)
            if bool(answer["message"]["granted"]) is granted:
                return
            await asyncio.sleep(0.1)


async def test_a_block_is_at_the_door_within_15_s(running: Running, lab: Lab, billing: LanBilling) -> None:
    await source(lab, billing)
    async with (await running.login(DOOR, "Gate")).simulated(type="1") as door:
        await door.wait("link", 30.0, online=True)
        for blocked, card, pin in ((0, True, True), (3, True, False), (0, True, True), (10, False, False)):
            billing.vgroups = [vgroup(blocked=blocked)]
            began = time.monotonic()
            await says(door, "pin", PIN, pin)
            await says(door, "rf_card", CARD, card)
            assert time.monotonic() - began < WITHIN_S
