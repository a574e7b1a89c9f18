"""Calls through the B2BUA beside a stateful proxy, in one run: CPU for each, the ratio.

Run it as ``python -m benchmarks.sip_calls [--runs N] [--count N] [--rate N]``; it prints rows of a Markdown table,
medians. Every server sees the same load: INVITE, 180, 200, ACK, 50 ms, BYE, at a steady rate, answered by one sipp. The
edge is measured without media, as the proxy has none, and with the ports of its RTP relay. Kamailio has one child for
UDP; it relays what we end and begin anew (two dialogs, descriptions rewritten, a machine for the call).
"""

import argparse
import contextlib
import glob
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.sip_load import FOLDER, HOST, KAMAILIO_MODULES, LOAD_CORE, PORT, in_own_network, serving, sipp

RUNS: Final = 3
COUNT: Final = 2_000
RATE_PER_S: Final = 100.0
MONITOR_PORT: Final = 6090


@dataclass(frozen=True, slots=True)
class Result:
    cpu_us: float  # for one call
    failed: float
    resent: float
    resident_mb: float


def contenders() -> dict[str, list[str]]:
    """What is measured, and how it is started."""
    modules = ":".join(glob.glob(KAMAILIO_MODULES))
    kamailio = ["kamailio", "-f", str(FOLDER / "kamailio_proxy.cfg"), "-L", modules, "-A", f"ADDRESS={HOST}"]
    kamailio += ["-A", f'MONITOR="sip:{HOST}:{MONITOR_PORT}"']
    server = [sys.executable, "-m", "benchmarks.sip_calls_server"]
    return {
        "edge, signalling alone": [*server, "none", HOST, str(PORT)],
        "edge, with RTP ports": [*server, "relay", HOST, str(PORT)],
        "Kamailio's stateful proxy, one child": [*kamailio, "-DD", "-E", "-m", "512", "-M", "32"],
    }


@contextlib.contextmanager
def answering(folder: Path) -> Iterator[None]:
    """The called side."""
    command = ["sipp", "-sf", str(FOLDER / "answer.xml"), "-i", HOST, "-p", str(MONITOR_PORT), "-mp", "20000"]
    command += ["-nd", "-nostdin", "-skip_rlimit", "-timer_resol", "1", "-buff_size", "4000000"]
    quiet = subprocess.DEVNULL
    process = subprocess.Popen(command, cwd=folder, stdin=quiet, stdout=quiet, stderr=quiet)
    os.sched_setaffinity(process.pid, {LOAD_CORE})
    try:
        time.sleep(0.5)  # it has no way to say that it is ready
        yield
    finally:
        process.terminate()
        process.wait(5.0)


def measure(command: Sequence[str], count: int, rate_per_s: float, folder: Path) -> Result:
    """One load on a fresh server."""
    arguments = ["-m", str(count), "-r", f"{rate_per_s:.0f}", "-l", "2000", "-mp", "25000"]
    with answering(folder), serving(command, folder / "server.log") as server:
        before_s = server.cpu_s()
        load = sipp("call", arguments, folder, within_s=30.0 + count / rate_per_s)
        used_s = server.cpu_s() - before_s
        return Result(used_s / max(1, load.done) * 1e6, load.failed, load.resent, server.resident_mb())


def median(results: Sequence[Result]) -> Result:
    return Result(*(statistics.median(getattr(one, name) for one in results) for name in Result.__slots__))


def compare(runs: int, count: int, rate_per_s: float) -> int:
    """Contenders by turns, so that a neighbour's noise meets all."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        found: dict[str, list[Result]] = {name: [] for name in contenders()}
        for _ in range(runs):
            for contender, command in contenders().items():
                found[contender].append(measure(command, count, rate_per_s, folder))
    middle = {contender: median(results) for contender, results in found.items()}
    print(f"| calls ({runs} runs of {count} at {rate_per_s:.0f}/s) | CPU each | failed | resent | memory |")
    print("|---|---|---|---|---|")
    for contender, result in middle.items():
        print(
            f"| {contender} | {result.cpu_us:.0f} µs | {result.failed:.0f} | {result.resent:.0f} "
            f"| {result.resident_mb:.0f} MB |"
        )
    signalling, with_ports, yardstick = middle.values()
    print(
        f"\nratio (Kamailio's CPU by ours): {yardstick.cpu_us / signalling.cpu_us:.2f} signalling alone, "
        f"{yardstick.cpu_us / with_ports.cpu_us:.2f} with RTP ports"
    )
    return int(any(result.failed for result in middle.values()))


def main() -> int:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--runs", type=int, default=RUNS)
    arguments.add_argument("--count", type=int, default=COUNT)
    arguments.add_argument("--rate", type=float, default=RATE_PER_S)
    arguments.add_argument("--here", action="store_true", help="in this network, not in one of its own")
    asked = arguments.parse_args()
    missing = [program for program in ("sipp", "kamailio") if shutil.which(program) is None]
    if missing:
        print(f"not measured, missing: {', '.join(missing)}")
        return 0
    if not asked.here:
        again = ["--here", "--runs", str(asked.runs), "--count", str(asked.count), "--rate", f"{asked.rate:g}"]
        return in_own_network("benchmarks.sip_calls", again)
    return compare(asked.runs, asked.count, asked.rate)


if __name__ == "__main__":
    sys.exit(main())
