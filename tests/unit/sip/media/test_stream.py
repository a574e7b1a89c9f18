"""What a media socket does with addresses that cannot be a peer's, and with what waited before it knew its peer."""

import errno
import struct
from collections import deque

import pytest

from sip.media.latch import Address
from sip.media.stream import Pin

PHONE, STRANGER, UNROUTED = ("192.0.2.1", 4000), ("192.0.2.2", 4000), ("203.0.113.9", 4000)
PACKET = struct.pack("!BBHII", 0x80, 8, 1, 1, 1) + bytes(160)


class FakeSocket:
    """A UDP socket with a queue; *unrouted* addresses cannot be connected to."""

    def __init__(self, *queue: Address | OSError) -> None:
        self.queue: deque[Address | OSError] = deque(queue)
        self.peer: Address | None = None
        self.sent: list[Address | None] = []

    def recvfrom_into(self, view: memoryview) -> tuple[int, Address]:
        if not self.queue:
            raise BlockingIOError
        first = self.queue.popleft()
        if isinstance(first, OSError):
            raise first
        view[: len(PACKET)] = PACKET
        return len(PACKET), first

    def recv_into(self, view: memoryview) -> int:
        return self.recvfrom_into(view)[0]

    def connect(self, address: Address) -> None:
        if address == UNROUTED:
            raise OSError(errno.ENETUNREACH, "no route")
        self.peer = address

    def send(self, packet: memoryview) -> int:
        self.sent.append(self.peer)
        return len(packet)

    def sendto(self, packet: memoryview, address: Address) -> int:
        self.sent.append(address)
        return len(packet)

    def getsockopt(self, _level: int, _name: int) -> int:
        return 65536


def pin_on(sock: FakeSocket, described: Address) -> tuple[Pin, list[bytes]]:
    pin = Pin(sock)  # type: ignore[arg-type]  # what it uses of a socket
    heard: list[bytes] = []
    pin.on_packet = lambda packet, _now: heard.append(bytes(packet)) or True  # type: ignore[func-returns-value]
    pin.expect(described)
    return pin, heard


def read(pin: Pin, times: int = 1) -> None:
    view = memoryview(bytearray(2048))
    for _ in range(times):
        pin.readable(view, 1.0)


def test_the_described_address_is_connected_at_its_first_packet() -> None:
    sock = FakeSocket(PHONE)
    pin, heard = pin_on(sock, PHONE)
    read(pin)
    assert (sock.peer, heard) == (PHONE, [PACKET])
    pin.send(memoryview(PACKET))
    assert sock.sent == [PHONE]


def test_what_strangers_queued_before_that_is_dropped_and_the_peers_is_not() -> None:
    sock = FakeSocket(PHONE, STRANGER, OSError(errno.ECONNREFUSED, "an old send"), STRANGER, PHONE)
    pin, heard = pin_on(sock, PHONE)
    read(pin)
    assert (len(heard), pin.strangers, len(sock.queue)) == (2, 2, 0)


def test_an_address_that_no_route_leads_to_neither_ends_the_relay_nor_becomes_the_peer() -> None:
    sock = FakeSocket(UNROUTED)
    pin, _ = pin_on(sock, UNROUTED)
    read(pin)
    assert (pin.strangers, pin.latch.locked, sock.peer) == (1, False, None)
    sock.queue.append(PHONE)
    read(pin)
    assert pin.latch.source == PHONE


@pytest.mark.parametrize("error", [BlockingIOError(), ConnectionRefusedError(), OSError(errno.EHOSTUNREACH, "x")])
def test_errors_of_a_socket_lose_a_packet_and_nothing_else(error: OSError) -> None:
    sock = FakeSocket(PHONE, error, PHONE)
    pin, heard = pin_on(sock, PHONE)
    read(pin, 3)
    assert len(heard) == 2
