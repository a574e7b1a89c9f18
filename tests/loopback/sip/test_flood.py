"""Floods from outside against a registrar in a process of its own: its memory is bounded, its devices go on."""

import asyncio
import random
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sip.message import Response
from sip.parser import parse
from tests.fakes.sip import answer, request
from tests.fakes.sip_service import WITHIN_S

MESSAGES = 40_000
GROWTH_MB_MAX = 24.0
STARTED_WITHIN_S = 10.0
ANSWERED_WITHIN_S = 20.0  # it works off what the kernel holds of the flood first


class Server:
    """`benchmarks.sip_server`, which forgives every source: what is measured is what messages leave behind."""

    def __init__(self, process: asyncio.subprocess.Process, place: tuple[str, int]) -> None:
        self._process = process
        self.place = place

    def resident_mb(self) -> float:
        lines = Path(f"/proc/{self._process.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024


@pytest.fixture
async def server(address: str) -> AsyncIterator[Server]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind((address, 0))
        port = probe.getsockname()[1]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.sip_server", address, str(port), "edge", stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    assert await asyncio.wait_for(process.stdout.readline(), STARTED_WITHIN_S)
    yield Server(process, (address, port))
    process.terminate()
    await asyncio.wait_for(process.communicate(), WITHIN_S)


def rubbish(number: int) -> bytes:
    """Each of another kind, user, dialog and branch; some of it is not SIP at all."""
    draw = random.Random(number)
    user, call_id = str(draw.randrange(10**8)), f"{number}-{draw.random()}"
    kind = number % 6
    if kind == 0:
        return request("REGISTER", "sip:edge", user=user, call_id=call_id).render()
    if kind == 1:
        headers = {"Subject": "x" * 3000, f"X-{number}": "1"}
        return request("INVITE", f"sip:{user}@edge", user=user, call_id=call_id, headers=headers, body=b"v=0").render()
    if kind == 2:
        credentials = (
            f'Digest username="{user}", realm="edge", nonce="{call_id}", uri="sip:{user}", response="1", qop=auth, '
            'nc=00000001, cnonce="a"'
        )
        return request("REGISTER", f"sip:{user}", call_id=call_id, headers={"Authorization": credentials}).render()
    if kind == 3:
        return request("BYE", f"sip:{user}@edge", to=f"<sip:a@edge>;tag={number}", call_id=call_id).render()
    if kind == 4:
        return request(f"M{number}", f"sip:{user}@h{number}.example", call_id=call_id).render()
    return draw.randbytes(draw.randrange(1, 1400))


async def ask(peer: socket.socket, data: bytes, place: tuple[str, int]) -> bytes:
    """Send until there is an answer, as SIP does over UDP."""
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(ANSWERED_WITHIN_S):
        while True:
            await loop.sock_sendto(peer, data, place)
            try:
                return await asyncio.wait_for(loop.sock_recv(peer, 65535), 0.5)
            except TimeoutError:
                continue


async def test_a_flood_leaves_nothing_behind_and_a_device_registers_after_it(server):
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as flood:
        flood.setblocking(False)
        for number in range(MESSAGES // 4):  # what is reserved once is reserved now
            await loop.sock_sendto(flood, rubbish(number), server.place)
        await ask(flood, request("OPTIONS", "sip:edge").render(), server.place)
        before_mb = server.resident_mb()
        for number in range(MESSAGES // 4, MESSAGES):
            await loop.sock_sendto(flood, rubbish(number), server.place)
            if number % 50 == 0:
                await asyncio.sleep(0)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as device:
        device.setblocking(False)
        plain = request("REGISTER", "sip:edge", user="u1", call_id="the-device")
        challenge = parse(await ask(device, plain.render(), server.place))
        assert isinstance(challenge, Response)
        second = request("REGISTER", "sip:edge", user="u1", call_id="the-device", cseq=2)
        proven = answer(second, challenge, user="u1", password="pass", algorithm="MD5")
        assert (await ask(device, proven.render(), server.place)).startswith(b"SIP/2.0 200")
    grown_mb = server.resident_mb() - before_mb
    assert grown_mb < GROWTH_MB_MAX
