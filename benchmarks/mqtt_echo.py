"""From an attempt sent by a device to the decision it hears, over a real broker, beside an echo of the same library.

Run it as ``python -m benchmarks.mqtt_echo``; it prints rows of a Markdown table. The desk answers at once and stores
nothing, so what is measured is the device plane, aiomqtt and mosquitto (the embedded broker where that is missing).
The device is a process of its own that waits for each answer; plane and echo take turns in blocks of one run.
"""

import asyncio
import json
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import aiomqtt

from edge.core.answers import answer, rfc3339
from models.access import AccessDecision, Attempt, Reason
from models.device_events import DeviceEvent, Hello
from models.ids import CommunityId, Mac
from mqtt.accounts import Account, Role
from mqtt.broker.choose import make_broker
from mqtt.broker.supervisor import OwnBroker
from mqtt.plane import MqttPlane
from mqtt.settings import MqttSettings
from mqtt.topics import Topics

BLOCKS = 6
MESSAGES_A_BLOCK = 250
WARM_UP = 50
TOPICS = Topics("intercom", CommunityId("c-bench"))
DOOR = Mac("0c1105000001")
PASSWORD = "bench-password-of-one-door"
GRANT = AccessDecision(Reason.GRANTED, relays=(1,), holds={"1": 5})


# --- the device -----------------------------------------------------------------------------------------------------


class Device:
    """A blocking client in a process of its own, as lean as can be: what it adds is the same for both."""

    def __init__(self, host: str, port: int, user: str, password: str) -> None:
        self._socket = socket.create_connection((host, port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._file = self._socket.makefile("rb")
        login = b"".join(_text(value) for value in (user, user, password))
        self._send(0x10, _text("MQTT") + b"\x04\xc2\x00\x00" + login)
        assert self._packet()[1][1] == 0
        self._send(0x82, b"\0\1" + _text(TOPICS.may_read(user)) + b"\1")
        assert self._packet()[0] >> 4 == 9

    def ask_s(self, topic: str, payload: bytes) -> float:
        """Publish *payload* and wait for the next message; seconds between."""
        start_s = time.perf_counter()
        self._send(0x32, _text(topic) + b"\0\2" + payload)
        while True:
            first, body = self._packet()
            if first >> 4 == 3:
                took_s = time.perf_counter() - start_s
                end = 2 + struct.unpack_from("!H", body)[0]
                self._send(0x40, body[end : end + 2])
                return took_s

    def _send(self, first: int, body: bytes) -> None:
        length, head = len(body), bytearray((first,))
        while True:
            length, low = divmod(length, 128)
            head.append(low | (128 if length else 0))
            if not length:
                break
        self._socket.sendall(bytes(head) + body)

    def _packet(self) -> tuple[int, bytes]:
        first = self._file.read(1)[0]
        length = shift = 0
        while True:
            byte = self._file.read(1)[0]
            length |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return first, self._file.read(length)


def _text(value: str) -> bytes:
    raw = value.encode()
    return struct.pack("!H", len(raw)) + raw


def device_main() -> None:
    """Read orders (kind and count) line by line, answer each with its times."""
    host, port, password = json.loads(sys.stdin.readline())
    device = Device(host, port, DOOR, password)
    print("ready", flush=True)
    number = 0
    for line in sys.stdin:
        kind, count = json.loads(line)
        times_s = []
        for _ in range(count):
            number += 1
            at = rfc3339(time.time_ns() // 1_000_000)
            payload = json.dumps({"id": f"a{number}", "at": at, "method": "pin", "value": "123456"}).encode()
            times_s.append(device.ask_s(f"{TOPICS.root}/{DOOR}/up/{kind}", payload))
            time.sleep(0.001)  # a person is slower; a loop that never rests measures something else
        print(json.dumps(times_s), flush=True)


# --- the daemon's side ----------------------------------------------------------------------------------------------


class Accounts:
    def mqtt_accounts(self) -> list[Account]:
        return [Account(DOOR, PASSWORD, Role.DEVICE)]


class SystemClock:
    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000

    def monotonic(self) -> float:
        return time.monotonic()


class NoOffsets:
    def clock_offsets_ms(self) -> dict[Mac, int]:
        return {}

    def clock_offset_learnt(self, device: Mac, offset_ms: int) -> None:
        return


class TrivialDesk:
    """Grants everything at once."""

    def __init__(self, plane: MqttPlane) -> None:
        self._plane = plane

    async def attempt(self, attempt: Attempt) -> None:
        await self._plane.decision(attempt.device, answer(GRANT, attempt))

    async def event(self, event: DeviceEvent) -> None:
        return

    async def hello(self, hello: Hello) -> None:
        return

    async def presence(self, device: Mac, online: bool) -> None:
        return


async def echo(client: aiomqtt.Client) -> None:
    """The library's own way to answer a message."""
    reply = TOPICS.down(DOOR, "echo")
    async for message in client.messages:
        await client.publish(reply, message.payload, qos=1)


async def measure(broker: OwnBroker) -> dict[str, list[float]]:
    """Times in seconds of `attempt` (through the plane) and `echo`, in turns."""
    host, port = broker.listeners.own
    _, login = broker.dial("probe")
    plane = MqttPlane(TOPICS, broker, Accounts(), SystemClock(), NoOffsets())
    plane.attach(TrivialDesk(plane))
    await plane.start()
    no_delay = ((socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),)  # without it the echo takes 43 ms, and the plane wins
    options = {"identifier": login.client_id, "username": login.user, "password": login.password}
    device = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.mqtt_echo", "--device", stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    times_s: dict[str, list[float]] = {"attempt": [], "echo": []}
    async with aiomqtt.Client(host, port, socket_options=no_delay, **options) as client, asyncio.TaskGroup() as group:
        await client.subscribe(f"{TOPICS.root}/{DOOR}/up/echo", qos=1)
        tasks = [group.create_task(plane.run()), group.create_task(echo(client))]
        await _order(device, [host, port, PASSWORD])
        for block in range(-1, BLOCKS):
            for kind in times_s:
                took_s = json.loads(await _order(device, [kind, WARM_UP if block < 0 else MESSAGES_A_BLOCK]))
                times_s[kind] += took_s if block >= 0 else []
        for task in tasks:
            task.cancel()
    device.stdin.close()
    await device.wait()
    await plane.stop()
    return times_s


async def _order(device: asyncio.subprocess.Process, order: list[object]) -> bytes:
    device.stdin.write(json.dumps(order).encode() + b"\n")
    await device.stdin.drain()
    return await device.stdout.readline()


async def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        settings = MqttSettings(port=0)
        broker = make_broker(settings, TOPICS, Accounts(), folder=Path(folder), login_file=Path(folder) / "unused")
        await broker.start()
        async with asyncio.TaskGroup() as group:
            watching = group.create_task(broker.run())
            times_s = await measure(broker)
            watching.cancel()
        await broker.stop()
    print(f"| {BLOCKS * MESSAGES_A_BLOCK} each, {broker.program} | p50 ms | p99 ms | max ms |\n|---|---|---|---|")
    cuts = {kind: statistics.quantiles(sorted(values), n=100) for kind, values in times_s.items()}
    for kind, name in (("echo", "echo by aiomqtt alone"), ("attempt", "attempt → decision")):
        low, high, worst = cuts[kind][49], cuts[kind][98], max(times_s[kind])
        print(f"| {name} | {1000 * low:.2f} | {1000 * high:.2f} | {1000 * worst:.2f} |")
    ratio = [cuts["attempt"][at] / cuts["echo"][at] for at in (49, 98)]
    print(f"| attempt / echo | {ratio[0]:.2f} | {ratio[1]:.2f} | |")


if __name__ == "__main__":
    if "--device" in sys.argv:
        device_main()
    else:
        asyncio.run(main())
