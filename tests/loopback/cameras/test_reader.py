"""A camera's reader as a process, against a camera that speaks RTSP."""

import asyncio
import itertools
import json
import os
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from edge.cameras.reader import PAYLOAD_TYPE
from sip.media.rtp import parse_header
from sip.media.webrtc_h264 import NAL_IDR, NAL_PPS, NAL_SPS, AccessUnit, Depacketizer
from tests.fakes.rtsp_camera import RtspCamera

WITHIN_S = 30.0
PASSWORD = "p@ss/word:1"


class Reader:
    """The process, and where it sends."""

    def __init__(self, process: asyncio.subprocess.Process, sock: socket.socket) -> None:
        self.process, self._socket = process, sock
        self._pictures = Depacketizer()

    async def told(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        async with asyncio.timeout(WITHIN_S):
            return dict(json.loads(await self.process.stdout.readline()))

    async def picture(self) -> AccessUnit:
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(WITHIN_S):
            while True:
                packet = await loop.sock_recv(self._socket, 2048)
                header = parse_header(packet)
                assert header is not None
                assert header.payload_type == PAYLOAD_TYPE
                payload = packet[header.payload_at :]
                for unit in self._pictures.feed(header.sequence, header.timestamp, header.marker, payload):
                    return unit


@pytest.fixture
async def begin() -> AsyncIterator[Any]:
    begun: list[Reader] = []

    async def begin(url: str, user: str = "", password: str = "") -> Reader:
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        sock.bind(("127.0.0.1", 0))
        sock.setblocking(False)
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "edge.cameras.reader", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
        )
        assert process.stdin is not None
        port = sock.getsockname()[1]
        process.stdin.write(json.dumps({"url": url, "user": user, "password": password, "port": port}).encode() + b"\n")
        begun.append(Reader(process, sock))
        return begun[-1]

    yield begin
    for reader in begun:
        assert reader.process.stdin is not None
        reader.process.stdin.close()
        async with asyncio.timeout(WITHIN_S):
            assert await reader.process.wait() == 0, "it ends with its standard input"
        reader._socket.close()


def arguments_of(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_text()


async def test_the_camera_s_own_packets_come_and_the_login_stands_nowhere(begin: Any) -> None:
    async with RtspCamera("admin", PASSWORD) as camera:
        reader = await begin(camera.url, "admin", PASSWORD)
        assert await reader.told() == {"live": True}
        pictures = [await reader.picture() for _ in range(4)]
        assert pictures[0].key
        sent = [[payload for payload in each if payload[0] & 0x1F not in (6,)] for each in camera.pictures]
        for picture in pictures:
            assert [one for one in picture.payloads if one[0] & 0x1F not in (6,)] in sent, "byte for byte"
        stamps = [picture.timestamp for picture in pictures]
        steps = [(after - before) % (1 << 32) for before, after in itertools.pairwise(stamps)]
        assert all(0 < step <= 90_000 for step in steps)
        arguments = arguments_of(reader.process.pid)
        assert "edge.cameras.reader" in arguments
        assert not any(word in f"{arguments}{camera.asked}" for word in (PASSWORD, "p%40ss", "admin"))


async def test_parameter_sets_of_the_description_come_with_each_key_frame(begin: Any) -> None:
    async with RtspCamera(bare=True) as camera:
        reader = await begin(camera.url)
        kinds = [payload[0] & 0x1F for payload in (await reader.picture()).payloads]
        assert kinds[:2] == [NAL_SPS, NAL_PPS]
        assert NAL_IDR in kinds or 28 in kinds


async def test_a_lost_camera_is_told_once_and_comes_back(begin: Any) -> None:
    camera = RtspCamera()
    await camera.on()
    reader = await begin(camera.url)
    try:
        assert await reader.told() == {"live": True}
        last = await reader.picture()
        await camera.off()
        lost = await reader.told()
        assert lost["live"] is False
        await camera.on()
        assert await reader.told() == {"live": True}, "and nothing in between, however often it tried"
        while not (picture := await reader.picture()).key:
            continue
        assert 0 < (picture.timestamp - last.timestamp) % (1 << 32) < (1 << 31)
    finally:
        await camera.off()


@pytest.mark.parametrize("kind", ["wrong password", "PCMU", "nobody"])
async def test_what_cannot_be_shown_is_told_without_address_or_login(begin: Any, kind: str) -> None:
    async with RtspCamera("admin", "right", kind="PCMU" if kind == "PCMU" else "H264") as camera:
        if kind == "nobody":
            await camera.off()
        reader = await begin(camera.url, "admin", "right" if kind == "PCMU" else PASSWORD)
        told = await reader.told()
        assert told["live"] is False
        assert told["why"]
        assert not any(word in told["why"] for word in (PASSWORD, "p%40ss", "admin", "127.0.0.1"))
        os.kill(reader.process.pid, 0)
