"""Many devices in one process, each an MQTT connection as lean as can be; `benchmarks.device_plane` uses it.

First line on standard input: {"host", "port", "root", "users": [[user, password], …]}. Then orders, a line each:
"up" waits until every device is connected and says how long that took since the last loss; {"rate", "seconds", "value"}
sends attempts at that rate, whoever answers, and says what became of them.
"""

import asyncio
import json
import random
import socket
import struct
import sys
import time
from typing import Any

from edge.core.answers import rfc3339

KEEPALIVE_S = 60


def text(value: str) -> bytes:
    raw = value.encode()
    return struct.pack("!H", len(raw)) + raw


def packet(first: int, body: bytes) -> bytes:
    length, head = len(body), bytearray((first,))
    while True:
        length, low = divmod(length, 128)
        head.append(low | (128 if length else 0))
        if not length:
            return bytes(head) + body


class Client:
    """One device. It comes back by itself, after a pause of its own, as the manual asks (docs/mqtt.md)."""

    def __init__(self, crowd: "Crowd", user: str, password: str) -> None:
        self.crowd = crowd
        self.user = user
        self.branch = f"{crowd.root}/{user}"
        will = text(f"{self.branch}/up/state") + text("offline")
        login = text("MQTT") + b"\x04\xe6" + struct.pack("!H", KEEPALIVE_S) + text(user) + will
        self.connect = packet(0x10, login + text(user) + text(password))
        self.subscribe = packet(0x82, b"\0\1" + text(f"{self.branch}/down/#") + b"\1")
        self.state = packet(0x33, text(f"{self.branch}/up/state") + b"\0\2online")
        self.writer: asyncio.StreamWriter | None = None

    async def run(self) -> None:
        pause_s = 0.1
        while True:
            try:
                await self.live()
            except (OSError, asyncio.IncompleteReadError, ConnectionError):
                self.crowd.lost(self)
            await asyncio.sleep(pause_s * random.uniform(0.5, 1.0))
            pause_s = min(2 * pause_s, 2.0)

    async def live(self) -> None:
        reader, writer = await asyncio.open_connection(self.crowd.host, self.crowd.port)
        try:
            writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            writer.write(self.connect)
            await self.expect(reader, 2)
            writer.write(self.subscribe)
            await self.expect(reader, 9)
            writer.write(self.state)
            await self.expect(reader, 4)
            self.writer = writer
            self.crowd.came(self)
            while True:
                self.received(writer, *await self.read(reader))
        finally:
            self.writer = None
            writer.close()

    async def expect(self, reader: asyncio.StreamReader, kind: int) -> None:
        """Wait for a packet of *kind*; a refused login is a lost connection."""
        while True:
            first, body = await self.read(reader)
            if first >> 4 == kind:
                if kind == 2 and body[1]:
                    raise ConnectionError(f"refused with {body[1]}")
                return

    async def read(self, reader: asyncio.StreamReader) -> tuple[int, bytes]:
        first = (await reader.readexactly(1))[0]
        length = shift = 0
        while True:
            byte = (await reader.readexactly(1))[0]
            length |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return first, await reader.readexactly(length)

    def received(self, writer: asyncio.StreamWriter, first: int, body: bytes) -> None:
        if first >> 4 != 3:
            return
        end = 2 + struct.unpack_from("!H", body)[0]
        topic, payload = body[2:end].decode(), body[end:]
        if first & 6:
            writer.write(packet(0x40, body[end : end + 2]))
            payload = body[end + 2 :]
        if topic.endswith("/decision"):
            self.crowd.answered(json.loads(payload))

    def attempt(self, identity: str, value: str) -> None:
        if self.writer is None:
            return
        at = rfc3339(time.time_ns() // 1_000_000)
        body = json.dumps({"id": identity, "at": at, "method": "rf_card", "value": value}).encode()
        self.writer.write(packet(0x32, text(f"{self.branch}/up/attempt") + b"\0\3" + body))


class Crowd:
    """All of them."""

    def __init__(self, order: dict[str, Any]) -> None:
        self.host, self.port, self.root = order["host"], order["port"], order["root"]
        self.clients = [Client(self, user, password) for user, password in order["users"]]
        self.online: set[Client] = set()
        self.lost_s = time.perf_counter()
        self.all_there = asyncio.Event()
        self.sent_s: dict[str, float] = {}
        self.took_s: list[float] = []
        self.granted = 0
        self.number = 0

    def came(self, client: Client) -> None:
        self.online.add(client)
        if len(self.online) == len(self.clients):
            self.all_there.set()

    def lost(self, client: Client) -> None:
        if len(self.online) == len(self.clients):
            self.lost_s = time.perf_counter()
        self.online.discard(client)
        self.all_there.clear()

    def answered(self, decision: dict[str, Any]) -> None:
        sent_s = self.sent_s.pop(decision["id"], None)
        if sent_s is not None:
            self.took_s.append(time.perf_counter() - sent_s)
            self.granted += decision["granted"]

    async def storm(self, rate: float, seconds: float, value: str) -> dict[str, Any]:
        self.took_s, self.granted = [], 0
        began = time.perf_counter()
        count = round(rate * seconds)
        for index in range(count):
            await asyncio.sleep(max(0.0, began + index / rate - time.perf_counter()))
            self.number += 1
            identity = f"s-{self.number}"
            self.sent_s[identity] = time.perf_counter()
            self.clients[index % len(self.clients)].attempt(identity, value)
        sent_in_s = time.perf_counter() - began
        for _ in range(100):
            if not self.sent_s:
                break
            await asyncio.sleep(0.05)
        return {
            "sent": count, "sent_in_s": sent_in_s, "granted": self.granted, "unanswered": len(self.sent_s),
            "took_s": self.took_s,
        }  # fmt: skip


async def main() -> None:
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=2**24)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    crowd = Crowd(json.loads(await reader.readline()))
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(client.run()) for client in crowd.clients]
        while line := await reader.readline():
            order = json.loads(line)
            if order == "up":
                await crowd.all_there.wait()
                print(json.dumps({"up_in_s": time.perf_counter() - crowd.lost_s}), flush=True)
            elif order == "lost":
                while crowd.all_there.is_set():  # noqa: ASYNC110 - a benchmark's child
                    await asyncio.sleep(0.005)
                print(json.dumps({"lost": True}), flush=True)
            else:
                print(json.dumps(await crowd.storm(**order)), flush=True)
        for task in tasks:
            task.cancel()


if __name__ == "__main__":
    asyncio.run(main())
