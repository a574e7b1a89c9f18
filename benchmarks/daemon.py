"""The daemon from outside: how soon it is ready, what it holds idle, and a card's way from the panel to the answer.

python -m benchmarks.daemon [--attempts 500]
"""

import argparse
import asyncio
import json
import socket
import statistics
import tempfile
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import aiomqtt

from edge.demo.site import Daemon, Site
from edge.phone.loopback import AddressBlock

DOOR: Final = "0C1105000001"
CARD: Final = "04A1B2C3D4E5F6"
STARTS: Final = 5
SETTLE_S: Final = 2.0
WARM_UP: Final = 20


async def main(attempts: int) -> None:
    with tempfile.TemporaryDirectory() as folder, AddressBlock.claim() as block:
        site = Site(Path(folder) / "site", block.address())
        await site.init("--plan", "premium")
        await site.edge("mac", "add", DOOR)
        await site.edge("building", "add", "A")
        await site.edge("apartment", "add", "A/101", "--handset")
        await site.edge("device", "add", DOOR, "--name", "Gate", "--type", "0", "--place", "public")
        await site.edge("relay", "add", DOOR, "1", "--methods", "rf_card")
        await site.edge("credential", "add", "rf_card", "--apartment", "A/101", "--value", "-", stdin=CARD)
        print("| what | p50 | p99 or worst |\n|---|---|---|")
        ready_s = [await _start_once(site) for _ in range(STARTS)]
        print(f"| ready after start | {statistics.median(ready_s):.2f} s | {max(ready_s):.2f} s |")
        async with site.daemon() as daemon:
            await asyncio.sleep(SETTLE_S)
            own_mb, all_mb = _memory_mb(daemon)
            print(f"| idle memory, daemon (with its broker) | {own_mb:.0f} MB ({all_mb:.0f} MB) | |")
            login = await site.edge("device", "secret", DOOR)
            took_ms = await _attempts(login["mqtt"], attempts)
            p99 = statistics.quantiles(took_ms, n=100)[98]
            print(f"| card presented to answer received | {statistics.median(took_ms):.1f} ms | {p99:.1f} ms |")


async def _start_once(site: Site) -> float:
    began = time.monotonic()
    async with site.daemon():
        return time.monotonic() - began


def _memory_mb(daemon: Daemon) -> tuple[float, float]:
    """Resident memory of the daemon, and of it with its children."""
    assert daemon.pid is not None
    children = Path(f"/proc/{daemon.pid}/task/{daemon.pid}/children").read_text().split()
    own = _resident_mb(daemon.pid)
    return own, own + sum(_resident_mb(int(pid)) for pid in children)


def _resident_mb(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024


async def _attempts(login: Mapping[str, Any], count: int) -> list[float]:
    """Milliseconds from the publication of each attempt to its decision, one after the other."""
    branch = f"{login['prefix']}/{login['community']}/{login['user']}"
    took_ms: list[float] = []
    async with aiomqtt.Client(
        login["host"],
        login["port"],
        username=login["user"],
        password=login["password"],
        identifier=login["client_id"],
        socket_options=[(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)],  # else our own PUBACKs hold our next attempt back
    ) as client:
        await client.subscribe(f"{branch}/down/decision", qos=1)
        await client.publish(f"{branch}/up/state", "online", qos=1, retain=True)
        for number in range(count + WARM_UP):
            attempt = {"id": f"bench-{number}", "method": "rf_card", "value": CARD, "at": datetime.now(UTC).isoformat()}
            began = time.perf_counter()
            await client.publish(f"{branch}/up/attempt", json.dumps(attempt), qos=1)
            decision = json.loads(bytes((await anext(client.messages)).payload))
            if number >= WARM_UP:
                took_ms.append(1000 * (time.perf_counter() - began))
            assert decision["granted"], decision
    return took_ms


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--attempts", type=int, default=500)
    asyncio.run(main(parser.parse_args().attempts))
