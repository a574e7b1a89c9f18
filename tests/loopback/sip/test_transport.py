"""The real sockets of the endpoint on loopback, spoken to by plain sockets."""

import asyncio
import contextlib
import socket
import ssl
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sip import stream
from sip.client_tx import Failure
from sip.flow import Address, Destination
from sip.message import Headers, Request, Response
from sip.parser import parse
from sip.service import SipService
from sip.settings import SipSettings
from sip.udp import SEND_QUEUE_MAX, UdpSocket, source_towards
from tests.fakes.sip import FakeAccounts, FakeBindingStore, answer, request
from tests.fakes.sip_service import WITHIN_S, Running, SystemClock, until

STORM = 100  # as many answers as the test's own socket has room for


@pytest.fixture
async def running(address: str) -> AsyncIterator[Running]:
    async with Running(SipSettings(listen=(address,), port=0, ping_interval_s=0)) as service:
        yield service


@contextlib.contextmanager
def udp_peer(family: int = socket.AF_INET):
    with socket.socket(family, socket.SOCK_DGRAM) as peer:
        peer.bind(("::1" if family == socket.AF_INET6 else "127.0.0.1", 0))
        peer.setblocking(False)
        yield peer


async def heard(peer: socket.socket) -> Request | Response:
    return parse(await asyncio.wait_for(asyncio.get_running_loop().sock_recv(peer, 65535), WITHIN_S))


async def read_message(reader: asyncio.StreamReader) -> Request | Response:
    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), WITHIN_S)
    length = int(head.lower().rpartition(b"content-length:")[2].split(b"\r\n")[0])
    return parse(head + await asyncio.wait_for(reader.readexactly(length), WITHIN_S), stream=True)


def over_tcp(message: Request) -> Request:
    message.headers.set("Via", (message.headers.get("Via") or "").replace("/UDP", "/TCP"))
    return message


async def registered_over_tcp(running: Running, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Response:
    first = over_tcp(request("REGISTER", "sip:edge", headers={"Expires": "300"}))
    writer.write(first.render())
    challenge = await read_message(reader)
    assert isinstance(challenge, Response)
    second = over_tcp(request("REGISTER", "sip:edge", cseq=2, headers={"Expires": "300"}))
    writer.write(answer(second, challenge).render())
    ok = await read_message(reader)
    assert isinstance(ok, Response)
    return ok


async def test_udp_and_tcp_share_a_free_port_that_can_be_read(running):
    assert running.udp == running.tcp
    assert running.udp[1] > 0


async def test_options_over_udp(running):
    with udp_peer() as peer:
        peer.sendto(request("OPTIONS", "sip:edge").render(), running.udp)
        ok = await heard(peer)
        assert ok.status == 200
        assert ok.via.param("rport") == str(peer.getsockname()[1])


async def test_a_burst_larger_than_a_wake_up_is_answered_whole(running):
    with udp_peer() as peer:
        for number in range(100):
            peer.sendto(request("OPTIONS", "sip:edge", call_id=f"o{number}").render(), running.udp)
        got = {(await heard(peer)).call_id for _ in range(100)}
        assert len(got) == 100


async def test_ipv6(address):
    if not socket.has_ipv6:
        pytest.fail("IPv6 is needed: the edge serves both families")
    async with Running(SipSettings(listen=(address, "::1"), port=0)) as running:
        assert [one.rpartition(":")[0] for one in running.service.listening.udp] == [address, "[::1]"]
        port = int(running.service.listening.udp[1].rpartition(":")[2])
        assert port == running.udp[1]
        with udp_peer(socket.AF_INET6) as peer:
            peer.sendto(request("OPTIONS", "sip:edge").render(), ("::1", port))
            assert (await heard(peer)).via.param("received") == "::1"


async def test_a_taken_port_is_an_error_and_nothing_stays_bound(address):
    async with Running(SipSettings(listen=(address,), port=0)) as first:
        port = first.udp[1]
        second = SipService(
            SipSettings(listen=(address,), port=port), "c", FakeAccounts(), FakeBindingStore(), SystemClock()
        )
        with pytest.raises(OSError, match="in use"):
            await second.start()
        await second.stop()
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tcp_only:
        tcp_only.bind((address, 0))
        tcp_only.listen()
        blocked = SipService(
            SipSettings(listen=(address,), port=tcp_only.getsockname()[1]),
            "c", FakeAccounts(), FakeBindingStore(), SystemClock(),
        )  # fmt: skip
        with pytest.raises(OSError, match="in use"):
            await blocked.start()
        assert blocked.listening.udp == ()


async def test_many_messages_in_one_segment_and_one_in_many(running):
    reader, writer = await asyncio.open_connection(*running.tcp)
    messages = [over_tcp(request("OPTIONS", "sip:edge", call_id=f"t{n}")).render() for n in range(3)]
    writer.write(b"".join(messages))
    assert [(await read_message(reader)).call_id for _ in range(3)] == ["t0", "t1", "t2"]
    for at in range(0, len(messages[0]), 50):
        writer.write(messages[0][at : at + 50])
        await asyncio.sleep(0)
    assert (await read_message(reader)).call_id == "t0"
    writer.close()


async def test_a_double_line_end_is_answered_with_one(running):
    reader, writer = await asyncio.open_connection(*running.tcp)
    writer.write(b"\r\n\r\n")
    assert await asyncio.wait_for(reader.readexactly(2), WITHIN_S) == b"\r\n"
    writer.close()


async def test_broken_framing_is_answered_and_the_connection_closed(running):
    reader, writer = await asyncio.open_connection(*running.tcp)
    writer.write(over_tcp(request("OPTIONS")).render().replace(b"Content-Length: 0\r\n", b""))
    assert (await read_message(reader)).status == 400
    assert await asyncio.wait_for(reader.read(), WITHIN_S) == b""
    writer.close()
    await until(lambda: not running.service.transports._connections)


async def test_a_connection_that_never_completes_a_message_is_closed(running, monkeypatch):
    monkeypatch.setattr(stream, "UNFINISHED_S", 0.2)
    monkeypatch.setattr(stream, "FIRST_MESSAGE_S", 0.2)
    silent, _w1 = await asyncio.open_connection(*running.tcp)
    half, w2 = await asyncio.open_connection(*running.tcp)
    w2.write(over_tcp(request("OPTIONS")).render()[:50])
    good, w3 = await asyncio.open_connection(*running.tcp)
    w3.write(over_tcp(request("OPTIONS")).render())
    await read_message(good)
    for reader in (silent, half):
        with contextlib.suppress(ConnectionResetError):
            assert await asyncio.wait_for(reader.read(), WITHIN_S) == b""
    w3.write(over_tcp(request("OPTIONS", cseq=2)).render())
    assert (await read_message(good)).status == 200
    for writer in (_w1, w2, w3):
        writer.close()


async def test_connections_of_one_address_are_limited(running, monkeypatch):
    monkeypatch.setattr("sip.transport.CONNECTIONS_OF_A_SOURCE_MAX", 2)
    pairs = [await asyncio.open_connection(*running.tcp) for _ in range(3)]
    await until(lambda: running.endpoint.counters["connections_refused"])
    with contextlib.suppress(ConnectionResetError):
        assert await asyncio.wait_for(pairs[2][0].read(), WITHIN_S) == b""
    for _, writer in pairs:
        writer.close()
    await until(lambda: not running.service.transports._sources)


async def test_a_peer_that_does_not_read_is_cut_off(running, monkeypatch):
    monkeypatch.setattr(stream, "WRITE_BUFFER_BYTES_MAX", 20_000)
    _, writer = await asyncio.open_connection(*running.tcp)
    await until(lambda: running.service.transports._connections)
    (connection,) = running.service.transports._connections.values()
    assert connection.flow is not None
    while running.service.transports.send(connection.flow, b"x" * 10_000):
        pass
    assert not connection.open
    writer.close()


async def test_a_device_is_reached_down_the_connection_it_registered_on(running):
    reader, writer = await asyncio.open_connection(*running.tcp)
    assert (await registered_over_tcp(running, reader, writer)).status == 200
    registrar, now_ms = running.service.registrar, SystemClock().now_ms()
    (binding,) = registrar.live("10000001", now_ms)
    got: list[Response] = []
    fields = {"From": "<sip:edge>;tag=1", "To": f"<{binding.contact}>", "Call-ID": "d", "CSeq": "1 OPTIONS"}
    asked = Request("OPTIONS", binding.contact, Headers(fields.items()))
    running.endpoint.request(asked, binding.flow, got.append, lambda failure: pytest.fail(str(failure)))
    seen = await read_message(reader)
    assert isinstance(seen, Request)
    assert (seen.uri, seen.via.transport) == (binding.contact, "TCP")
    writer.close()
    await until(lambda: not registrar.live("10000001", now_ms))


async def test_a_restart_keeps_udp_devices_reachable(address):
    settings = SipSettings(listen=(address,), port=0, ping_interval_s=0)
    store = FakeBindingStore()
    with udp_peer() as phone:
        async with Running(settings, store) as running:
            first = request("REGISTER", "sip:edge", headers={"Expires": "300"})
            phone.sendto(first.render(), running.udp)
            challenge = await heard(phone)
            assert isinstance(challenge, Response)
            phone.sendto(answer(request("REGISTER", "sip:edge", cseq=2), challenge).render(), running.udp)
            assert (await heard(phone)).status == 200
        async with Running(settings, store) as running:  # on another port even
            (binding,) = running.service.registrar.live("10000001", SystemClock().now_ms())
            assert running.service.transports.send(binding.flow, b"hello")
            assert await asyncio.wait_for(asyncio.get_running_loop().sock_recv(phone, 100), WITHIN_S) == b"hello"


async def test_floods_of_one_source_are_dropped_before_the_parser(address):
    settings = SipSettings(listen=(address,), port=0, source_rate_per_s=1.0, source_burst=5, ping_interval_s=0)
    async with Running(settings) as running:
        with udp_peer() as peer:
            for number in range(30):
                peer.sendto(request("OPTIONS", call_id=f"f{number}").render(), running.udp)
            await until(lambda: running.endpoint.counters["datagrams_over_limit"] >= 24)
            assert running.endpoint.counters["messages_received"] <= 6


async def test_a_fast_stream_is_slowed_and_loses_nothing(address):
    settings = SipSettings(listen=(address,), port=0, source_rate_per_s=100.0, source_burst=5, ping_interval_s=0)
    async with Running(settings) as running:
        reader, writer = await asyncio.open_connection(*running.tcp)
        writer.write(b"".join(over_tcp(request("OPTIONS", call_id=f"s{n}")).render() for n in range(20)))
        assert [(await read_message(reader)).call_id for _ in range(20)] == [f"s{n}" for n in range(20)]
        assert running.endpoint.counters["streams_slowed"] > 0
        writer.close()


async def test_we_open_a_connection_to_a_trunk_and_use_it_again(address):
    async with (
        Running(SipSettings(listen=(address,), port=0)) as trunk,
        Running(SipSettings(listen=(address,), port=0)) as edge,
    ):
        to = Destination("TCP", *trunk.tcp)
        got: list[Response] = []
        for number in range(2):
            asked = request("OPTIONS", "sip:trunk", call_id=f"k{number}")
            asked.headers.remove("Via")
            edge.endpoint.request(asked, to, got.append, lambda failure: pytest.fail(str(failure)))
        await until(lambda: len(got) == 2)
        assert [response.status for response in got] == [200, 200]
        assert len(trunk.service.transports._connections) == 1


async def test_nobody_there_is_a_transport_failure(running, address):
    with socket.socket() as closed:
        closed.bind((address, 0))
        port = closed.getsockname()[1]
    failures: list[Failure] = []
    asked = request("OPTIONS", "sip:trunk")
    asked.headers.remove("Via")
    running.endpoint.request(asked, Destination("TCP", address, port), lambda _: None, failures.append)
    await until(lambda: failures)
    assert failures == [Failure.TRANSPORT]


@pytest.fixture
def certificate(address: str, tmp_path: Path) -> tuple[Path, Path]:
    """Certificate and key for *address*."""
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-subj", "/CN=edge", "-addext", f"subjectAltName=IP:{address}", "-keyout", key, "-out", certificate],
        check=True, capture_output=True,
    )  # fmt: skip
    return certificate, key


async def test_tls(address, certificate):
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.load_cert_chain(*certificate)
    client = ssl.create_default_context(cafile=str(certificate[0]))
    settings = SipSettings(listen=(address,), port=0, tls_port=0)
    async with Running(settings, tls=server) as trunk, Running(settings, client_tls=client) as edge:
        host, _, port = trunk.service.listening.tls[0].rpartition(":")
        got: list[Response] = []
        asked = request("OPTIONS", "sips:trunk")
        asked.headers.remove("Via")
        edge.endpoint.request(asked, Destination("TLS", host, int(port)), got.append, lambda f: pytest.fail(str(f)))
        await until(lambda: got)
        assert got[0].via.transport == "TLS"


async def test_a_call_does_not_wait_behind_a_storm_of_registrations(address):
    """All of it lies in the socket when the loop comes to it, the call's message last; it is answered long before."""
    settings = SipSettings(listen=(address,), port=0, ping_interval_s=0, source_rate_per_s=0, bans=False)
    async with Running(settings) as running:
        with udp_peer() as peer:
            for number in range(STORM):
                peer.sendto(request("REGISTER", "sip:edge", call_id=f"storm{number}").render(), running.udp)
            peer.sendto(request("OPTIONS", "sip:edge", call_id="call").render(), running.udp)
            answers = [(await heard(peer)).call_id for _ in range(STORM + 1)]
    assert answers.index("call") < STORM * 3 / 4
    assert [one for one in answers if one != "call"] == [f"storm{number}" for number in range(STORM)]


def test_our_address_is_that_of_the_way_to_the_peer():
    assert source_towards("127.0.0.1") == "127.0.0.1"
    assert source_towards("::1") == "::1"


async def test_datagrams_wait_for_a_full_kernel_and_are_bounded(address):
    class FullSocket:
        def __init__(self) -> None:
            self.full, self.sent = True, []

        def sendto(self, data: bytes, to: Address) -> None:
            if self.full:
                raise BlockingIOError
            self.sent.append(data)

    udp = UdpSocket(Address(address, 0), lambda *_: True)
    udp.start(asyncio.get_running_loop())
    real, full = udp._socket, FullSocket()
    udp._socket = full  # the fault: a kernel without room; its readiness is that of the real socket
    udp._loop.add_writer = lambda *_: None
    try:
        for number in range(SEND_QUEUE_MAX + 3):
            assert udp.send(b"%d" % number, Address(address, 9))
        assert udp.dropped == 3
        full.full = False
        udp._loop.remove_writer = lambda *_: None
        udp._flush()
        assert full.sent == [b"%d" % number for number in range(SEND_QUEUE_MAX)]
    finally:
        del udp._loop.add_writer, udp._loop.remove_writer
        udp._socket = real
        udp.close()
