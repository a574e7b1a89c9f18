"""The RTP relay: CPU for each packet, G.711 calls for each core, loss and added delay.

    python -m benchmarks.rtp_relay [--runs N] [--busy SHARE] [calls …]

It prints rows of a Markdown table, medians of N runs. The load is `rtp_load.c`, compiled with `cc`: both ends of every
call, in a process of its own on another core. As root both processes run with real-time priority for these seconds, so
that on a shared machine the neighbours wait instead. With ``--busy 0.2`` the event loop, whose thread shares the
interpreter with the relay's, computes for a fifth of the time, two milliseconds at a stretch.

Beside it, where it is installed, rtpengine under the same load, with one thread and without its kernel module.
"""

import argparse
import asyncio
import contextlib
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, Final

from sip.media.engine import CALLER_END, PeerLine
from sip.media.ng import NgClient
from sip.media.relay import RtpRelay
from sip.media.rtpengine_pair import CALLEE, CALLER, Joined, Pair
from sip.media.settings import MediaSettings

CALLS: Final = (150, 300, 600, 700)
RUNS: Final = 3
SECONDS: Final = 4.0
STRETCH_S: Final = 0.002
WARM_S: Final = 1.0  # of the load, relayed and not counted
HOST: Final = "127.0.0.1"
NG_PORT: Final = 2223
CORES: Final = sorted(os.sched_getaffinity(0))
SOURCE: Final = Path(__file__).with_name("rtp_load.c")
Result = dict[str, float]


class Quiet:
    """A listener that nobody asks."""

    def media_digit(self, end: int, digit: str) -> None: ...

    def media_silent(self, end: int) -> None: ...


def on_core(number: int) -> None:
    """Keep this process on one core, where there are several."""
    if len(CORES) > 1:
        os.sched_setaffinity(0, {CORES[number]})


def cpu_s(pid: int) -> float:
    """CPU time of a process with all its threads."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def compute(share: float) -> None:
    """Keep the event loop busy for *share* of the time."""
    while True:
        until = time.perf_counter() + STRETCH_S
        while time.perf_counter() < until:
            sum(range(100))
        await asyncio.sleep(STRETCH_S * (1 - share) / share)


async def ours(program: Path, calls: int, busy: float) -> Result:
    """Our relay under *calls* calls."""
    relay = RtpRelay(MediaSettings(port_min=10000, port_max=10000 + 4 * calls + 64, silence_s=0))
    await relay.start()
    async with asyncio.TaskGroup() as group:
        others = [group.create_task(relay.run())]  # it raises where the relay fails
        if busy:
            others.append(group.create_task(compute(busy)))
        result = await under_load(program, calls, os.getpid(), lambda theirs: connect(relay, theirs))
        for task in others:
            task.cancel()
    await relay.stop()
    return result


async def connect(relay: RtpRelay, theirs: Sequence[int]) -> list[int]:
    """A call for each two ports of the load; our ports, in the same order."""
    ports: list[int] = []
    for caller, callee in zip(theirs[::2], theirs[1::2], strict=True):
        session = relay.open(Quiet())
        for end, port in ((CALLER_END, caller), (0, callee)):
            ports.append(session.allocate(end, 0, "audio", HOST))
            session.describe(end, 0, PeerLine(HOST, port, HOST, port + 1, event_payloads=frozenset({101})))
        session.connect(CALLER_END, 0)
    return ports


async def yardstick(program: Path, calls: int) -> Result:
    """rtpengine under *calls* calls."""
    engine = await asyncio.create_subprocess_exec(
        "rtpengine", "--config-file=none", "-f", "-E", "-L", "3", "--table=-1", f"--interface={HOST}",
        "--num-threads=1", f"--listen-ng={HOST}:{NG_PORT}", "--port-min=10000", "--port-max=60000",
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    client = NgClient()
    await client.open(HOST, NG_PORT)
    try:
        return await under_load(program, calls, engine.pid, lambda theirs: join(client, theirs))
    finally:
        client.close()
        engine.terminate()
        await engine.wait()


async def join(client: NgClient, theirs: Sequence[int]) -> list[int]:
    """As `connect`, by rtpengine."""
    while await told(lambda then: client.request("ping", then)) is None:
        continue
    ports: list[int] = []
    for caller, callee in zip(theirs[::2], theirs[1::2], strict=True):
        pair = Pair(client)
        await told(pair.prepare)
        lines = [{"audio": PeerLine(HOST, port, HOST, port + 1, payload=8)} for port in (caller, callee)]
        pair.join(Joined(*lines))
        ports += [pair.port(CALLER, "audio"), pair.port(CALLEE, "audio")]
    await told(lambda then: client.request("ping", then))
    return ports


async def told(ask: Callable[[Callable[[Any], None]], None]) -> Any:
    """What *ask* calls back with."""
    answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    ask(answer.set_result)
    return await answer


async def under_load(
    program: Path, calls: int, pid: int, connected: Callable[[Sequence[int]], Awaitable[list[int]]]
) -> Result:
    """The load through what *connected* joins; what it costs the process *pid*, and how the packets fared."""
    load = await asyncio.create_subprocess_exec(
        program, str(calls), str(SECONDS), HOST,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, preexec_fn=lambda: on_core(1), limit=1 << 20,
    )  # fmt: skip
    if load.stdin is None or load.stdout is None:
        raise RuntimeError("the load has no pipes")
    theirs = [int(port) for port in (await load.stdout.readline()).split()]
    load.stdin.write(" ".join(map(str, await connected(theirs))).encode() + b"\n")
    before = cpu_s(pid)
    result: Result = json.loads(await load.stdout.readline())
    used_s = cpu_s(pid) - before
    await load.wait()
    packets = result["sent"] * (SECONDS + WARM_S) / SECONDS
    result["us_per_packet"] = used_s / packets * 1e6
    result["core_pct"] = 100 * used_s / (SECONDS + WARM_S)
    result["lost_pct"] = 100 * (1 - result["received"] / result["sent"])
    return result


def row(name: str, calls: int, results: Sequence[Result]) -> str:
    """The medians, as a line of the table."""
    mid = {key: statistics.median(result[key] for result in results) for key in results[0]}
    per_core = 1e6 / (mid["us_per_packet"] * 100)
    return (
        f"| {name}, {calls} calls | {mid['us_per_packet']:.1f} µs | {mid['core_pct']:.0f} % | {per_core:.0f} "
        f"| {mid['lost_pct']:.2f} % | {mid['p50_ms']:.2f} ms | {mid['p99_ms']:.2f} ms | {mid['max_ms']:.1f} ms |"
    )


def main() -> int:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--runs", type=int, default=RUNS)
    arguments.add_argument("--busy", type=float, default=0.0, metavar="SHARE")
    arguments.add_argument("calls", nargs="*", type=int, default=list(CALLS))
    asked = arguments.parse_args()
    compiler = shutil.which("cc")
    if compiler is None:
        print("cc is missing: the load of this benchmark is a C program")
        return 0
    on_core(0)
    with contextlib.suppress(PermissionError):
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder) / "rtp_load"
        subprocess.run([compiler, "-O2", "-o", program, SOURCE], check=True)
        busy = f", loop {asked.busy:.0%} busy" if asked.busy else ""
        print(f"| medians of {asked.runs}{busy} | CPU a packet | core | calls a core | lost | p50 | p99 | max |")
        for calls in asked.calls:
            print(
                row("ours", calls, [asyncio.run(ours(program, calls, asked.busy)) for _ in range(asked.runs)]),
                flush=True,
            )
            if shutil.which("rtpengine") and not asked.busy:
                beside = [asyncio.run(yardstick(program, calls)) for _ in range(asked.runs)]
                print(row("rtpengine", calls, beside), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
