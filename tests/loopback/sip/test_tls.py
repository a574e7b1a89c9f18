"""TLS on loopback: handshakes at their rate, one connection both ways, sessions resumed, strangers and rubbish."""

import asyncio
import ssl
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from sip import doorstep
from sip.message import Headers, Request, Response
from sip.settings import SipSettings
from tests.fakes.sip import answer, request
from tests.fakes.sip_service import WITHIN_S, Running, until
from tests.loopback.sip.test_transport import read_message
from tests.mqtt_lab.certificates import self_signed

RATE_PER_S = 20.0


@dataclass
class Side:
    """Both sides' contexts and the files."""

    server: ssl.SSLContext
    client: ssl.SSLContext


@pytest.fixture
def side(address: str, tmp_path: Path) -> Side:
    certificate, key = self_signed(tmp_path, address)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.minimum_version = ssl.TLSVersion.TLSv1_2
    server.load_cert_chain(certificate, key)
    return Side(server, ssl.create_default_context(cafile=str(certificate)))


@pytest.fixture
async def running(address: str, side: Side) -> AsyncIterator[Running]:
    settings = SipSettings(listen=(address,), port=0, tls_port=0, ping_interval_s=0, tls_handshakes_per_s=RATE_PER_S)
    async with Running(settings, tls=side.server) as service:
        yield service


def place(running: Running) -> tuple[str, int]:
    host, _, port = running.service.listening.tls[0].rpartition(":")
    return host, int(port)


async def opened(running: Running, side: Side) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    async with asyncio.timeout(WITHIN_S):
        return await asyncio.open_connection(*place(running), ssl=side.client)


def over_tls(message: Request) -> bytes:
    message.headers.set("Via", (message.headers.get("Via") or "").replace("/UDP", "/TLS"))
    return message.render()


async def registered(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Response:
    writer.write(over_tls(request("REGISTER", "sip:edge", headers={"Expires": "300"})))
    challenge = await read_message(reader)
    assert isinstance(challenge, Response)
    second = request("REGISTER", "sip:edge", cseq=2, headers={"Expires": "300"})
    writer.write(over_tls(answer(second, challenge)))
    final = await read_message(reader)
    assert isinstance(final, Response)
    return final


async def test_a_device_is_reached_over_the_connection_it_opened_and_never_dialled(running, side):
    reader, writer = await opened(running, side)
    assert (await registered(reader, writer)).status == 200
    assert running.live("10000001")
    (binding,) = running.service.registrar.table.everything()
    got: list[Response] = []
    ping = Request("OPTIONS", binding.contact, Headers([("From", "<sip:e>;tag=1"), ("To", "<sip:d>")]))
    ping.headers.set("Call-ID", "to-the-device")
    ping.headers.set("CSeq", "1 OPTIONS")
    running.endpoint.request(ping, binding.flow, got.append, lambda failure: pytest.fail(str(failure)))
    asked = await read_message(reader)
    assert isinstance(asked, Request)
    assert (asked.uri, asked.via.transport) == (binding.contact, "TLS")
    headers = Headers([(name, asked.headers.get(name) or "") for name in ("Via", "From", "To", "Call-ID", "CSeq")])
    writer.write(Response(200, None, headers).render())
    await until(lambda: got)
    writer.close()
    await until(lambda: not running.live("10000001"))
    (binding,) = running.service.registrar.table.everything()
    failures: list[object] = []
    ping.headers.remove("Via")
    running.endpoint.request(ping, binding.flow, lambda _: None, failures.append)
    await until(lambda: failures)
    assert running.service.transports._opening == {}


async def test_handshakes_begin_at_their_rate_and_everybody_gets_a_turn(running, side):
    began = time.monotonic()
    connections = await asyncio.gather(*(opened(running, side) for _ in range(12)))
    assert time.monotonic() - began >= 11 / RATE_PER_S
    for reader, writer in connections:
        writer.write(over_tls(request("OPTIONS", "sip:edge")))
        assert isinstance(await read_message(reader), Response)
        writer.close()
    assert running.endpoint.counters["tls_handshakes"] == 12


async def test_one_address_cannot_fill_the_queue(running, side, monkeypatch):
    monkeypatch.setattr(doorstep, "WAITING_OF_A_SOURCE_MAX", 4)
    plain = [await asyncio.open_connection(*place(running)) for _ in range(10)]
    await until(lambda: running.endpoint.counters["tls_handshakes_refused"] >= 5)
    for _, writer in plain:
        writer.close()


async def test_the_silent_and_the_rubbish_are_let_go(running, side, monkeypatch):
    monkeypatch.setattr(doorstep, "HANDSHAKE_S", 0.2)
    silent, silent_writer = await asyncio.open_connection(*place(running))
    rubbish, writer = await asyncio.open_connection(*place(running))
    writer.write(b"REGISTER sip:edge SIP/2.0\r\n\r\n")
    assert await asyncio.wait_for(silent.read(), WITHIN_S) == b""
    assert b"SIP/2.0" not in await asyncio.wait_for(rubbish.read(), WITHIN_S)  # a TLS alert at most
    await until(lambda: running.endpoint.counters["tls_handshakes_failed"] == 2)
    silent_writer.close()
    writer.close()
    reader, writer = await opened(running, side)
    assert (await registered(reader, writer)).status == 200
    writer.close()


async def test_what_is_said_with_the_last_words_of_the_handshake_is_heard(running, side):
    """A client may send its first request in the same segment as its Finished."""
    plain_reader, plain_writer = await asyncio.open_connection(*place(running))
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = side.client.wrap_bio(incoming, outgoing, server_hostname=place(running)[0])
    while True:
        try:
            tls.do_handshake()
            break
        except ssl.SSLWantReadError:
            plain_writer.write(outgoing.read())
            incoming.write(await asyncio.wait_for(plain_reader.read(65536), WITHIN_S))
    tls.write(over_tls(request("OPTIONS", "sip:edge")))
    plain_writer.write(outgoing.read())
    said = b""
    while b"\r\n\r\n" not in said:
        incoming.write(await asyncio.wait_for(plain_reader.read(65536), WITHIN_S))
        try:
            said += tls.read()
        except ssl.SSLWantReadError:  # session tickets come first
            continue
    assert said.startswith(b"SIP/2.0 200 OK\r\n")
    plain_writer.close()


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_sessions_are_resumed(running, side, version):
    side.client.maximum_version = version

    def visit(session: ssl.SSLSession | None) -> tuple[ssl.SSLSession | None, bool]:
        import socket

        with (
            socket.create_connection(place(running), WITHIN_S) as plain,
            side.client.wrap_socket(plain, server_hostname=place(running)[0], session=session) as tls,
        ):
            tls.sendall(over_tls(request("OPTIONS", "sip:edge")))
            assert tls.recv(65536).startswith(b"SIP/2.0 200")
            return tls.session, bool(tls.session_reused)

    session, reused = await asyncio.to_thread(visit, None)
    assert not reused
    assert (await asyncio.to_thread(visit, session))[1]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda context: setattr(context, "maximum_version", ssl.TLSVersion.TLSv1_1),
        lambda context: context.set_ciphers("AES128-SHA:@SECLEVEL=0"),
    ],
    ids=["TLS 1.1", "no forward secrecy, SHA-1"],
)
@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
async def test_old_ways_are_refused(running, side, spoil: Callable[[ssl.SSLContext], object]):
    side.client.set_ciphers("DEFAULT:@SECLEVEL=0")
    side.client.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    side.client.maximum_version = ssl.TLSVersion.TLSv1_2
    spoil(side.client)
    with pytest.raises((ssl.SSLError, OSError)):
        await opened(running, side)
    await until(lambda: running.endpoint.counters["tls_handshakes_failed"] == 1)


async def test_calls_go_on_while_a_crowd_shakes_hands(running, side):
    crowd = [asyncio.ensure_future(opened(running, side)) for _ in range(20)]
    loop = asyncio.get_running_loop()
    worst_s = 0.0
    for _ in range(50):
        before = loop.time()
        await asyncio.sleep(0.01)
        worst_s = max(worst_s, loop.time() - before - 0.01)
    for _, writer in await asyncio.gather(*crowd):
        writer.close()
    assert worst_s < 0.25
