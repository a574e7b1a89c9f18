"""Servers under load in a network of their own: started, measured by /proc, ended. What the SIP benchmarks share."""

import contextlib
import csv
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).with_name("load")
PORT: Final = 5060
HOST: Final = "127.0.0.1"
KAMAILIO_MODULES: Final = "/usr/lib/*/kamailio/modules"
_TICK: Final = os.sysconf("SC_CLK_TCK")
_PAGE: Final = os.sysconf("SC_PAGE_SIZE")
_CORES: Final = sorted(os.sched_getaffinity(0))
SERVER_CORE: Final = _CORES[0]
LOAD_CORE: Final = _CORES[-1]
_READY_WITHIN_S: Final = 10.0
_SIPP_BUFFER_BYTES: Final = 4_000_000  # its own 64 KB loses answers above a hundred dialogues at once


def in_own_network(module: str, arguments: Sequence[str]) -> int:
    """Run *module* again with *arguments* where no other program's port or packet can get in. Its exit status.

    Without the right to make a network namespace it runs in ours.
    """
    command = [sys.executable, "-m", module, *arguments]
    namespace = ["unshare", "--net", "--", "sh", "-c", 'ip link set lo up && exec "$@"', "sh"]
    if (
        shutil.which("unshare")
        and subprocess.run([*namespace, "true"], check=False, capture_output=True).returncode == 0
    ):
        command = [*namespace, *command]
    return subprocess.run(command, check=False).returncode


@dataclass(frozen=True, slots=True)
class Server:
    """A server under load: its process leads a session of its own."""

    pid: int

    def cpu_s(self) -> float:
        """User and system time so far of all its processes."""
        return sum(int(fields[11]) + int(fields[12]) for fields in self._processes()) / _TICK

    def resident_mb(self) -> float:
        """Resident memory of all its processes; what they share is counted for each."""
        return sum(int(fields[21]) for fields in self._processes()) * _PAGE / 1e6

    def _processes(self) -> Iterator[list[str]]:
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            with contextlib.suppress(OSError):
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
                if int(fields[3]) == self.pid:
                    yield fields


@contextlib.contextmanager
def serving(command: Sequence[str], log: Path) -> Iterator[Server]:
    """*command* on a core of its own, once its UDP port is bound; ended by its pid."""
    with log.open("w") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out, stdin=subprocess.DEVNULL, start_new_session=True)
    os.sched_setaffinity(process.pid, {SERVER_CORE})
    try:
        give_up_at = time.monotonic() + _READY_WITHIN_S
        while not _bound(PORT):
            if process.poll() is not None or time.monotonic() > give_up_at:
                raise RuntimeError(f"{command[0]} does not serve: {log.read_text()[-2000:]}")
            time.sleep(0.02)
        yield Server(process.pid)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(5.0)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(5.0)


def _bound(port: int) -> bool:
    lines = Path("/proc/self/net/udp").read_text().splitlines()[1:]
    return any(line.split()[1].endswith(f":{port:04X}") for line in lines)


@dataclass(frozen=True, slots=True)
class Load:
    """How a run of sipp went."""

    done: int
    failed: int
    resent: int
    took_s: float


def sipp(scenario: str, arguments: Sequence[str], folder: Path, *, within_s: float = 60.0) -> Load:
    """A run of *scenario* against the server. Raises RuntimeError where sipp did not come to its end."""
    statistics = folder / f"{scenario}.{time.monotonic_ns()}.csv"
    command = [
        "sipp", "-sf", str(FOLDER / f"{scenario}.xml"), "-i", HOST, "-p", "6000", "-nd", "-nostdin",
        "-timer_resol", "1", "-buff_size", str(_SIPP_BUFFER_BYTES), "-timeout", str(round(within_s)),
        "-trace_stat", "-stf", str(statistics),
        *arguments, f"{HOST}:{PORT}",
    ]  # fmt: skip
    began = time.monotonic()
    process = subprocess.Popen(
        command, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    os.sched_setaffinity(process.pid, {LOAD_CORE})
    try:
        process.wait(within_s + 30.0)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        raise RuntimeError(f"sipp did not end: {scenario}") from None
    took_s = time.monotonic() - began
    if process.returncode not in (0, 1) or not statistics.exists():
        raise RuntimeError(f"sipp ended with status {process.returncode}: {scenario}")
    with statistics.open(newline="") as file:
        last = list(csv.DictReader(file, delimiter=";"))[-1]
    done, failed = int(last["SuccessfulCall(C)"]), int(last["FailedCall(C)"])
    return Load(done, failed, int(last["Retransmissions(C)"]), took_s)


def users(count: int, folder: Path) -> Path:
    """sipp's injection file of users u0…, password "pass"."""
    file = folder / "users.csv"
    lines = (f"u{number};[authentication username=u{number} password=pass]" for number in range(count))
    file.write_text("SEQUENTIAL\n" + "\n".join(lines) + "\n")
    return file
