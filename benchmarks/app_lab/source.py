"""The doors' cameras and microphones: RTP of many doors from one process, and what comes back to them.

Driven by JSON lines: first the doors' addresses ``[["127.1.1.1", 40000], …]`` (the picture is two ports further),
answered by ``{"ready": true}``; then ``{"door": 0, "audio": [host, port], "video": [host, port]}`` begins one, with a
key frame, or sends it elsewhere; without addresses it ends. ``{"ask": "report"}`` tells what was sent and heard since
the last time. Times are monotonic seconds, the same in every process of the machine.

Doors are no orchestra: each begins at a moment of its own, so pictures are spread over time as in a house.
"""

import asyncio
import heapq
import itertools
import json
import pickle
import selectors
import socket
import struct
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Self

from benchmarks.app_lab.pictures import FPS, TICKS, Pictures

PORT: Final = 40_000  # of a door that has an address of its own
PICTURE: Final = 2  # its port is so many after that of the sound
PCMA: Final = 8
H264: Final = 99  # as aiortc numbers it, so that what changes no numbers can pass it on
_FRAME_S: Final = 0.02
_SOUND: Final = bytes(range(64, 224))  # 20 ms that nobody makes but a door of ours
SPOKEN: Final = bytes([0x11]) * 160  # 20 ms of an app's microphone
_HEADER: Final = struct.Struct("!BBHII")
_LATE_S: Final = 0.5  # what is later than this is left out, as a camera would


@dataclass
class _Door:
    audio: socket.socket
    video: socket.socket
    turn: int = 0  # of its beginnings
    to: dict[str, tuple[str, int]] = field(default_factory=dict)
    sequence: int = 0
    pictures: int = 0
    sounds: int = 0
    sent: list[tuple[int, float]] = field(default_factory=list)  # picture of the record, when its last packet went
    heard: int = 0
    spoken_at: float | None = None  # when the app's voice first came

    def show(self, record: Pictures) -> int:
        """Send the next picture; how many packets it has."""
        number = self.pictures % len(record.payloads)
        payloads = record.payloads[number]
        for index, payload in enumerate(payloads):
            marker = 0x80 if index == len(payloads) - 1 else 0
            self.sequence = (self.sequence + 1) & 0xFFFF
            head = _HEADER.pack(0x80, H264 | marker, self.sequence, self.pictures * TICKS & 0xFFFFFFFF, 7)
            self.video.sendto(head + payload, self.to["video"])
        self.sent.append((number, time.monotonic()))
        self.pictures += 1
        return len(payloads)

    def speak(self) -> None:
        head = _HEADER.pack(0x80, PCMA, self.sounds & 0xFFFF, self.sounds * 160 & 0xFFFFFFFF, 9)
        self.audio.sendto(head + _SOUND, self.to["audio"])
        self.sounds += 1

    def hear(self) -> None:
        while True:
            try:
                packet = self.audio.recv(2048)
            except BlockingIOError:
                return
            if packet[12:] == SPOKEN:
                self.heard += 1
                if self.spoken_at is None:
                    self.spoken_at = time.monotonic()


class _Pump:
    """Sends each door's next picture or sound when it is due."""

    def __init__(self, record: Pictures, places: list[tuple[str, int]]) -> None:
        self._record = record
        self._doors = [_Door(_bound(host, port), _bound(host, port + PICTURE)) for host, port in places]
        self._due: list[tuple[float, int, bool, int, int]] = []
        self._order = itertools.count()
        self._packets = 0
        self._eyes = selectors.DefaultSelector()
        for door in self._doors:
            self._eyes.register(door.audio, selectors.EVENT_READ, door)
        self._eyes.register(sys.stdin, selectors.EVENT_READ)
        self._began = time.monotonic()

    def run(self) -> None:
        """Until standard input ends."""
        while True:
            wait = max(0.0, self._due[0][0] - time.monotonic()) if self._due else None
            for key, _ in self._eyes.select(wait):
                if key.data is not None:
                    key.data.hear()
                elif not (line := sys.stdin.readline()):
                    return
                else:
                    self._told(json.loads(line))
            while self._due and self._due[0][0] <= time.monotonic():
                self._next(*heapq.heappop(self._due))

    def _next(self, at: float, _order: int, picture: bool, number: int, turn: int) -> None:
        door = self._doors[number]
        if turn != door.turn:
            return
        if time.monotonic() - at < _LATE_S:
            if picture:
                self._packets += door.show(self._record)
            else:
                door.speak()
                self._packets += 1
        every = 1 / FPS if picture else _FRAME_S
        heapq.heappush(self._due, (at + every, next(self._order), picture, number, turn))

    def _told(self, command: dict[str, Any]) -> None:
        if "door" not in command:
            self._report()
            return
        number = command["door"]
        door = self._doors[number]
        begins = not door.to
        door.to = {kind: (command[kind][0], command[kind][1]) for kind in ("audio", "video") if kind in command}
        if not door.to:
            door.turn += 1
        elif begins:
            door.turn += 1
            door.pictures, door.spoken_at = 0, None
            for picture in (True, False):
                heapq.heappush(self._due, (time.monotonic(), next(self._order), picture, number, door.turn))

    def _report(self) -> None:
        report = [{"sent": door.sent, "heard": door.heard, "spoken_at": door.spoken_at} for door in self._doors]
        for door in self._doors:
            door.sent, door.heard = [], 0
        print(json.dumps({"doors": report, "packets": self._packets}), flush=True)
        self._packets = 0


def _bound(host: str, port: int) -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    made.bind((host, port))
    made.setblocking(False)
    return made


class Source:
    """The process, as a benchmark has it: ``async with Source(record, places) as source``."""

    def __init__(self, record: Pictures, places: Sequence[tuple[str, int]]) -> None:
        self._record = record
        self._places = places
        self._folder = tempfile.TemporaryDirectory()
        self._process: asyncio.subprocess.Process

    @property
    def pid(self) -> int:
        return self._process.pid

    async def __aenter__(self) -> Self:
        file = Path(self._folder.name) / "record"
        file.write_bytes(pickle.dumps(self._record))
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "benchmarks.app_lab.source", file,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=1 << 24,
        )  # fmt: skip
        self._say(self._places)
        await self._hear()
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._process.stdin is not None:
            self._process.stdin.close()
        await self._process.wait()
        self._folder.cleanup()

    def begin(self, door: int, audio: tuple[str, int], video: tuple[str, int]) -> None:
        """Door number *door* sends from here on."""
        self._say({"door": door, "audio": audio, "video": video})

    def end(self, door: int) -> None:
        self._say({"door": door})

    async def report(self) -> dict[str, Any]:
        """What was sent and heard since the last report."""
        self._say({"ask": "report"})
        return await self._hear()

    def _say(self, what: object) -> None:
        if self._process.stdin is None:
            raise RuntimeError("the source has no pipe")
        self._process.stdin.write(json.dumps(what).encode() + b"\n")

    async def _hear(self) -> dict[str, Any]:
        if self._process.stdout is None:
            raise RuntimeError("the source has no pipe")
        return dict(json.loads(await self._process.stdout.readline()))


def main() -> None:
    record = pickle.loads(Path(sys.argv[1]).read_bytes())
    pump = _Pump(record, json.loads(sys.stdin.readline()))
    print(json.dumps({"ready": True}), flush=True)
    pump.run()


if __name__ == "__main__":
    main()
