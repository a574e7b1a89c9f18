"""A UDP socket of the endpoint: a drain loop on the event loop's reader (sip.md: at most 32 datagrams a wake-up)."""

import asyncio
import contextlib
import ipaddress
import socket
from collections import deque
from collections.abc import Callable
from typing import Final

from sip.flow import Address

DATAGRAMS_A_WAKE_UP_MAX: Final = 32  # that are worked on; more would starve the timers
READS_A_WAKE_UP_MAX: Final = 256  # with those that are only put aside
RECEIVE_BUFFER_BYTES: Final = 4 * 1024 * 1024  # the default of 208 KB loses a storm of registrations
SEND_QUEUE_MAX: Final = 1024  # datagrams waiting for the kernel; more are dropped, SIP sends again
DATAGRAM_BYTES_MAX: Final = 65_535
_SO_RCVBUFFORCE: Final = 33  # Linux: above net.core.rmem_max, for those who may


class UdpSocket:
    """One bound socket. *receive* is given each datagram and its source, and says whether it worked on it at once."""

    def __init__(self, bind: Address, receive: Callable[[bytes, Address, "UdpSocket"], bool]) -> None:
        """Binds. Raises OSError: an address in use is an error, never shared (no SO_REUSEADDR, no SO_REUSEPORT: a
        second daemon would steal packets)."""
        family = socket.AF_INET6 if ":" in bind.host else socket.AF_INET
        self._socket = socket.socket(family, socket.SOCK_DGRAM)
        try:
            self._socket.setblocking(False)
            if family == socket.AF_INET6:
                self._socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            try:
                self._socket.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, RECEIVE_BUFFER_BYTES)
            except OSError:
                self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
            self._socket.bind((bind.host, bind.port))
        except OSError:
            self._socket.close()
            raise
        self.local = Address(*self._socket.getsockname()[:2])
        self.wildcard = ipaddress.ip_address(bind.host.partition("%")[0]).is_unspecified
        self.ipv6 = family == socket.AF_INET6
        granted = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) // 2  # Linux tells its book-keeping too
        self.receive_buffer_bytes = granted
        self.dropped = 0  # datagrams that the send queue had no room for
        self._receive = receive
        self._queue: deque[tuple[bytes, Address]] = deque()
        self._loop: asyncio.AbstractEventLoop | None = None

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        loop.add_reader(self._socket, self._drain)

    def close(self) -> None:
        if self._loop is not None:
            self._loop.remove_reader(self._socket)
            self._loop.remove_writer(self._socket)
            self._loop = None
        self._socket.close()

    def send(self, data: bytes, to: Address) -> bool:
        """Send, or queue while the kernel has no room. False: the address cannot be reached from here."""
        if self._queue:
            return self._enqueue(data, to)
        try:
            self._socket.sendto(data, to)
        except BlockingIOError:
            return self._enqueue(data, to)
        except OSError:
            return False
        return True

    def _enqueue(self, data: bytes, to: Address) -> bool:
        if len(self._queue) >= SEND_QUEUE_MAX or self._loop is None:
            self.dropped += 1
            return True  # as good as lost on the way
        self._queue.append((data, to))
        if len(self._queue) == 1:
            self._loop.add_writer(self._socket, self._flush)
        return True

    def _flush(self) -> None:
        while self._queue:
            try:
                self._socket.sendto(*self._queue[0])
            except BlockingIOError:
                return
            except OSError:
                self.dropped += 1
            self._queue.popleft()
        if self._loop is not None:
            self._loop.remove_writer(self._socket)

    def _drain(self) -> None:
        receive, recvfrom = self._receive, self._socket.recvfrom
        worked = 0
        for _ in range(READS_A_WAKE_UP_MAX):
            try:
                data, source = recvfrom(DATAGRAM_BYTES_MAX)
            except BlockingIOError:
                return
            except OSError:  # an ICMP error of an earlier datagram: says nothing about the next one
                continue
            worked += receive(data, Address(source[0], source[1]), self)
            if worked >= DATAGRAMS_A_WAKE_UP_MAX or self._loop is None:
                return


def source_towards(host: str) -> str:
    """The address from which this machine reaches *host* (an IP address); *host* itself if it cannot be told."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with contextlib.suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as probe:
        probe.connect((host, 9))  # sends nothing
        return str(probe.getsockname()[0])
    return host
