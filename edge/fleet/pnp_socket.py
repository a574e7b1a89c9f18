"""The sockets of plug and play: one that hears the group on one network, one that answers from our own address."""

import asyncio
import logging
import socket
import struct
import time
from collections.abc import Awaitable, Callable
from typing import Final

from edge.fleet.pnp import GROUP, MAX_DATAGRAM, PORT, Datagram, Heard, PlugAndPlay, Source
from edge.store.errors import StoreError
from models.ids import Mac

MAX_WAITING: Final = 64  # strangers whose line is not written yet
_LOOK_EVERY_S: Final = 0.1  # while a NOTIFY waits for its answer
_IP_MULTICAST_ALL: Final = 49  # linux/in.h; not in the socket module of 3.11

log = logging.getLogger(__name__)


class PnpResponder:
    """*address*: ours, on the network whose devices are answered. *refused*: keep a line of who got nothing."""

    name = "plug and play"

    def __init__(
        self,
        address: str,
        is_ours: Callable[[Mac], bool],
        url: Callable[[], str],
        refused: Callable[[str, str], Awaitable[None]],
    ) -> None:
        self._address, self._is_ours, self._url, self._refused = address, is_ours, url, refused
        self._strangers: asyncio.Queue[tuple[str, Mac]] = asyncio.Queue(MAX_WAITING)
        self._waits = asyncio.Event()
        self._sockets: list[asyncio.DatagramTransport] = []
        self._core: PlugAndPlay | None = None

    async def start(self) -> None:
        """Raises OSError where the address is not ours, or the port is taken for every address."""
        listening = _listening(self._address)
        own = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            own.bind((self._address, 0))
        except OSError:
            own.close()
            listening.close()
            raise
        self._core = PlugAndPlay(self._is_ours, self._url, (self._address, int(own.getsockname()[1])))
        for bound in (own, listening):
            bound.setblocking(False)
            transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
                lambda: _Ear(self._hear), sock=bound
            )
            self._sockets.append(transport)
        log.info("devices that ask by SIP multicast on the network of %s are told where their files are", self._address)

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self._repeat())
            group.create_task(self._write_lines())

    async def stop(self) -> None:
        for transport in self._sockets:
            transport.close()
        self._sockets.clear()

    def _hear(self, data: bytes, source: Source) -> None:
        if self._core is None:
            return
        heard: Heard = self._core.hear(data, source, time.monotonic())
        self._send(heard.send)
        if heard.stranger is not None and not self._strangers.full():
            self._strangers.put_nowait((source[0], heard.stranger))
        if self._core.waiting:
            self._waits.set()

    def _send(self, datagrams: tuple[Datagram, ...] | list[Datagram]) -> None:
        for each in datagrams:
            self._sockets[0].sendto(each.data, each.to)

    async def _repeat(self) -> None:
        while True:
            await self._waits.wait()
            await asyncio.sleep(_LOOK_EVERY_S)
            if self._core is None or not self._core.waiting:
                self._waits.clear()
                continue
            self._send(self._core.due(time.monotonic()))

    async def _write_lines(self) -> None:
        while True:
            address, mac = await self._strangers.get()
            try:
                await self._refused(address, mac)
            except StoreError as error:
                log.error("that %s asked for %s is not in the log: %s", address, mac, error)


class _Ear(asyncio.DatagramProtocol):
    def __init__(self, hear: Callable[[bytes, Source], None]) -> None:
        self._hear = hear

    def datagram_received(self, data: bytes, addr: tuple[str | int, ...]) -> None:
        if len(data) <= MAX_DATAGRAM:
            self._hear(data, (str(addr[0]), int(addr[1])))

    def error_received(self, exc: Exception) -> None:
        log.debug("a device that asked is not there any more: %s", exc)


def _listening(address: str) -> socket.socket:
    """Bound to the group, so that no request for our SIP server comes here, and a member on one network alone."""
    bound = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.setsockopt(socket.IPPROTO_IP, _IP_MULTICAST_ALL, 0)
        bound.bind((GROUP, PORT))
        member = struct.pack("4s4s", socket.inet_aton(GROUP), socket.inet_aton(address))
        bound.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, member)
    except BaseException:
        bound.close()
        raise
    return bound
