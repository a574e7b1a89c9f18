"""The device plane with its real desk: rows on disk, 100,000 credentials in memory, devices in processes of their own.

Run it as ``python -m benchmarks.device_plane``; it prints rows of a Markdown table. An attempt's way is measured beside
an empty echo by the same library through the same broker, in turns; then a rush of attempts; then everybody comes back
after the broker was killed.
"""

import asyncio
import contextlib
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import aiomqtt
from sqlalchemy import func, insert, select

from benchmarks import mqtt_echo
from benchmarks.decision import COMMUNITY, CREDENTIALS, TAGGER, card, community
from benchmarks.mqtt_echo import BLOCKS, MESSAGES_A_BLOCK, WARM_UP, NoOffsets, SystemClock
from edge.core.snapshot import Snapshot, build
from edge.doors.desk import DoorDesk
from edge.doors.ledger import StoreLedger
from edge.runtime import LoopWatch, settle_memory
from edge.store import tables
from edge.store.engine import Store, open_store
from edge.store.writer import Writer
from models.access import UnlockMethod
from models.device import Device, DeviceType, Relay
from models.ids import DeviceId, Mac, SipUser
from mqtt.accounts import Account, Role
from mqtt.broker.choose import make_broker
from mqtt.broker.supervisor import OwnBroker
from mqtt.plane import MqttPlane
from mqtt.settings import MqttSettings
from mqtt.topics import Topics
from sip.media.relay import SWITCH_INTERVAL_S

TOPICS = Topics("intercom", COMMUNITY.id)
KNOWN_CARD = card(3)
DOORS = 50
RATE_A_S = 500
RUSH_S = 10
CROWDS = {"mosquitto": 2_000, "embedded": 500}
SETTLE_S = 31.0  # after a device came, its messages are asked for their age for so long


def mac(number: int) -> Mac:
    return Mac(f"0c11{number:08x}")


@dataclass
class HeldWorld:
    snapshot: Snapshot


class Accounts:
    def __init__(self, count: int) -> None:
        self.all = [Account(mac(n), f"password-of-{mac(n)}", Role.DEVICE) for n in range(count)]

    def mqtt_accounts(self) -> Iterable[Account]:
        return self.all


def world() -> Snapshot:
    """The community of the decision's benchmark with as many doors as the largest crowd."""
    big = community()
    relay = Relay(1, methods=frozenset(UnlockMethod))
    doors = [door(n, relay) for n in range(max(CROWDS.values()))]
    parts = {"buildings": big.buildings, "apartments": big.apartments, "schedules": big.schedules}
    values = {name: list(part.values()) for name, part in parts.items()}
    return build(1, replace(COMMUNITY), devices=doors, credentials=big.credentials.values(), **values)


def door(number: int, relay: Relay) -> Device:
    user = SipUser(f"{10_000_000 + number}")
    return Device(DeviceId(f"d-{number}"), mac(number), f"Door {number}", DeviceType.DOOR_PHONE, user, relays=(relay,))


@dataclass
class Room:
    broker: OwnBroker
    plane: MqttPlane
    store: Store
    lag: LoopWatch


@contextlib.asynccontextmanager
async def room(folder: Path, kind: str, snapshot: Snapshot, devices: int) -> AsyncIterator[Room]:
    """Broker, plane and door desk, all running."""
    store = open_store(f"sqlite:///{folder / 'edge.db'}")
    with store.write() as connection:
        row = {"id": COMMUNITY.id, "name": COMMUNITY.name, "time_zone": COMMUNITY.time_zone}
        connection.execute(insert(tables.community).values(**row))
    writer = Writer(store)
    writer.start()
    accounts = Accounts(devices)
    settings = MqttSettings(broker=kind, port=0)  # type: ignore[arg-type]  # one of the two
    broker = make_broker(settings, TOPICS, accounts, folder=folder / "broker", login_file=folder / "unused")
    assert isinstance(broker, OwnBroker)
    clock = SystemClock()
    plane = MqttPlane(TOPICS, broker, accounts, clock, NoOffsets())
    desk = DoorDesk(HeldWorld(snapshot), clock, plane, StoreLedger(store, writer, COMMUNITY.id), TAGGER)
    plane.attach(desk)
    lag = LoopWatch()
    parts = (broker, desk, plane, lag)
    for part in parts:
        await part.start()
    async with asyncio.TaskGroup() as group:
        running = [group.create_task(part.run()) for part in parts]
        try:
            yield Room(broker, plane, store, lag)
        finally:
            for task in running:
                task.cancel()
    for part in reversed(parts):
        await part.stop()
    await asyncio.to_thread(writer.close)
    store.close()


async def child(module: str, *more: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", module, *more, stdin=subprocess.PIPE, stdout=subprocess.PIPE, limit=2**24
    )


async def order(process: asyncio.subprocess.Process, what: object) -> Any:
    process.stdin.write(json.dumps(what).encode() + b"\n")
    await process.stdin.drain()
    return json.loads(await process.stdout.readline())


async def crowd(at: Room, devices: int) -> asyncio.subprocess.Process:
    """*devices* of them, all connected."""
    host, port = at.broker.listeners.own
    users = [[mac(n), f"password-of-{mac(n)}"] for n in range(devices)]
    process = await child("benchmarks.device_clients")
    process.stdin.write(json.dumps({"host": host, "port": port, "root": TOPICS.root, "users": users}).encode() + b"\n")
    await order(process, "up")
    return process


async def end(process: asyncio.subprocess.Process) -> None:
    process.stdin.close()
    await process.wait()


# --- what is measured -----------------------------------------------------------------------------------------------


async def echo(client: aiomqtt.Client) -> None:
    """The library's own way to answer a message."""
    async for message in client.messages:
        await client.publish(f"{TOPICS.root}/{mac(0)}/down/echo", message.payload, qos=1)


async def beside_an_echo(at: Room) -> None:
    """An attempt answered by the whole desk, its row on disk, and an echo that does nothing, in turns."""
    host, port = at.broker.listeners.own
    _, login = at.broker.dial("probe")
    options = {"identifier": login.client_id, "username": login.user, "password": login.password}
    no_delay = ((socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),)
    process = await child("benchmarks.device_plane", "--device")
    times_s: dict[str, list[float]] = {"attempt": [], "echo": []}
    async with aiomqtt.Client(host, port, socket_options=no_delay, **options) as client, asyncio.TaskGroup() as group:
        await client.subscribe(f"{TOPICS.root}/{mac(0)}/up/echo", qos=1)
        echoing = group.create_task(echo(client))
        process.stdin.write(json.dumps([host, port, f"password-of-{mac(0)}"]).encode() + b"\n")
        await process.stdout.readline()
        for block in range(-1, BLOCKS):
            for kind in times_s:
                took_s = await order(process, [kind, WARM_UP if block < 0 else MESSAGES_A_BLOCK])
                times_s[kind] += took_s if block >= 0 else []
        echoing.cancel()
    await end(process)
    cuts = {kind: statistics.quantiles(values, n=100) for kind, values in times_s.items()}
    for kind, name in (("echo", "echo by aiomqtt alone"), ("attempt", "attempt → decision, row on disk")):
        print(f"| {name} | {1000 * cuts[kind][49]:.2f} | {1000 * cuts[kind][98]:.2f} | |")
    ratios = [cuts["attempt"][at_] / cuts["echo"][at_] for at_ in (49, 98)]
    print(f"| the one by the other | {ratios[0]:.2f} × | {ratios[1]:.2f} × | |", flush=True)


def device_main() -> None:
    """As in `benchmarks.mqtt_echo`, with a card of this community."""
    mqtt_echo.TOPICS, mqtt_echo.DOOR = TOPICS, mac(0)
    host, port, password = json.loads(sys.stdin.readline())
    device = mqtt_echo.Device(host, port, mac(0), password)
    print("ready", flush=True)
    number = 0
    for line in sys.stdin:
        kind, count = json.loads(line)
        times_s = []
        for _ in range(count):
            number += 1
            at = mqtt_echo.rfc3339(time.time_ns() // 1_000_000)
            told = {"id": f"a{number}", "at": at, "method": "rf_card", "value": KNOWN_CARD}
            times_s.append(device.ask_s(f"{TOPICS.root}/{mac(0)}/up/{kind}", json.dumps(told).encode()))
            time.sleep(0.001)
        print(json.dumps(times_s), flush=True)


async def rush(at: Room) -> None:
    """Attempts at a steady rate from `DOORS` doors; every answer has its row."""
    process = await crowd(at, DOORS)
    before = rows(at.store)
    await at.lag.start()
    told = await order(process, {"rate": RATE_A_S, "seconds": RUSH_S, "value": KNOWN_CARD})
    lag_ms = 1000 * at.lag.late_s(0.99)
    await end(process)
    cuts = statistics.quantiles(told["took_s"], n=100)
    stored = rows(at.store) - before
    print(f"| {told['sent']} attempts at {told['sent'] / told['sent_in_s']:.0f}/s, {DOORS} doors: answered | "
          f"{1000 * cuts[49]:.1f} | {1000 * cuts[98]:.1f} | {told['unanswered']} without an answer |")  # fmt: skip
    print(
        f"| of these granted, and rows on disk | {told['granted']} | {stored} | loop late p99 {lag_ms:.1f} ms |",
        flush=True,
    )


def rows(store: Store) -> int:
    with store.read() as connection:
        wanted = select(func.count()).select_from(tables.journal).where(tables.journal.c.kind == "access")
        return int(connection.execute(wanted).scalar_one())


async def everybody_back(at: Room, devices: int) -> None:
    """The broker is killed; how long until all devices are connected again, and known to be."""
    process = await crowd(at, devices)
    await known(at, devices)
    assert at.broker.pid is not None
    began = time.perf_counter()
    os.kill(at.broker.pid, signal.SIGKILL)
    await order(process, "lost")
    await order(process, "up")
    back_s = time.perf_counter() - began
    await known(at, devices)
    known_s = time.perf_counter() - began
    lag_ms = 1000 * at.lag.late_s(0.99)
    print(f"| {devices} devices back after {at.broker.program} was killed, s: connected, known online | {back_s:.1f} | "
          f"{known_s:.1f} | loop late p99 {lag_ms:.1f} ms |", flush=True)  # fmt: skip
    await end(process)


async def known(at: Room, devices: int) -> None:
    while not all(at.plane.online(mac(n)) for n in range(devices)):  # noqa: ASYNC110 - looked at from outside
        await asyncio.sleep(0.05)


async def main() -> None:
    snapshot = world()
    settle_memory()
    sys.setswitchinterval(SWITCH_INTERVAL_S)  # as in the daemon, whose RTP relay asks for it
    print(f"{CREDENTIALS:,} credentials\n\n| what | p50 ms | p99 ms | |\n|---|---|---|---|", flush=True)
    for kind, devices in CROWDS.items():
        with tempfile.TemporaryDirectory() as folder:
            async with room(Path(folder), kind, snapshot, devices) as at:
                print(f"| **{kind}** | | | |", flush=True)
                await beside_an_echo(at)
                await rush(at)
                await everybody_back(at, devices)


if __name__ == "__main__":
    if "--device" in sys.argv:
        device_main()
    else:
        asyncio.run(main())
