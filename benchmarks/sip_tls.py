"""Registrations over TLS beside Kamailio, in one run: CPU for each, how many a second, the ratio.

Run it as ``python -m benchmarks.sip_tls [--runs N] [--count N]``; it prints rows of a Markdown table, medians. Devices
come back after a power cut: each opens a connection (TLS 1.3, nothing resumed, P-256), registers with digest and keeps
it open; then each registers once more on its connection. Kamailio has one child for TLS, everything in memory.
"""

import argparse
import asyncio
import itertools
import os
import shutil
import ssl
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.sip_load import HOST, LOAD_CORE, PORT, Server, in_own_network, serving
from benchmarks.sip_register import kamailio
from sip.digest import digest_response, ha1, parse_digest
from tests.peers.certificates import Certificate, certificate

RUNS: Final = 3
COUNT: Final = 500
AT_ONCE: Final = 50
TLS_PORT: Final = PORT + 1


@dataclass(frozen=True, slots=True)
class Result:
    connect_us: float  # CPU of a handshake and a registration
    connects_per_s: float
    refresh_us: float  # CPU of a registration on a connection that is open
    resident_mb: float


class Device:
    """One that registers over a connection of its own."""

    def __init__(self, number: int) -> None:
        self._number, self._cseq = number, itertools.count(1)
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def connect(self, trust: ssl.SSLContext) -> None:
        self._reader, self._writer = await asyncio.open_connection(HOST, TLS_PORT, ssl=trust)

    async def register(self) -> None:
        """Raises RuntimeError where it is not registered after one challenge."""
        challenge = parse_digest(await self._ask("", 401))
        if challenge is None:
            raise RuntimeError("no challenge")
        user, uri = f"u{self._number}", f"sip:{HOST}"
        fields = {"nonce": challenge["nonce"], "uri": uri, "nc": "00000001", "cnonce": "abc", "qop": "auth"}
        proof = digest_response("MD5", ha1("MD5", user, challenge["realm"], "pass"), fields, "REGISTER")
        await self._ask(
            f'Authorization: Digest username="{user}", realm="{challenge["realm"]}", nonce="{fields["nonce"]}", '
            f'uri="{uri}", response="{proof}", algorithm=MD5, cnonce="abc", qop=auth, nc=00000001\r\n',
            200,
        )

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()

    async def _ask(self, credentials: str, status: int) -> str:
        """Send a REGISTER; the challenge of its answer, which has *status*."""
        if self._writer is None or self._reader is None:
            raise RuntimeError("not connected")
        host, port = self._writer.get_extra_info("sockname")[:2]
        number, user = next(self._cseq), f"u{self._number}"
        self._writer.write(
            f"REGISTER sip:{HOST} SIP/2.0\r\nVia: SIP/2.0/TLS {host}:{port};rport;branch=z9hG4bK{user}x{number}\r\n"
            f"Max-Forwards: 70\r\nFrom: <sip:{user}@{HOST}>;tag={user}\r\nTo: <sip:{user}@{HOST}>\r\n"
            f"Call-ID: tls-{user}\r\nCSeq: {number} REGISTER\r\nContact: <sip:{user}@{host}:{port};transport=tls>\r\n"
            f"Expires: 600\r\n{credentials}Content-Length: 0\r\n\r\n".encode()
        )
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode()
        if not head.startswith(f"SIP/2.0 {status} "):
            raise RuntimeError(head.partition("\r\n")[0])
        lines = [line for line in head.split("\r\n") if line.startswith("WWW-Authenticate: ")]
        return lines[0].partition(": ")[2] if lines else ""


async def together(devices: Sequence[Device], act: Callable[[Device], Awaitable[None]]) -> None:
    """*act* of all, `AT_ONCE` at a time."""
    turn = iter(devices)

    async def one_after_the_other() -> None:
        for device in turn:
            await act(device)

    async with asyncio.TaskGroup() as group:
        for _ in range(AT_ONCE):
            group.create_task(one_after_the_other())


async def load(server: Server, count: int, trust: ssl.SSLContext) -> Result:
    """Come back, and once more."""

    async def come_back(device: Device) -> None:
        await device.connect(trust)
        await device.register()

    devices = [Device(number) for number in range(count)]
    before_s, began = server.cpu_s(), time.monotonic()
    await together(devices, come_back)
    took_s, connected_s = time.monotonic() - began, server.cpu_s()
    await together(devices, Device.register)
    refreshed_s = server.cpu_s()
    resident_mb = server.resident_mb()
    for device in devices:
        device.close()
    per_us = 1e6 / count
    return Result((connected_s - before_s) * per_us, count / took_s, (refreshed_s - connected_s) * per_us, resident_mb)


def contenders(files: Certificate) -> dict[str, list[str]]:
    """What is measured, and how it is started."""
    edge = [sys.executable, "-m", "benchmarks.sip_server", HOST, str(PORT), HOST, str(files.chain), str(files.key)]
    return {
        "edge": edge,
        "Kamailio, one child": kamailio(f'CERTIFICATE="{files.chain}"', f'KEY="{files.key}"'),
    }


def median(results: Sequence[Result]) -> Result:
    return Result(*(statistics.median(getattr(one, name) for one in results) for name in Result.__slots__))


def compare(runs: int, count: int) -> int:
    """Contenders by turns, so that a neighbour's noise meets both."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = certificate(folder, HOST)
        found: dict[str, list[Result]] = {name: [] for name in contenders(files)}
        for _ in range(runs):
            for contender, command in contenders(files).items():
                with serving(command, folder / "server.log") as server:
                    os.sched_setaffinity(0, {LOAD_CORE})
                    found[contender].append(asyncio.run(load(server, count, files.client())))
    middle = {contender: median(results) for contender, results in found.items()}
    print(
        f"| over TLS ({runs} runs of {count}) | CPU, handshake and registration | closed loop | CPU, refresh | memory |"
    )
    print("|---|---|---|---|---|")
    for contender, result in middle.items():
        print(
            f"| {contender} | {result.connect_us:.0f} µs | {result.connects_per_s:.0f}/s | {result.refresh_us:.0f} µs "
            f"| {result.resident_mb:.0f} MB |"
        )
    edge, yardstick = middle.values()
    print(
        f"\nratio (Kamailio's CPU by ours): {yardstick.connect_us / edge.connect_us:.2f} with a handshake, "
        f"{yardstick.refresh_us / edge.refresh_us:.2f} without"
    )
    return 0


def main() -> int:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--runs", type=int, default=RUNS)
    arguments.add_argument("--count", type=int, default=COUNT)
    arguments.add_argument("--here", action="store_true", help="in this network, not in one of its own")
    asked = arguments.parse_args()
    if shutil.which("kamailio") is None:
        print("not measured, missing: kamailio")
        return 0
    if not asked.here:
        again = ["--here", "--runs", str(asked.runs), "--count", str(asked.count)]
        return in_own_network("benchmarks.sip_tls", again)
    return compare(asked.runs, asked.count)


if __name__ == "__main__":
    sys.exit(main())
