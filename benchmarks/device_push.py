"""A full push of 5,000 credentials to one door phone over HTTP, the daemon killed on its way and started again.

Run it as ``python -m benchmarks.device_push [USERS]``; it prints rows of a Markdown table. The door phone is the
simulated Akuvox: one request at a time, pages of ten rows, `THINK_S` for each request, 50 users in a chunk (that is
how panels are told on the device plane too). The time that the device itself takes is the floor that is printed.
"""

import asyncio
import secrets
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from edge.demo.site import COMMAND, Site
from edge.phone.loopback import AddressBlock
from edge.simulators.akuvox import AkuvoxDevice
from edge.simulators.akuvox_panel import AkuvoxPanel
from edge.simulators.akuvox_web import AkuvoxWeb, akuvox

USERS: Final = 5_000
THINK_S: Final = 0.002
GATE: Final = "0c1105d00001"
WITHIN_S: Final = 600.0


async def main(users: int) -> None:
    with tempfile.TemporaryDirectory() as folder, AddressBlock.claim() as block:
        site = await a_site(Path(folder), block.address(), users)
        own = block.address()
        panel = AkuvoxPanel(AkuvoxDevice(GATE, lambda: ("2026-11-25", "12:00:00")), sip_ip=own)
        panel.calls = False
        async with akuvox(panel, own, think_s=THINK_S) as (web, url):
            first_s, at_kill = await until_killed(site, panel, url, users // 2)
            rest_s, again = await until_done(site, web, users, panel)
        print("| what | value |")
        print("| --- | --- |")
        print(f"| users at the panel when the daemon was killed | {at_kill} of {users} after {first_s:.1f} s |")
        print(f"| from the next start to all confirmed and read back | {rest_s:.1f} s |")
        print(f"| requests, both runs | {web.requests}, {web.requests * THINK_S:.1f} s of them the device's own |")
        print(f"| users that were told twice | {again} |")
        print(f"| requests while another was in flight | {web.collisions} |")


async def a_site(folder: Path, address: str, users: int) -> Site:
    settings = {
        "mqtt": {"broker": "embedded"},
        "devices": {"poll_every_s": 1.0},
        "sip": {"port": 0},
        "http": {"port": 0},
    }
    site = await Site(folder / "site", address).init("--plan", "premium", settings=settings)
    await site.edge("mac", "add", GATE)
    await site.edge("building", "add", "1")
    await site.edge("apartment", "add", "1/101", "--handset")
    await site.edge("device", "add", GATE, "--name", "Gate", "--type", "0")
    await site.edge("relay", "add", "Gate", "1", "--methods", "rf_card,remote")
    rows = [f"rf_card,1/101,{secrets.token_hex(7).upper()},panel" for _ in range(users)]
    (folder / "cards.csv").write_text("kind,apartment,value,home\n" + "\n".join(rows) + "\n")
    arguments = ("--site", str(site.folder), "credential", "import", str(folder / "cards.csv"))
    importing = await asyncio.create_subprocess_exec(COMMAND, *arguments, stdout=asyncio.subprocess.DEVNULL)
    assert await importing.wait() == 0
    return site


async def until_killed(site: Site, panel: AkuvoxPanel, url: str, users: int) -> tuple[float, int]:
    """Seconds until the panel has *users*, when the daemon is killed; how many it has then."""
    async with site.daemon() as daemon:
        pushing = asyncio.ensure_future(site.run("device", "push", GATE, "--address", url))
        began = time.monotonic()
        while len(panel.device.users) < users:  # noqa: ASYNC110  # the device tells nobody
            await asyncio.sleep(0.01)
        took_s = time.monotonic() - began
        await daemon.kill()
        await asyncio.gather(pushing, return_exceptions=True)  # it looks on for a minute at most
        return took_s, len(panel.device.users)


async def until_done(site: Site, web: AkuvoxWeb, users: int, panel: AkuvoxPanel) -> tuple[float, int]:
    """Seconds until every credential is confirmed; how many were told twice."""
    async with site.daemon():
        began = time.monotonic()
        while time.monotonic() - began < WITHIN_S:
            (row,) = await site.edge("device", "list")
            if row["keeps_up"]["behind_since"] is None and len(panel.device.users) == users:
                return time.monotonic() - began, panel.device.next_id - 1 - users
        raise TimeoutError(f"{len(panel.device.users)} of {users} after {WITHIN_S:.0f} s, {web.requests} requests")


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else USERS))
