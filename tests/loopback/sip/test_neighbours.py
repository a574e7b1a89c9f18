"""Behind one address: a guesser, and the telephones of the house. He is shut out, they are not."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator

import pytest

from sip.message import Request, Response
from sip.parser import parse
from sip.settings import SipSettings
from tests.fakes.sip import again, answer, request
from tests.fakes.sip_service import WITHIN_S, Running

SILENT_S = 0.3


@pytest.fixture
async def running(address: str) -> AsyncIterator[Running]:
    settings = SipSettings(listen=(address,), port=0, ping_interval_s=0, source_rate_per_s=20.0, source_burst=60)
    async with Running(settings) as service:
        yield service


@contextlib.contextmanager
def behind_the_nat() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
        peer.bind(("127.0.0.1", 0))
        peer.setblocking(False)
        yield peer


async def ask(running: Running, peer: socket.socket, message: Request, within_s: float = WITHIN_S) -> Response:
    """Raises TimeoutError where there is no answer."""
    loop = asyncio.get_running_loop()
    await loop.sock_sendto(peer, message.render(), running.udp)
    heard = parse(await asyncio.wait_for(loop.sock_recv(peer, 65535), within_s))
    assert isinstance(heard, Response)
    return heard


async def register(running: Running, peer: socket.socket, call_id: str, cseq: int = 1) -> int:
    plain = request("REGISTER", "sip:edge", call_id=call_id, cseq=cseq)
    challenge = await ask(running, peer, plain)
    assert challenge.status == 401
    return (await ask(running, peer, answer(again(plain), challenge))).status


async def guess_until_silence(running: Running, peer: socket.socket) -> int:
    """How many guesses got an answer."""
    for number in range(100):
        plain = request("REGISTER", "sip:edge", user="10000002", call_id=f"guess-{number}")
        try:
            challenge = await ask(running, peer, plain, SILENT_S)
            await ask(running, peer, answer(again(plain), challenge, "10000002", "guess"), SILENT_S)
        except TimeoutError:
            return number
    raise AssertionError("nobody stops the guesser")


async def test_a_guesser_behind_the_same_address_shuts_nobody_out_but_himself(running):
    with behind_the_nat() as phone, behind_the_nat() as guesser, behind_the_nat() as same_phone_later:
        assert await register(running, phone, "phone") == 200
        assert 10 < await guess_until_silence(running, guesser) < 25
        assert running.endpoint.gate.banned_count(running.endpoint.timers.time()) == 1
        for number in range(300):  # and he goes on
            guesser.sendto(request("REGISTER", call_id=f"on-{number}").render(), running.udp)
        assert await register(running, phone, "phone", cseq=10) == 200, "its refresh"
        assert await register(running, same_phone_later, "restarted") == 200, "its NAT gave it another port"
        assert running.endpoint.counters["datagrams_of_banned"] > 200


async def test_a_banned_address_has_no_connections_either(running):
    with behind_the_nat() as guesser:
        before = await asyncio.open_connection(*running.tcp)
        assert await guess_until_silence(running, guesser) > 0
        reader, writer = await asyncio.open_connection(*running.tcp)
        assert await asyncio.wait_for(_read(reader), WITHIN_S) == b""
        writer.close()
        before[1].write(request("OPTIONS", "sip:edge", headers={"Content-Length": "0"}).render())
        assert await asyncio.wait_for(_read(before[0]), WITHIN_S) == b""
        before[1].close()


async def _read(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.read()
    except ConnectionResetError:
        return b""
