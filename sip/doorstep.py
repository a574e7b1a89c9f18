"""Where TLS connections wait for their handshake: it costs a thousand times a message, so it has a rate of its own.

After a power cut all TLS devices come back at once, and anybody can open connections: handshakes begin in the order of
arrival, so many a second and no more, and calls go on meanwhile.
"""

import asyncio
import ssl
from collections import Counter
from collections.abc import Callable
from typing import Final, cast

from sip.flow import Address

WAITING_MAX: Final = 2048
WAITING_OF_A_SOURCE_MAX: Final = 256  # many devices may sit behind one address
HANDSHAKE_S: Final = 10.0


class Doorstep:
    """Takes accepted connections in, and gives them out as TLS ones. `run` must run meanwhile."""

    def __init__(
        self,
        context: ssl.SSLContext,
        rate_per_s: float,
        make: Callable[[], asyncio.Protocol],
        count: Callable[[str], None],
    ) -> None:
        """*make* makes the protocol of a connection whose handshake succeeded; *count* is told what happens, by name.

        *rate_per_s* 0: no limit.
        """
        self._context = context
        self._interval_s = 1.0 / rate_per_s if rate_per_s > 0 else 0.0
        self._make = make
        self._count = count
        self._queue: asyncio.Queue[asyncio.Transport] = asyncio.Queue()
        self._inside: set[asyncio.Transport] = set()  # those that wait or shake hands
        self._sources: Counter[str] = Counter()  # the same by address

    def visitor(self) -> asyncio.Protocol:
        """The protocol for a connection just accepted."""
        return _Visitor(self)

    def came(self, transport: asyncio.Transport, source: str) -> bool:
        """Let a connection wait. False: there is no room, it is to be closed."""
        if self._queue.qsize() >= WAITING_MAX or self._sources[source] >= WAITING_OF_A_SOURCE_MAX:
            self._count("tls_handshakes_refused")
            return False
        self._sources[source] += 1
        self._inside.add(transport)
        self._queue.put_nowait(transport)
        return True

    async def run(self) -> None:
        """Begin one handshake after the other, until cancelled."""
        loop = asyncio.get_running_loop()
        turn_at = loop.time()
        async with asyncio.TaskGroup() as group:
            while True:
                transport = await self._queue.get()
                await asyncio.sleep(turn_at - loop.time())
                turn_at = max(turn_at, loop.time()) + self._interval_s
                group.create_task(self._handshake(transport), name="tls handshake")

    def close(self) -> None:
        """Turn away all who wait or shake hands. Idempotent."""
        for transport in self._inside:
            transport.abort()
        self._inside.clear()

    async def _handshake(self, transport: asyncio.Transport) -> None:
        source = _source(transport)
        try:
            if not transport.is_closing():
                await self._shake(transport)
        except (OSError, TimeoutError):  # no certificate of ours to its taste, no TLS, gone meanwhile
            self._count("tls_handshakes_failed")
            transport.abort()
        finally:
            self._inside.discard(transport)
            self._sources[source] -= 1
            if not self._sources[source]:
                del self._sources[source]

    async def _shake(self, transport: asyncio.Transport) -> None:
        early = _Early()
        secured = await asyncio.get_running_loop().start_tls(
            transport, early, self._context, server_side=True, ssl_handshake_timeout=HANDSHAKE_S
        )
        if secured is None or early.lost:  # it went while it was being done
            raise ConnectionResetError
        self._count("tls_handshakes")
        early.hand_over(secured, self._make())


class _Visitor(asyncio.Protocol):
    """A connection that says nothing before its turn; what its peer says stays in the kernel."""

    def __init__(self, doorstep: Doorstep) -> None:
        self._doorstep = doorstep

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        stream = cast(asyncio.Transport, transport)
        stream.pause_reading()
        source = _source(stream)
        if not source or not self._doorstep.came(stream, source):
            stream.abort()


class _Early(asyncio.Protocol):
    """Keeps what the peer says together with the last words of its handshake, before anybody else can listen."""

    def __init__(self) -> None:
        self.lost = False
        self._said = b""

    def data_received(self, data: bytes) -> None:
        self._said += data

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = True

    def hand_over(self, transport: asyncio.Transport, protocol: asyncio.Protocol) -> None:
        transport.set_protocol(protocol)
        protocol.connection_made(transport)
        if self._said:
            protocol.data_received(self._said)


def _source(transport: asyncio.Transport) -> str:
    """The peer's address; "" where it has gone already."""
    remote = transport.get_extra_info("peername")
    return Address(*remote[:2]).host if remote else ""
