"""CPU of many calls with picture at residents' apps, and the delay that is added to the picture.

python -m benchmarks.app_load [--calls 40] [--seconds 8] [engine …]

Engines: *daemon*, the whole of it, with SIP, relay and portal; *payloads*, our hub alone; *decode*, the usual way of
aiortc, decoded and encoded anew; *rtpengine* where it is installed. Each carries VGA at 1 Mbit/s and 25 pictures a
second, and G.711 both ways. CPU is that of the engine's processes. One app's picture is watched for the
delay; the others are served by a process of their own. As root all of them run with real-time priority for these
seconds, so that on a shared machine the neighbours wait instead.
"""

import argparse
import asyncio
import contextlib
import os
import resource
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, Final

from benchmarks.app_lab.crowd import Crowd
from benchmarks.app_lab.door import VideoDoor, description
from benchmarks.app_lab.engines import Engine, engine_of
from benchmarks.app_lab.house import Usage, ahead, ahead_no_more, furnish, usage
from benchmarks.app_lab.phone import Peer, app_of, exchange
from benchmarks.app_lab.pictures import Pictures, record
from benchmarks.app_lab.source import PORT, Source
from edge.demo.site import Daemon, Site
from edge.phone.loopback import AddressBlock
from sip.media.webrtc import use_addresses
from sip.media.webrtc_hub import HOST

ENGINES: Final = ("daemon", "payloads", "decode", "rtpengine")
DECODED_CALLS: Final = 3  # what two cores carry
SETTLE_S: Final = 2.0

Connect = Callable[[int, str], Awaitable[str]]
"""The answer to the offer of app number *n*, whose door then sends."""


class Run:
    """Doors, apps, and what one engine makes of them."""

    def __init__(self, pictures: Pictures, calls: int, seconds: float) -> None:
        self._pictures, self._calls, self._seconds = pictures, calls, seconds
        self._arrived: list[tuple[float, bytes]] = []
        self._ends = 0  # of pictures

    async def daemon(self, block: AddressBlock) -> str:
        hosts = [block.address() for _ in range(self._calls)]
        async with contextlib.AsyncExitStack() as stack:
            folder = stack.enter_context(tempfile.TemporaryDirectory())
            site = Site(Path(folder) / "site", block.address())
            house = await furnish(site, doors=self._calls, flats=self._calls)
            daemon = await stack.enter_async_context(Daemon(site))
            source = await stack.enter_async_context(Source(self._pictures, [(host, PORT) for host in hosts]))
            doors, apps, ringing = [], [], []
            for number, (host, login) in enumerate(zip(hosts, house.doors, strict=True)):
                doors.append(await VideoDoor(host, login, source, number).start())
                stack.callback(doors[-1].close)
                apps.append(await stack.enter_async_context(app_of(house.apps[number][0], site.address)))

            async def connect(number: int, offer: str) -> str:
                ringing.append(asyncio.get_running_loop().create_task(doors[number].call(str(101 + number))))
                _, ring = await apps[number].hear("ring")
                answer = await exchange(apps[number], ring["call"], offer)
                await apps[number].say("answer", call=ring["call"])
                await doors[number].answered(await ringing[-1])
                return answer

            return await self._measured("daemon", daemon.pid or 0, source, connect)

    async def engine(self, name: str) -> str:
        places = [(HOST, PORT + 4 * number) for number in range(self._calls)]
        async with contextlib.AsyncExitStack() as stack:
            engine: Engine = await stack.enter_async_context(engine_of(name))
            source = await stack.enter_async_context(Source(self._pictures, places))

            async def connect(number: int, offer: str) -> str:
                audio, video, answer = await engine.exchange(description(*places[number]), offer)
                source.begin(number, audio, video)
                return answer

            return await self._measured(name, engine.pid, source, connect)

    async def _measured(self, name: str, pid: int, source: Source, connect: Connect) -> str:
        apart = name == "rtpengine"
        async with Crowd(HOST, apart=apart) as crowd, Peer(apart=apart) as watched:
            ahead([pid, source.pid, crowd.pid, os.getpid()])
            watched.watch(self._see)
            await watched.answered(await connect(0, await watched.offer()))
            watched.speak()
            for number in range(1, self._calls):
                await crowd.answered(number, await connect(number, await crowd.offer(number)))
            await crowd.speak()
            await asyncio.sleep(SETTLE_S)
            await source.report()
            self._arrived.clear()
            self._ends = 0
            before, began = usage(pid), time.monotonic()
            await asyncio.sleep(self._seconds)
            after, took = usage(pid), time.monotonic() - began
            report = await source.report()
            ahead_no_more()
        return self._row(name, before, after, took, report)

    def _see(self, payload: bytes, ends: bool) -> None:
        self._arrived.append((time.monotonic(), payload))
        self._ends += ends

    def _row(self, name: str, before: Usage, after: Usage, took_s: float, report: dict[str, Any]) -> str:
        cpu = 100 * (after.cpu_s - before.cpu_s) / took_s
        heard = sum(door["heard"] for door in report["doors"]) / self._calls / took_s
        delays = self._delays(report["doors"][0]["sent"])
        shown = "not known | not known"
        if delays:
            shown = f"{statistics.median(delays) * 1e3:.1f} ms | {delays[int(len(delays) * 0.95)] * 1e3:.1f} ms"
        load = f"{self._calls} | {cpu:.0f} % | {cpu / self._calls:.2f} %"
        held = f"{after.rss_bytes >> 20} MB | {after.threads}"
        return f"| {name} | {load} | {shown} | {self._ends / took_s:.0f}/s | {heard:.0f}/s | {held} |"

    def _delays(self, sent: Sequence[tuple[int, float]]) -> list[float]:
        """From the last packet of each picture at the door to its arrival at the app, sorted; seconds."""
        last = {payloads[-1]: number for number, payloads in enumerate(self._pictures.payloads)}
        times: dict[int, list[float]] = {}
        for number, at in sent:
            times.setdefault(number, []).append(at)
        found = []
        for at, payload in self._arrived:
            before = [one for one in times.get(last.get(payload, -1), ()) if one <= at]
            if before:
                found.append(at - before[-1])
        return sorted(found)


async def main(engines: Sequence[str], calls: int, seconds: float) -> None:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    pictures = record()
    use_addresses((HOST,))
    print("| engine | calls | CPU of a core | a call | added p50 | p95 | pictures | voice | memory | threads |")
    print("|---|---|---|---|---|---|---|---|---|---|", flush=True)
    for name in engines:
        if name == "rtpengine" and not shutil.which("rtpengine"):
            continue
        run = Run(pictures, min(calls, DECODED_CALLS) if name == "decode" else calls, seconds)
        if name != "daemon":
            print(await run.engine(name), flush=True)
            continue
        with AddressBlock.claim() as block:
            print(await run.daemon(block), flush=True)


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--calls", type=int, default=40)
    options.add_argument("--seconds", type=float, default=8.0)
    options.add_argument("engines", nargs="*", default=list(ENGINES), metavar="engine")
    given = options.parse_args()
    sys.exit(asyncio.run(main(given.engines, given.calls, given.seconds)))
