"""What the daemon holds after many calls at residents' apps: memory, threads, descriptors.

python -m benchmarks.app_leak [--calls 500]

Each call is whole: it rings, the app's connection comes up, the picture is seen, it is answered, and hung up. The
processes that carry the media are counted in. What is kept on purpose, as
the course of the last calls, fills first.
"""

import argparse
import asyncio
import contextlib
import sys
import tempfile
from pathlib import Path
from typing import Final

from benchmarks.app_lab.door import VideoDoor
from benchmarks.app_lab.house import family, furnish, usage_of_one
from benchmarks.app_lab.phone import App, Peer, app_of
from benchmarks.app_lab.pictures import record
from benchmarks.app_lab.source import PORT, Source
from edge.demo.site import Daemon, Site
from edge.phone.loopback import AddressBlock
from sip.media.webrtc import use_addresses

LINES: Final = 5
AT_ONCE: Final = 4
SETTLES_S: Final = 1.0


async def call(door: VideoDoor, app: App, dialled: str) -> None:
    """From the bell to the end."""
    ringing = asyncio.get_running_loop().create_task(door.call(dialled))
    _, ring = await app.hear("ring")
    seen = asyncio.Event()
    async with Peer() as peer:
        peer.watch(lambda _payload, ends: seen.set() if ends else None)
        await peer.join(app, ring["call"])
        await seen.wait()
        peer.speak()
        await app.say("answer", call=ring["call"])
        await app.hear("won")
        made = await ringing
        await door.answered(made)
        await door.hang_up(made)
        await app.hear("ended")


async def many(doors: list[VideoDoor], apps: list[App], calls: int) -> None:
    """*calls* in all, as many at once as there are doors."""

    async def some(number: int) -> None:
        for _ in range(calls // len(doors)):
            await call(doors[number], apps[number], str(101 + number))

    async with asyncio.TaskGroup() as group:
        for number in range(len(doors)):
            group.create_task(some(number))
    await asyncio.sleep(SETTLES_S)


async def main(calls: int) -> None:
    with AddressBlock.claim() as block:
        use_addresses((block.address(),))
        async with contextlib.AsyncExitStack() as stack:
            folder = stack.enter_context(tempfile.TemporaryDirectory())
            site = Site(Path(folder) / "site", block.address())
            house = await furnish(site, doors=AT_ONCE, flats=AT_ONCE)
            daemon = await stack.enter_async_context(Daemon(site))
            hosts = [block.address() for _ in range(AT_ONCE)]
            source = await stack.enter_async_context(Source(record(), [(host, PORT) for host in hosts]))
            doors, apps = [], []
            for number, login in enumerate(house.doors):
                doors.append(await VideoDoor(hosts[number], login, source, number).start())
                stack.callback(doors[-1].close)
                apps.append(await stack.enter_async_context(app_of(house.apps[number][0], site.address)))
            print("| calls | memory of each process | threads | descriptors |\n|---|---|---|---|")
            for line in range(LINES):
                await many(doors, apps, calls // LINES)
                print(row((line + 1) * (calls // LINES), daemon.pid or 0), flush=True)


def row(calls: int, pid: int) -> str:
    each = [usage_of_one(one) for one in family(pid)]
    memory = " + ".join(f"{one.rss_bytes / (1 << 20):.1f}" for one in each)
    return f"| {calls} | {memory} MB | {sum(one.threads for one in each)} | {sum(one.descriptors for one in each)} |"


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--calls", type=int, default=500)
    sys.exit(asyncio.run(main(options.parse_args().calls)))
