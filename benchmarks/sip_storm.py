"""A power cut in a big house: daemon and 5,000 telephones come back at once, and somebody is at the door.

python -m benchmarks.sip_storm [--devices 5000] [--spread 1.0]

Through the whole daemon, its database included. Three storms: of telephones that were never seen, after a restart of
the daemon alone (the telephones come back within the spread), and once more while visitors ring at a steady rate.
"""

import argparse
import asyncio
import contextlib
import json
import os
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from sqlalchemy import select

from benchmarks.ring import SETTINGS, Agent, steadily
from edge.demo.site import Daemon, Site
from edge.phone.loopback import AddressBlock
from edge.store.accounts import sip_passwords
from edge.store.tables import device

DEVICES: Final = 5000
DOORS: Final = 60  # each calls once
CALLS_PER_S: Final = 20.0
CALLS: Final = DOORS
DEVICES_AT_AN_ADDRESS: Final = 50
FIRST_PORT: Final = 6000
RINGS: Final = 100  # the one that answers calls: that of apartment 101, which is rung
_TICK: Final = os.sysconf("SC_CLK_TCK")


async def furnish(site: Site, folder: Path, devices: int) -> None:
    """Everything by one import: an apartment and a monitor for each device; the doors are of the first building."""
    macs = [*map(monitor, range(devices)), *map(door, range(DOORS))]
    for start in range(0, len(macs), 1000):
        await site.edge("mac", "add", *macs[start : start + 1000])
    rows = ["Building,Apt,Device,CallType"]
    for number in range(devices):
        gates = "".join(f"; Door {n},0,{door(n)}" for n in range(DOORS)) if number == RINGS else ""
        rows.append(f'{1 + number // 1000},{number % 1000 + 1},"M{number},2,{monitor(number)}{gates}",3')
    sheet = folder / "house.csv"
    sheet.write_text("\n".join(rows) + "\n")
    await site.edge("import", str(sheet))


def monitor(number: int) -> str:
    return f"0C1106{number:06X}"


def door(number: int) -> str:
    return f"0C1107{number:06X}"


def logins(folder: Path) -> dict[str, tuple[str, str]]:
    """SIP user and password of every device by MAC, as the daemon reads them."""
    from edge.admin.edit import reading
    from edge.admin.site import Site as Opened

    site = Opened.open(folder)
    try:
        with reading(site.store) as scope:
            passwords = sip_passwords(scope.connection, site.secrets.vault)
            rows = scope.connection.execute(select(device.c.mac, device.c.sip_user))
            return {row.mac.replace(":", "").upper(): (row.sip_user, passwords[row.sip_user]) for row in rows}
    finally:
        site.close()


class Crowd:
    """`benchmarks.storm_crowd` as a child."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def storm(self) -> Mapping[str, Any]:
        await self._say("go")
        return await self._hear()

    async def introduce(self, what: Mapping[str, Any]) -> None:
        await self._say(json.dumps(what))
        await self._hear()

    async def _say(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(line.encode() + b"\n")
        await self._process.stdin.drain()

    async def _hear(self) -> Mapping[str, Any]:
        assert self._process.stdout is not None
        heard: Mapping[str, Any] = json.loads(await self._process.stdout.readline())
        return heard


@contextlib.asynccontextmanager
async def crowd() -> AsyncIterator[Crowd]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.storm_crowd", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    try:
        yield Crowd(process)
    finally:
        process.terminate()
        await process.wait()


def cpu_s(daemon: Daemon) -> float:
    fields = Path(f"/proc/{daemon.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICK


def resident_mb(daemon: Daemon) -> float:
    lines = Path(f"/proc/{daemon.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024


def row(name: str, result: Mapping[str, Any], cpu: float, memory_mb: float, calls: Sequence[float] = ()) -> str:
    ringing = f"{1000 * sorted(calls)[int(len(calls) * 0.99) - 1]:.0f} ms" if calls else "-"
    return (
        f"| {name} | {result['registered']} | {result['all_s']:.1f} s | {1000 * result['p50_s']:.0f} ms "
        f"| {1000 * result['p99_s']:.0f} ms | {result['resent']} | {cpu:.1f} s | {memory_mb:.0f} MB | {ringing} |"
    )


async def main(devices: int, spread_s: float) -> None:
    with tempfile.TemporaryDirectory() as name, AddressBlock.claim() as block:
        folder = Path(name)
        site = await Site(folder / "site", block.address()).init("--plan", "premium", settings=SETTINGS)
        await furnish(site, folder, devices)
        known = logins(site.folder)
        realm = str((await site.edge("device", "secret", door(0)))["sip"]["realm"])
        crowding = [known[monitor(number)] for number in range(devices) if number != RINGS]
        places = [block.address() for _ in range(1 + devices // DEVICES_AT_AN_ADDRESS)]
        async with crowd() as telephones:
            introduction = {
                "server": [site.address, 5060], "realm": realm, "spread_s": spread_s,
                "devices": [
                    [places[n // DEVICES_AT_AN_ADDRESS], FIRST_PORT + n % DEVICES_AT_AN_ADDRESS, *login]
                    for n, login in enumerate(crowding)
                ],
            }  # fmt: skip
            await telephones.introduce(introduction)
            print(f"| {devices} telephones within {spread_s:g} s | registered | all after | p50 | p99 | resent "
                  "| daemon's CPU | memory | INVITE to 180, p99 |\n|---|---|---|---|---|---|---|---|---|")  # fmt: skip
            async with Daemon(site) as daemon:
                await _storm("never seen before", daemon, telephones)
            async with Daemon(site) as daemon:
                await _storm("after a restart", daemon, telephones)
            async with Daemon(site) as daemon, contextlib.AsyncExitStack() as stack:
                agents = []
                for mac in (*map(door, range(DOORS)), monitor(RINGS)):
                    user, password = known[mac]
                    login = {"user": user, "password": password, "realm": realm, "server": f"{site.address}:5060"}
                    agents.append(await Agent(block.address(), login).start())
                    stack.callback(agents[-1].close)
                await _storm("after a restart, visitors ringing", daemon, telephones, agents[:DOORS])


async def _storm(name: str, daemon: Daemon, telephones: Crowd, doors: Sequence[Agent] = ()) -> None:
    before = cpu_s(daemon)
    calls: list[float] = []
    async with asyncio.TaskGroup() as group:
        storm = group.create_task(telephones.storm())
        if doors:
            calls = await steadily(list(doors), CALLS, CALLS_PER_S)
    print(row(name, storm.result(), cpu_s(daemon) - before, resident_mb(daemon), calls), flush=True)


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--devices", type=int, default=DEVICES)
    options.add_argument("--spread", type=float, default=1.0)
    given = options.parse_args()
    asyncio.run(main(given.devices, given.spread))
