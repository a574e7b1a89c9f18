"""The RTP relay between real sockets on loopback."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace

import pytest

from sip.media.engine import CALLER_END, End, MediaUnavailable, PeerLine
from sip.media.relay import RelaySession, RtpRelay
from sip.media.settings import MediaSettings
from sip.media.stream import Pin

NOWHERE = "192.0.2.99"
SETTINGS = MediaSettings(port_min=34000, port_max=34199, silence_s=0)


class Listener:
    def __init__(self) -> None:
        self.digits: list[tuple[End, str]] = []
        self.silent: list[End] = []

    def media_digit(self, end: End, digit: str) -> None:
        self.digits.append((end, digit))

    def media_silent(self, end: End) -> None:
        self.silent.append(end)


class Phone:
    """RTP and RTCP sockets of a phone on *host*."""

    def __init__(self, edge: str, host: str, described: str | None = None) -> None:
        self.edge = edge
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.rtcp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        for sock in (self.sock, self.rtcp):
            sock.bind((host, 0))
            sock.setblocking(False)
        self.line = PeerLine(described or host, self.sock.getsockname()[1], host, self.rtcp.getsockname()[1])
        self.line = replace(self.line, event_payloads=frozenset({101}))
        self.sequence, self.ssrc = 0, 77

    def send(self, port: int, payload: bytes = bytes(160), *, kind: int = 8, timestamp: int | None = None) -> bytes:
        self.sequence += 1
        stamp = 160 * self.sequence if timestamp is None else timestamp
        packet = struct.pack("!BBHII", 0x80, kind, self.sequence, stamp, self.ssrc) + payload
        self.sock.sendto(packet, (self.edge, port))
        return packet

    async def receive(self, sock: socket.socket | None = None) -> tuple[bytes, tuple[str, int]]:
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(2):
            return await loop.sock_recvfrom(sock or self.sock, 4096)

    def nothing_came(self) -> bool:
        try:
            self.sock.recv(4096)
        except BlockingIOError:
            return True
        return False

    def close(self) -> None:
        self.sock.close()
        self.rtcp.close()


@pytest.fixture
def edge(address: str) -> str:
    """The relay's own address."""
    return address


@pytest.fixture
async def relay() -> AsyncIterator[RtpRelay]:
    relay = RtpRelay(SETTINGS)
    await relay.start()
    yield relay
    await relay.stop()


@pytest.fixture
def phones(edge: str, addresses: Iterator[str]) -> Iterator[Callable[..., Phone]]:
    made: list[Phone] = []

    def make(described: str | None = None) -> Phone:
        made.append(Phone(edge, next(addresses), described))
        return made[-1]

    yield make
    for phone in made:
        phone.close()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(3):
        while not condition():  # noqa: ASYNC110 - counted by another thread, which sets no event of ours
            await asyncio.sleep(0.005)


def joined(relay: RtpRelay, door: Phone, monitor: Phone, listener: Listener) -> tuple[RelaySession, int, int]:
    session = relay.open(listener)
    ports = (session.allocate(CALLER_END, 0, "audio", door.edge), session.allocate(0, 0, "audio", door.edge))
    session.describe(CALLER_END, 0, door.line)
    session.describe(0, 0, replace(monitor.line, swallow_events=True))
    session.connect(CALLER_END, 0)
    return session, *ports


async def test_packets_pass_both_ways_unchanged_from_our_ports(relay, phones, edge):
    door, monitor = phones(), phones()
    session, at_door, at_monitor = joined(relay, door, monitor, Listener())
    sent = door.send(at_door)
    assert await monitor.receive() == (sent, (edge, at_monitor))
    sent = monitor.send(at_monitor)
    assert await door.receive() == (sent, (edge, at_door))
    report = struct.pack("!BBHI", 0x80, 201, 1, 77)
    door.rtcp.sendto(report, (edge, at_door + 1))
    assert await monitor.receive(monitor.rtcp) == (report, (edge, at_monitor + 1))
    await until(lambda: session.stats(CALLER_END)[0].sent_packets == 1)
    (stats,) = session.stats(CALLER_END)
    assert (stats.packets, stats.octets, stats.sent_packets, stats.lost) == (1, 172, 1, 0)
    session.close()
    session.close()
    assert relay.streams == 0


async def test_rtcp_on_the_port_of_rtp_with_one_end_and_beside_it_with_the_other(relay, phones, edge):
    door, monitor = phones(), phones()
    session = relay.open(Listener())
    at_door, at_monitor = (session.allocate(end, 0, "audio", edge) for end in (CALLER_END, 0))
    session.describe(CALLER_END, 0, replace(door.line, mux=True, rtcp_port=door.line.port))
    session.describe(0, 0, monitor.line)
    session.connect(CALLER_END, 0)
    report = struct.pack("!BBHI", 0x80, 201, 1, 77)
    door.sock.sendto(report, (edge, at_door))
    assert await monitor.receive(monitor.rtcp) == (report, (edge, at_monitor + 1))
    monitor.rtcp.sendto(report, (edge, at_monitor + 1))
    assert await door.receive() == (report, (edge, at_door))
    sent = door.send(at_door)
    assert await monitor.receive() == (sent, (edge, at_monitor))
    sent = monitor.send(at_monitor)
    assert await door.receive() == (sent, (edge, at_door))
    await until(lambda: session.stats(CALLER_END)[0].sent_packets == 1)
    (stats,) = session.stats(CALLER_END)
    assert (stats.packets, stats.lost, stats.malformed) == (1, 0, 0), "a report is no sound"


async def test_comfort_noise_passes(relay, phones):
    door, monitor = phones(), phones()
    _, at_door, _ = joined(relay, door, monitor, Listener())
    packet = door.send(at_door, b"\x40\x10", kind=13)  # RFC 3389
    assert (await monitor.receive())[0] == packet


async def test_media_goes_back_to_where_it_comes_from(relay, phones):
    door, monitor = phones(described=NOWHERE), phones()  # as baresip does on loopback
    _, at_door, at_monitor = joined(relay, door, monitor, Listener())
    door.send(at_door)
    await monitor.receive()
    sent = monitor.send(at_monitor)
    assert (await door.receive())[0] == sent


async def test_a_stranger_gets_nothing_in(relay, phones):
    door, monitor, stranger = phones(), phones(), phones()
    session, at_door, _ = joined(relay, door, monitor, Listener())
    first = door.send(at_door)
    assert (await monitor.receive())[0] == first
    stranger.send(at_door)
    second = door.send(at_door)
    assert (await monitor.receive())[0] == second
    assert session.stats(CALLER_END)[0].packets == 2


def test_what_a_stranger_queued_before_the_latch_locked_is_not_the_peers(
    address: str, addresses: Iterator[str]
) -> None:
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ours,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger,
    ):
        ours.setblocking(False)
        for sock, host in ((ours, address), (peer, next(addresses)), (stranger, next(addresses))):
            sock.bind((host, 0))
        heard: list[bytes] = []
        pin = Pin(ours)
        pin.on_packet = lambda packet, _now: heard.append(bytes(packet)) is None
        pin.expect(peer.getsockname())
        for sock, packet in ((peer, b"first"), (stranger, b"foreign"), (peer, b"second")):
            sock.sendto(packet, ours.getsockname())
        view = memoryview(bytearray(64))
        pin.readable(view, now=0.0)  # locks: from here the kernel drops strangers
        stranger.sendto(b"late", ours.getsockname())
        peer.sendto(b"third", ours.getsockname())
        for _ in range(3):
            pin.readable(view, now=0.1)
    assert heard == [b"first", b"second", b"third"]
    assert pin.strangers == 1


async def test_a_moved_phone_is_followed_when_its_description_says_so(relay, phones):
    door, monitor = phones(), phones()
    session, at_door, at_monitor = joined(relay, door, monitor, Listener())
    door.send(at_door)
    await monitor.receive()
    moved = phones()
    session.describe(CALLER_END, 0, moved.line)
    sent = monitor.send(at_monitor)
    assert (await moved.receive())[0] == sent
    sent = moved.send(at_door)
    assert (await monitor.receive())[0] == sent


async def test_digits_are_read_once_and_the_answering_sides_never_reach_the_door(relay, phones):
    door, monitor, listener = phones(), phones(), Listener()
    _, at_door, at_monitor = joined(relay, door, monitor, listener)
    for payload in (b"\x05\x0a\x00\xa0", b"\x05\x0a\x01\x40", *[b"\x05\x8a\x01\xe0"] * 3):
        monitor.send(at_monitor, payload, kind=101, timestamp=5000)
        await asyncio.sleep(0.002)
    audio = monitor.send(at_monitor)
    assert (await door.receive())[0] == audio
    assert door.nothing_came()
    for payload in (b"\x09\x0a\x00\xa0", b"\x09\x8a\x01\x40"):
        event = door.send(at_door, payload, kind=101, timestamp=9000)
        assert (await monitor.receive())[0] == event
    await until(lambda: len(listener.digits) == 2)
    assert listener.digits == [(0, "5"), (CALLER_END, "9")]


async def test_unconnected_ends_are_counted_and_not_forwarded(relay, phones, edge):
    door, monitor = phones(), phones()
    session = relay.open(Listener())
    at_door = session.allocate(CALLER_END, 0, "audio", edge)
    session.allocate(0, 0, "audio", edge)
    session.describe(0, 0, monitor.line)
    session.describe(CALLER_END, 0, door.line)
    door.send(at_door)
    await until(lambda: session.stats(CALLER_END)[0].packets == 1)
    assert monitor.nothing_came()
    session.connect(CALLER_END, 0)
    sent = door.send(at_door)
    assert (await monitor.receive())[0] == sent
    late = phones()
    at_late = session.allocate(1, 0, "audio", edge)
    session.describe(1, 0, late.line)
    session.connect(CALLER_END, 1)  # another leg won
    sent = door.send(at_door)
    assert await late.receive() == (sent, (edge, at_late))
    assert monitor.nothing_came()
    await until(lambda: session.stats(1)[0].sent_packets == 1)
    assert session.release(1)[0].sent_packets == 1
    assert session.release(7) == ()


async def test_noise_is_counted_and_learns_no_address(relay, phones, edge):
    door, monitor = phones(described=NOWHERE), phones()
    session, at_door, at_monitor = joined(relay, door, monitor, Listener())
    for noise in (b"", b"x", b"OPTIONS sip:x SIP/2.0\r\n\r\n", bytes(4000)):
        door.sock.sendto(noise, (edge, at_door))
        door.rtcp.sendto(noise, (edge, at_door + 1))
    await until(lambda: session.stats(CALLER_END)[0].malformed == 8)
    monitor.send(at_monitor)
    sent = door.send(at_door)
    assert (await monitor.receive())[0] == sent
    assert door.nothing_came()  # what the monitor sent went to the described address


async def test_our_own_ports_are_nobodys_peer(relay, phones, edge):
    door = phones()
    session = relay.open(Listener())
    at_door, other = session.allocate(CALLER_END, 0, "audio", edge), session.allocate(0, 0, "audio", edge)
    session.describe(CALLER_END, 0, door.line)
    session.describe(0, 0, replace(door.line, host=edge, port=at_door))
    session.connect(CALLER_END, 0)
    for _ in range(3):
        door.send(at_door)
    await until(lambda: session.stats(CALLER_END)[0].packets == 3)
    assert session.stats(0)[0].sent_packets == 0
    assert other != at_door


async def test_silence_is_told_once(phones):
    relay = RtpRelay(replace(SETTINGS, silence_s=0.2))
    await relay.start()
    try:
        door, monitor, listener = phones(), phones(), Listener()
        _, at_door, _ = joined(relay, door, monitor, listener)
        door.send(at_door)
        await until(lambda: listener.silent == [CALLER_END, 0] or listener.silent == [0, CALLER_END])
    finally:
        await relay.stop()
        await relay.stop()


async def test_ports_end_and_come_back_drained(phones, edge):
    relay = RtpRelay(MediaSettings(port_min=34200, port_max=34203))
    with pytest.raises(MediaUnavailable):
        relay.open(Listener()).allocate(0, 0, "audio", edge)
    await relay.start()
    try:
        session = relay.open(Listener())
        session.allocate(0, 0, "audio", edge)
        assert session.allocate(0, 0, "audio", edge) == session.allocate(0, 0, "audio", edge)
        session.allocate(1, 0, "audio", edge)
        with pytest.raises(MediaUnavailable, match="in use"):
            session.allocate(2, 0, "audio", edge)
        session.close()
        with pytest.raises(MediaUnavailable, match="draining"):
            session.allocate(2, 0, "audio", edge)
    finally:
        await relay.stop()
    session.close()


async def test_an_address_that_is_not_ours_is_refused(relay):
    with pytest.raises(MediaUnavailable, match="cannot bind"):
        relay.open(Listener()).allocate(0, 0, "audio", "192.0.2.1")


async def test_it_relays_between_the_two_families(relay: RtpRelay, phones: Callable[..., Phone], edge: str) -> None:
    old = phones()
    session = relay.open(Listener())
    at_old, at_new = session.allocate(CALLER_END, 0, "audio", edge), session.allocate(0, 0, "audio", "::1")
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as new:
        new.bind(("::1", 0))
        new.setblocking(False)
        port = new.getsockname()[1]
        session.describe(CALLER_END, 0, old.line)
        session.describe(0, 0, PeerLine("::1", port, "::1", port + 1))
        session.connect(CALLER_END, 0)
        sent = old.send(at_old)
        packet, source = await old.receive(new)
        assert (packet, source[:2]) == (sent, ("::1", at_new))
        new.sendto(sent, ("::1", at_new))
        assert (await old.receive())[0] == sent
