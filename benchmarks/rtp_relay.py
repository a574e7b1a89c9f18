"""The RTP relay: CPU for each packet, G.711 calls for each core, loss and added delay.

Run it as ``python -m benchmarks.rtp_relay [calls …]``; it prints rows of a Markdown table. The load is a process of its
own, which sends 50 packets a second from each end of each call and times them through the relay. On a shared machine
trust the CPU for each packet; loss and delay there are the load's, too.
"""

import asyncio
import json
import os
import selectors
import socket
import statistics
import struct
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

from sip.media.engine import CALLER_END, PeerLine
from sip.media.relay import RtpRelay
from sip.media.settings import MediaSettings

CALLS: Final = (50, 150)
SECONDS: Final = 4.0
HOST: Final = "127.0.0.1"
FRAME_S: Final = 0.02
PAYLOAD: Final = bytes(152)  # and 8 bytes of time: 160 of G.711
_HEADER: Final = struct.Struct("!BBHIId")


class Quiet:
    """A listener that nobody asks."""

    def media_digit(self, end: int, digit: str) -> None: ...

    def media_silent(self, end: int) -> None: ...


async def measure(calls: int) -> None:
    """Relay *calls* calls for a while and print what they cost."""
    relay = RtpRelay(MediaSettings(port_min=20000, port_max=20000 + 8 * calls + 64, silence_s=0))
    await relay.start()
    load = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.rtp_relay", "load", str(calls),
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=Path(__file__).parents[1],
    )  # fmt: skip
    if load.stdin is None or load.stdout is None:
        raise RuntimeError("the load has no pipes")
    theirs = json.loads(await load.stdout.readline())
    ours: list[int] = []
    for call in range(calls):
        session = relay.open(Quiet())
        for end, port in ((CALLER_END, theirs[2 * call]), (0, theirs[2 * call + 1])):
            ours.append(session.allocate(end, 0, "audio", HOST))
            session.describe(end, 0, PeerLine(HOST, port, HOST, port + 1, event_payloads=frozenset({101})))
        session.connect(CALLER_END, 0)
    await asyncio.sleep(0.2)
    before = time.process_time()
    load.stdin.write(json.dumps(ours).encode() + b"\n")
    result = json.loads(await load.stdout.readline())
    used_s = time.process_time() - before
    await load.wait()
    await relay.stop()
    per_packet_s = used_s / result["sent"]
    per_core = 1 / (per_packet_s * 100)
    print(
        f"| RTP relay, {calls} calls | {per_packet_s * 1e6:.1f} µs a packet | {per_core:.0f} calls a core at 100 % "
        f"| {100 * used_s / SECONDS:.0f} % of a core | lost {100 * (1 - result['received'] / result['sent']):.2f} % "
        f"| delay p50 {result['p50_ms']:.2f} ms, p99 {result['p99_ms']:.2f} ms |"
    )


def load(calls: int) -> None:
    """The other process: both ends of every call."""
    socks = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2 * calls)]
    selector = selectors.DefaultSelector()
    for sock in socks:
        sock.setblocking(False)
        sock.bind((HOST, 0))
        selector.register(sock, selectors.EVENT_READ)
    print(json.dumps([sock.getsockname()[1] for sock in socks]), flush=True)
    for sock, port in zip(socks, json.loads(sys.stdin.readline()), strict=True):
        sock.connect((HOST, port))
    delays: list[float] = []
    sent, began = 0, time.monotonic()
    due = [began + FRAME_S * i / len(socks) for i in range(len(socks))]  # spread over a frame, as phones are
    while time.monotonic() < began + SECONDS + 0.3:
        now = time.monotonic()
        if now < began + SECONDS:
            for i, at in enumerate(due):
                if at > now:
                    break
                header = _HEADER.pack(0x80, 8, sent & 0xFFFF, sent & 0xFFFFFFFF, i, time.monotonic())
                socks[i].send(header + PAYLOAD)
                due[i] = at + FRAME_S
                sent += 1
            else:
                i = 0
            due, socks = due[i:] + due[:i], socks[i:] + socks[:i]
        for key, _ in selector.select(0.001):
            try:
                packet = key.fileobj.recv(2048)  # type: ignore[union-attr]  # sockets only
            except OSError:
                continue
            delays.append(time.monotonic() - _HEADER.unpack_from(packet)[5])
    cuts = statistics.quantiles(delays, n=100)
    result = {"sent": sent, "received": len(delays), "p50_ms": 1000 * cuts[49], "p99_ms": 1000 * cuts[98]}
    print(json.dumps(result), flush=True)


def main() -> None:
    if sys.argv[1:2] == ["load"]:
        load(int(sys.argv[2]))
        return
    print(f"| what | CPU | per core | used | loss | delay | ({os.cpu_count()} cores)")
    for calls in [int(one) for one in sys.argv[1:]] or CALLS:
        asyncio.run(measure(calls))


if __name__ == "__main__":
    main()
