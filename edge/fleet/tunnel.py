"""A device's web page from afar: opened for some minutes on this box's loopback address, audited, closed by itself."""

import asyncio
import ipaddress
import logging
import socket
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

from edge.core.ports import Clock, World
from edge.fleet.tunnel_proxy import DeviceWeb
from edge.fleet.tunnel_target import NoWay, Target, target
from edge.http.server import HttpServer
from edge.store.errors import StoreError
from models.device import Device
from models.ids import Mac, new_id
from models.log import LogEntry, LogKind
from provisioning.settings import DeviceWebSettings

MAX_OPEN: Final = 4
MAX_CONNECTIONS: Final = 32  # of a browser
_LOOPBACK: Final = "127.0.0.1"

log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Tunnel:
    device: Device
    to: Target
    page: DeviceWeb
    server: HttpServer
    by: str
    close: asyncio.Event = field(default_factory=asyncio.Event)


class Tunnels:
    """A `Component`, and `edge.http.tunnel.WebDoor`. *registered*: the address that a device's SIP login came from;
    *ours*: addresses of this box; *keep* commits a row of the journal."""

    name = "device web pages"

    def __init__(
        self,
        world: World,
        clock: Clock,
        settings: DeviceWebSettings,
        registered: Callable[[Device], str],
        ours: Callable[[], Iterable[str]],
        keep: Callable[[LogEntry], Awaitable[object]],
    ) -> None:
        self._world, self._clock, self._settings = world, clock, settings
        self._registered, self._ours, self._keep = registered, ours, keep
        self._open: dict[Mac, _Tunnel] = {}
        self._group: asyncio.TaskGroup | None = None

    async def start(self) -> None:
        """Nothing is open at first."""

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            self._group = group
            await asyncio.get_running_loop().create_future()

    async def stop(self) -> None:
        self._group = None
        for tunnel in list(self._open.values()):
            await self._closed(tunnel, "the edge ended")

    async def open(self, mac: str, minutes: float, port: int, by: str, *, tls: bool) -> str:
        """The address that opens the page of *mac*, once. Raises LookupError, NoWay."""
        device = self._world.snapshot.by_mac.get(Mac(mac.lower()))
        if device is None:
            raise LookupError(mac)
        if not 0 < minutes <= self._settings.max_minutes:
            raise NoWay(f"at most {self._settings.max_minutes:g} minutes")
        if device.mac in self._open:
            raise NoWay(f"the page of {device.name} is open already; --close closes it")
        if len(self._open) >= MAX_OPEN or self._group is None:
            raise NoWay(f"{len(self._open)} pages are open; close one")
        registered = self._registered(device)
        ours = {*self._ours(), *(each for each in (device.static_address, registered) if _is_here(each))}
        to = target(self._settings, device.static_address, registered, ours, port, tls=tls)
        page = DeviceWeb(to)
        server = HttpServer(page, name=self.name, listen=(_LOOPBACK,), max_connections=MAX_CONNECTIONS)
        tunnel = self._open[device.mac] = _Tunnel(device, to, page, server, by)
        try:
            await server.start()
            await self._audit(tunnel, "web_open", minutes=minutes)
        except BaseException as error:
            del self._open[device.mac]
            await server.stop()
            await page.aclose()
            if isinstance(error, StoreError):
                raise NoWay(f"it can't be audited, so it is not opened: {error}") from error
            raise
        self._group.create_task(self._serve(tunnel, minutes * 60))
        return f"http://{_LOOPBACK}:{server.port}/?edge-key={page.key}"

    def close(self, mac: str) -> bool:
        """Close the page of *mac*; False where none is open."""
        tunnel = self._open.get(Mac(mac.lower()))
        if tunnel is not None:
            tunnel.close.set()
        return tunnel is not None

    async def _serve(self, tunnel: _Tunnel, seconds: float) -> None:
        why = "closed"
        async with asyncio.TaskGroup() as group:
            serving = group.create_task(tunnel.server.run())
            try:
                async with asyncio.timeout(seconds):
                    await tunnel.close.wait()
            except TimeoutError:
                why = "its time was over"
            serving.cancel()
        await self._closed(tunnel, why)

    async def _closed(self, tunnel: _Tunnel, why: str) -> None:
        if self._open.pop(tunnel.device.mac, None) is None:
            return
        await tunnel.server.stop()
        await tunnel.page.aclose()
        try:
            await self._audit(tunnel, "web_close", why=why, requests=tunnel.page.requests)
        except StoreError as error:
            log.error("that the page of %s was closed is not in the log: %s", tunnel.device.name, error)

    async def _audit(self, tunnel: _Tunnel, action: str, **more: object) -> None:
        detail = {"by": tunnel.by, "action": f"device {action}", "target": tunnel.to.url, **more}
        now_ms = self._clock.now_ms()
        await self._keep(LogEntry(LogKind.AUDIT, now_ms, new_id("o"), device=tunnel.device.id, detail=detail))


def _is_here(address: str) -> bool:
    """Whether *address* is of one of this box's interfaces: then it can be taken. Loopback addresses all can, and are
    for `[device_web] networks` to say."""
    try:
        if (known := ipaddress.ip_address(address)).is_loopback:
            return False
    except ValueError:
        return False
    with socket.socket(socket.AF_INET6 if known.version == 6 else socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((str(known), 0))
        except OSError:
            return False
    return True
