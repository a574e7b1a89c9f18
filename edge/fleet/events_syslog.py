"""Panels' syslog over UDP (RFC 3164). Anybody can send it, so it is logged, and opens nothing."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from edge.core.ports import Clock
from edge.fleet.events_inbox import Inbox
from edge.fleet.events_merge import SYSLOG
from edge.fleet.limits import Allowance
from edge.fleet.push_panels import Panels
from provisioning.api import HearsSyslog

MAX_DATAGRAM: Final = 2_048
MAX_WAITING: Final = 500  # datagrams; what is more is dropped and counted
MAX_A_MINUTE: Final = 240  # of one address

log = logging.getLogger(__name__)


class SyslogEar:
    """A `Component`. *stranger*: told of an address that is none of a panel."""

    name = "syslog of panels"

    def __init__(
        self,
        listen: Sequence[str],
        port: int,
        clock: Clock,
        panels: Panels,
        inbox: Inbox,
        stranger: Callable[[str, str, str], Awaitable[None]],
    ) -> None:
        self._listen, self._port, self._clock = tuple(listen), port, clock
        self._panels, self._inbox, self._stranger = panels, inbox, stranger
        self._heard: asyncio.Queue[tuple[str, bytes]] = asyncio.Queue(MAX_WAITING)
        self._allowed = Allowance(MAX_A_MINUTE)
        self._transports: list[asyncio.DatagramTransport] = []
        self.dropped = 0

    async def start(self) -> None:
        """Bind. Raises OSError."""
        loop = asyncio.get_running_loop()
        for address in self._listen:
            transport, _ = await loop.create_datagram_endpoint(
                lambda: _Ear(self._put), local_addr=(address, self._port)
            )
            self._transports.append(transport)

    async def run(self) -> None:
        while True:
            address, datagram = await self._heard.get()
            try:
                await self._take(address, datagram.decode("utf-8", "replace"))
            except Exception:  # a datagram's entry point
                log.exception("syslog of %s is not in the log", address)

    async def stop(self) -> None:
        for transport in self._transports:
            transport.close()
        self._transports.clear()

    def _put(self, address: str, datagram: bytes) -> None:
        full = self._heard.full() or len(datagram) > MAX_DATAGRAM
        if full or not self._allowed.take(address, self._clock.now_ms()):
            self.dropped += 1
        else:
            self._heard.put_nowait((address, datagram))

    async def _take(self, address: str, line: str) -> None:
        panel = self._panels.at(address)
        if panel is None:
            await self._stranger(address, "", "no panel is at the address that sends syslog")
            return
        sighting = panel.api.heard_line(line) if isinstance(panel.api, HearsSyslog) else None
        if sighting is not None:
            await self._inbox.report(panel.mac, sighting, SYSLOG)


class _Ear(asyncio.DatagramProtocol):
    def __init__(self, put: Callable[[str, bytes], None]) -> None:
        self._put = put

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self._put(addr[0], data)
