"""Registrations with digest beside Kamailio, in one run: CPU for each, how many a second, the ratio.

Run it as ``python -m benchmarks.sip_register [--runs N] [--count N]``; it prints rows of a Markdown table, medians.
Both servers see the same load, one after the other: REGISTER, 401, REGISTER with digest, 200, a hundred at once, as
many as the server takes, 10,000 users. Kamailio has one child for UDP, everything in memory.
"""

import argparse
import glob
import shutil
import statistics
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.sip_load import FOLDER, HOST, KAMAILIO_MODULES, PORT, in_own_network, serving, sipp, users

USERS: Final = 10_000
AT_ONCE: Final = 100
RUNS: Final = 3
COUNT: Final = 20_000


@dataclass(frozen=True, slots=True)
class Result:
    cpu_us: float  # for one registration
    per_s: float
    failed: float
    resent_pct: float
    resident_mb: float


def contenders() -> dict[str, list[str]]:
    """What is measured, and how it is started."""
    return {
        "edge": [sys.executable, "-m", "benchmarks.sip_server", HOST, str(PORT), HOST],
        "Kamailio, one child": kamailio(),
    }


def kamailio(*defines: str) -> list[str]:
    """The yardstick's command, with NAME=value for its configuration."""
    modules = ":".join(glob.glob(KAMAILIO_MODULES))
    more = [part for define in (f"ADDRESS={HOST}", *defines) for part in ("-A", define)]
    config = str(FOLDER / "kamailio_register.cfg")
    return ["kamailio", "-f", config, "-L", modules, *more, "-DD", "-E", "-m", "512", "-M", "32"]


def measure(command: Sequence[str], count: int, folder: Path, rate_per_s: float = 0.0) -> Result:
    """One load on a fresh server; *rate_per_s* 0: as fast as it answers."""
    arguments = [
        "-inf",
        str(users(USERS, folder)),
        "-m",
        str(count),
        "-l",
        str(AT_ONCE),
        "-r",
        f"{rate_per_s or 200_000:.0f}",
    ]
    with serving(command, folder / "server.log") as server:
        before_s = server.cpu_s()
        load = sipp("register", arguments, folder)
        used_s = server.cpu_s() - before_s
        resident_mb = server.resident_mb()
    done = max(1, load.done)
    return Result(used_s / done * 1e6, load.done / load.took_s, load.failed, 100 * load.resent / done, resident_mb)


def median(results: Sequence[Result]) -> Result:
    return Result(*(statistics.median(getattr(one, name) for one in results) for name in Result.__slots__))


def row(name: str, result: Result) -> str:
    return (
        f"| {name} | {result.cpu_us:.0f} µs | {result.per_s:.0f}/s | {result.failed:.0f} | {result.resent_pct:.2f} % "
        f"| {result.resident_mb:.0f} MB |"
    )


def compare(runs: int, count: int) -> int:
    """Contenders by turns, so that a neighbour's noise meets both."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        found: dict[str, list[Result]] = {name: [] for name in contenders()}
        for _ in range(runs):
            for contender, command in contenders().items():
                found[contender].append(measure(command, count, folder))
        middle = {contender: median(results) for contender, results in found.items()}
        edge, yardstick = middle.values()
        print(f"| digest registrations ({runs} runs of {count}) | CPU each | closed loop | failed | resent | memory |")
        print("|---|---|---|---|---|---|")
        for contender, result in middle.items():
            print(row(contender, result))
        half = measure(contenders()["edge"], count, folder, edge.per_s / 2)
        print(row("edge at half its rate", half))
        print(f"\nratio (Kamailio's CPU by ours): {yardstick.cpu_us / edge.cpu_us:.2f}")
    return int(any(result.failed for result in (*middle.values(), half)))


def main() -> int:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--runs", type=int, default=RUNS)
    arguments.add_argument("--count", type=int, default=COUNT)
    arguments.add_argument("--here", action="store_true", help="in this network, not in one of its own")
    asked = arguments.parse_args()
    missing = [program for program in ("sipp", "kamailio") if shutil.which(program) is None]
    if missing:
        print(f"not measured, missing: {', '.join(missing)}")
        return 0
    if not asked.here:
        again = ["--here", "--runs", str(asked.runs), "--count", str(asked.count)]
        return in_own_network("benchmarks.sip_register", again)
    return compare(asked.runs, asked.count)


if __name__ == "__main__":
    sys.exit(main())
