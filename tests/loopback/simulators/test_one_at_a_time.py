"""A device takes one request at a time, also where two ways lead to it."""

import asyncio
from collections.abc import Iterator

from edge.fleet.push_http import Wire
from edge.simulators.akuvox import AkuvoxDevice
from edge.simulators.akuvox_panel import AkuvoxPanel
from edge.simulators.akuvox_web import akuvox
from provisioning.desired import Login
from provisioning.registry import DRIVERS

THINKS_S = 0.1


async def test_two_wires_with_one_turn_never_collide(addresses: Iterator[str]) -> None:
    address = next(addresses)
    panel = AkuvoxPanel(AkuvoxDevice("0c1105d00009", lambda: ("2026-11-01", "12:00:00")), sip_ip=address)
    panel.calls = False
    api = DRIVERS["akuvox"].api
    assert api is not None
    probe = api.probe()
    assert probe is not None
    async with akuvox(panel, address, think_s=THINKS_S) as (web, url):
        turn = asyncio.Lock()
        wires = [Wire(url, api.auth, (Login("admin", "none"), *api.factory), api.check, turn) for _ in range(2)]
        await asyncio.gather(*(wire.send(probe) for wire in wires))
        for wire in wires:
            await wire.close()
        assert web.requests >= 2
    assert web.collisions == 0
