"""Delays of the residents' app, through the whole daemon: picture, sound and opening.

python -m benchmarks.app_call [--calls 10]

A door with a camera rings a flat with two apps, one of which joins when the picture has run for a while. Doors speak
SIP, RTP and MQTT over plain sockets, apps are aiortc peers that decode the picture. As root all of them run with
real-time priority for these seconds, so that on a shared machine the neighbours wait instead.
"""

import argparse
import asyncio
import contextlib
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from benchmarks.app_lab.door import VideoCall, VideoDoor
from benchmarks.app_lab.house import Furnished, ahead, furnish
from benchmarks.app_lab.phone import App, Peer, app_of
from benchmarks.app_lab.pictures import record
from benchmarks.app_lab.plane import Panel, panel
from benchmarks.app_lab.source import PORT, Source
from edge.demo.site import Daemon, Site
from edge.phone.loopback import AddressBlock
from sip.media.webrtc import use_addresses

LOOKS_ON_S: Final = 0.5  # so long the picture has run when the second app joins
TALKS_S: Final = 0.3
WANTED: Final = {
    "INVITE to the ring at the app": "",
    "ring at the app to a picture decoded": "< 500 ms",
    "connection up to a picture decoded, a second app": "< 50 ms",
    "answer pressed to the voice at the door": "< 150 ms",
    "open pressed to the order at the door": "< 20 ms",
}


class Stage:
    """One door, one flat with two apps, and what was measured."""

    def __init__(self, door: VideoDoor, source: Source, apps: Sequence[App], gate: Panel) -> None:
        self._door, self._source, self._apps, self._gate = door, source, apps, gate
        self.measured: dict[str, list[float]] = {name: [] for name in WANTED}

    async def once(self) -> None:
        first, second = self._apps
        ringing = asyncio.get_running_loop().create_task(self._door.call("101"))
        async with Peer() as seeing, Peer() as joining:
            rang_at, ring = await first.hear("ring")
            await second.hear("ring")
            await seeing.join(first, ring["call"])
            self._note("ring at the app to a picture decoded", rang_at, await seeing.picture())
            call = await ringing
            self._note("INVITE to the ring at the app", call.invited_at, rang_at)
            await asyncio.sleep(LOOKS_ON_S)
            await joining.join(second, ring["call"])
            shown_at = await joining.picture()
            self._note("connection up to a picture decoded, a second app", joining.connected_at or 0.0, shown_at)
            await self._answer(first, seeing, call, ring["call"])
            await self._open(first, ring["call"])
            await self._door.hang_up(call)
            for app in self._apps:
                await app.hear("ended" if app is first else "taken")

    async def _answer(self, app: App, peer: Peer, call: VideoCall, identity: str) -> None:
        pressed_at = time.monotonic()
        peer.speak()
        await app.say("answer", call=identity)
        await app.hear("won")
        await self._door.answered(call)
        await asyncio.sleep(TALKS_S)
        (door,) = (await self._source.report())["doors"]
        self._note("answer pressed to the voice at the door", pressed_at, door["spoken_at"])

    async def _open(self, app: App, identity: str) -> None:
        pressed_at = time.monotonic()
        await app.say("open", call=identity, relay="1", nonce=identity[-60:])
        async with asyncio.timeout(5.0):
            opened_at = await self._gate.opened.get()
        self._note("open pressed to the order at the door", pressed_at, opened_at)

    def _note(self, name: str, since_s: float, until_s: float) -> None:
        self.measured[name].append(until_s - since_s)


async def measure(
    site: Site, house: Furnished, daemon: Daemon, block: AddressBlock, calls: int
) -> dict[str, list[float]]:
    host, login = block.address(), house.doors[0]
    async with contextlib.AsyncExitStack() as stack:
        source = await stack.enter_async_context(Source(record(), [(host, PORT)]))
        gate = await stack.enter_async_context(panel(login, daemon.ready["mqtt"]))
        door = await VideoDoor(host, login, source, 0).start()
        stack.callback(door.close)
        apps = [await stack.enter_async_context(app_of(let, site.address)) for let in house.apps[0]]
        stage = Stage(door, source, apps, gate)
        ahead([daemon.pid or 0, source.pid, os.getpid()])
        for _ in range(calls):
            await stage.once()
    return stage.measured


async def main(calls: int) -> None:
    with tempfile.TemporaryDirectory() as folder, AddressBlock.claim() as block:
        use_addresses((block.address(),))
        site = Site(Path(folder) / "site", block.address())
        house = await furnish(site, doors=1, flats=1, apps_a_flat=2)
        async with Daemon(site) as daemon:
            measured = await measure(site, house, daemon, block, calls)
    print(f"| {calls} calls | wanted | p50 | worst |\n|---|---|---|---|")
    for name, wanted in WANTED.items():
        took = measured[name]
        print(f"| {name} | {wanted} | {statistics.median(took) * 1e3:.1f} ms | {max(took) * 1e3:.1f} ms |")


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--calls", type=int, default=10)
    given = options.parse_args()
    sys.exit(asyncio.run(main(given.calls)))
