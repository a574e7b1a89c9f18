"""A house after a power cut: all its devices fetch their configuration at once, while a call goes on.

python -m benchmarks.autop_fetch [--devices 1000]

The daemon, the devices (one more process) and the call's two telephones share the machine. A device that is told that
the server is busy (503) asks again after a second or two, as devices do. The loop's lag is what the daemon itself says.
"""

import argparse
import asyncio
import base64
import json
import random
import statistics
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx

from edge.admin.site import Site as OpenSite
from edge.core.device_config import DeviceConfigs
from edge.demo.site import Site
from edge.fleet.desired import load_desired
from edge.fleet.files import Where
from edge.fleet.rendering import own_driver, render
from edge.phone.handle import Phone, PhoneSettings
from edge.phone.lines import clean_environment
from edge.phone.loopback import AddressBlock
from edge.store.accounts import mqtt_passwords
from edge.store.snapshot import load_snapshot

DOORS: Final = 10
APARTMENTS: Final = 250
FIRST: Final = 100  # apartment
SETTLE_S: Final = 1.0
LOOK_EVERY_S: Final = 0.05
PATIENCE_S: Final = 60.0
_AGAIN_S: Final = (1.0, 2.0)


@dataclass(frozen=True, slots=True)
class Storm:
    """How it went. *wait_s*: of each device, from the power's return to its file."""

    wait_s: list[float]
    statuses: Counter[int]
    loop_lag_p99_ms: float
    idle_lag_p99_ms: float
    packets_sent: int
    packets_heard: int


def macs(count: int) -> list[str]:
    return [f"0c1105e{number:05x}" for number in range(count)]


def sheet(count: int) -> str:
    """The house as an installer imports it: doors in the public area, monitors in apartments."""
    rows, homes = ["Building,Apt,Device"], defaultdict[int, list[str]](list)
    for number, mac in enumerate(macs(count)):
        if number < DOORS:
            rows.append(f'1,,"Door {number},0,{mac}"')
        else:
            homes[FIRST + number % APARTMENTS].append(f"Monitor {number},2,{mac}")
    rows += [f'1,{apartment},"{"; ".join(devices)}"' for apartment, devices in homes.items()]
    return "\n".join(rows) + "\n"


async def made(folder: Path, address: str, count: int) -> Site:
    site = await Site(folder / "site", address).init(settings={"mqtt": {"broker": "embedded"}})
    (folder / "house.csv").write_text(sheet(count))
    (folder / "macs.txt").write_text("\n".join(macs(count)))
    await site.edge("mac", "import", str(folder / "macs.txt"))
    await site.edge("import", str(folder / "house.csv"))
    return site


def logins(folder: Path) -> dict[str, str]:
    opened = OpenSite.open(folder)
    try:
        with opened.store.read() as connection:
            return {str(mac): word for mac, word in mqtt_passwords(connection, opened.secrets.vault).items()}
    finally:
        opened.close()


def rendering_ms(folder: Path, clock: Callable[[], float] = time.perf_counter) -> list[float]:
    """Of each device: its desired state read and its files made, passwords opened and masked files beside them."""
    opened, took = OpenSite.open(folder), []
    where = Where("192.0.2.1", 5060, "http://192.0.2.1:8080/provision/")
    try:
        with opened.store.read() as connection:
            snapshot = load_snapshot(connection)
            configs = DeviceConfigs(snapshot, 0)
            for device in snapshot.devices.values():
                began = clock()
                desired = load_desired(connection, opened.secrets.vault, snapshot, device, where, 0, configs=configs)
                assert desired is not None
                render(desired, own_driver(desired))
                took.append(1000 * (clock() - began))
    finally:
        opened.close()
    return took


async def storm(site: Site, block: AddressBlock, count: int) -> Storm:
    """All of them fetch at once from a running daemon, while two telephones talk."""
    async with site.daemon() as daemon:
        host, port = daemon.sip
        talking = [
            await _phone(site, mac, block.address(), f"{host}:{port}") for mac in macs(count)[: 2 * DOORS : DOORS]
        ]
        status = await site.edge("status")
        url = f"http://{status['http']['host']}:{status['http']['port']}/provision/"
        async with Phone(talking[0], "own") as door, Phone(talking[1], "own") as monitor:
            await door.registered()
            await monitor.registered()
            mark = door.call(f"sip:{FIRST + DOORS % APARTMENTS}@{host}:{port}")
            await door.state("confirmed", 20.0, mark)
            await asyncio.sleep(SETTLE_S)
            before = await door.stats(), await monitor.stats()
            over = asyncio.Event()
            async with asyncio.TaskGroup() as group:
                idle = group.create_task(_lateness_ms(over))
                fetched = await _crowd(site, url)
                over.set()
            after = await door.stats(), await monitor.stats()
            lag_ms = 1000 * await _lag_s(site)
            door.hang_up()
            await door.wait("closed")
    sent = after[0]["sent"] - before[0]["sent"]
    heard = after[1]["received"] - before[1]["received"]
    return Storm(fetched["wait_s"], Counter(fetched["statuses"]), lag_ms, _p99(idle.result()), sent, heard)


async def _lateness_ms(over: asyncio.Event) -> list[float]:
    """How late a loop runs that has nothing to do: what of the lag is the machine's."""
    late_ms: list[float] = []
    while not over.is_set():
        before = time.monotonic()
        await asyncio.sleep(LOOK_EVERY_S)
        late_ms.append(1000 * (time.monotonic() - before - LOOK_EVERY_S))
    return late_ms


async def _phone(site: Site, mac: str, ip: str, server: str) -> PhoneSettings:
    sip = (await site.edge("device", "secret", mac))["sip"]
    registrar = f"sip:{server}"
    return PhoneSettings(
        ip, sip["user"], sip["password"], domain=server.rpartition(":")[0], registrar=registrar,
        proxy=f"{registrar};lr", port=5060, tone_hz=440, answer_steps=((0.0, 180), (0.2, 200)),
    )  # fmt: skip


async def _lag_s(site: Site) -> float:
    """What `/metrics` says of the last minute."""
    transport = httpx.AsyncHTTPTransport(uds=str(site.folder / "run" / "edge.sock"))
    async with httpx.AsyncClient(transport=transport, base_url="http://edge") as local:
        text = (await local.get("/metrics")).raise_for_status().text
    (line,) = (line for line in text.splitlines() if line.startswith("intercom_edge_loop_lag_p99_seconds "))
    return float(line.split()[1])


async def _crowd(site: Site, url: str) -> Any:
    """The devices, in a process of their own; passwords by standard input."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.autop_fetch", "--crowd", url,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, env=clean_environment(),
    )  # fmt: skip
    told, _ = await process.communicate(json.dumps(await asyncio.to_thread(logins, site.folder)).encode())
    return json.loads(told)


async def crowd(url: str, known: dict[str, str]) -> None:
    """Each device asks for its file until it has it, or for a minute."""
    parts = httpx.URL(url)
    statuses: Counter[int] = Counter()
    began = time.monotonic()

    async def device(mac: str, password: str) -> float | None:
        login = base64.b64encode(f"{mac}:{password}".encode()).decode()
        request = (
            f"GET {parts.path}{mac.upper()}.cfg HTTP/1.1\r\nHost: {parts.host}\r\n"
            f"Authorization: Basic {login}\r\nConnection: close\r\n\r\n"
        ).encode()
        while time.monotonic() - began < PATIENCE_S:
            status = await _asked(parts, request)
            statuses[status] += 1
            if status == 200:
                return time.monotonic() - began
            await asyncio.sleep(random.uniform(*_AGAIN_S))  # noqa: S311  # nobody guesses it
        return None

    waited = await asyncio.gather(*(device(mac, password) for mac, password in known.items()))
    print(json.dumps({"wait_s": [each for each in waited if each is not None], "statuses": dict(statuses)}))


async def _asked(url: httpx.URL, request: bytes) -> int:
    """The status of the answer; 0 where the connection broke."""
    try:
        reader, writer = await asyncio.open_connection(url.host, url.port)
        writer.write(request)
        answer = await reader.read()
        writer.close()
    except OSError:
        return 0
    return int(answer.split(b" ", 2)[1]) if answer.startswith(b"HTTP/1.1 ") else 0


def lines(rendered: Sequence[float], went: Storm, count: int) -> Iterator[str]:
    yield "| what | p50 | p99 | worst |\n|---|---|---|---|"
    yield _line("one device's files rendered", rendered, "ms")
    yield _line("served after", went.wait_s, "s")
    yield ""
    yield f"served {len(went.wait_s)} of {count}; answers {dict(sorted(went.statuses.items()))}"
    yield f"loop lag p99 of the minute {went.loop_lag_p99_ms:.1f} ms (an idle one's {went.idle_lag_p99_ms:.1f} ms)"
    yield f"the call meanwhile: {went.packets_heard} of {went.packets_sent} packets arrived"


def _line(what: str, values: Sequence[float], unit: str) -> str:
    return f"| {what} | {statistics.median(values):.2f} {unit} | {_p99(values):.2f} {unit} | {max(values):.2f} {unit} |"


def _p99(values: Sequence[float]) -> float:
    return statistics.quantiles(values, n=100)[98]


async def main(count: int) -> None:
    with tempfile.TemporaryDirectory() as folder, AddressBlock.claim() as block:
        site = await made(Path(folder), block.address(), count)
        rendered = rendering_ms(site.folder)
        print("\n".join(lines(rendered, await storm(site, block, count), count)))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--devices", type=int, default=1000)
    parser.add_argument("--crowd", metavar="URL", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.crowd:
        asyncio.run(crowd(given.crowd, json.loads(sys.stdin.read())))
    else:
        asyncio.run(main(given.devices))
