"""Devices that are spoken to by their vendor's HTTP API: where each is, as what, and whether it is there."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final, Protocol
from urllib.parse import urlsplit

from edge.core.ports import World
from edge.fleet.push_http import Wire
from edge.store import device_http
from edge.store.device_http import Reach
from edge.store.engine import Store
from edge.store.writer import Writer
from models.device import Device
from models.ids import DeviceId, Mac
from provisioning.api import DeviceApi, Holder, Told
from provisioning.desired import Login, admin_password
from provisioning.driver import DeviceDriver, DeviceIdentity
from provisioning.registry import DRIVERS, driver_for

ADMIN: Final = "admin"


class BadAddress(ValueError):
    """What a person typed is no address of a device."""


class Passwords(Protocol):
    def device_password(self, mac: Mac) -> str | None: ...


@dataclass
class Panel:
    """One device with an HTTP API, in memory."""

    device: DeviceId
    mac: Mac
    driver: DeviceDriver
    api: DeviceApi
    wire: Wire
    told: Told = Told()  # noqa: RUF009  # frozen
    introduced: Told = Told()  # noqa: RUF009  # what the door desk was told of it
    online: bool = False
    held: dict[str, Holder] | None = None  # what it holds, by our id, as last read or written; None = not known
    versions: dict[str, tuple[str, Holder | None]] = field(default_factory=dict)  # what it was told of each

    def forget(self) -> None:
        """It was started again, or reset: nothing that was known of it holds."""
        self.told, self.held = Told(), None


class Panels:
    """Whom the edge speaks to over HTTP."""

    def __init__(self, world: World, passwords: Passwords, store: Store, writer: Writer) -> None:
        self._world, self._passwords, self._store, self._writer = world, passwords, store, writer
        self._reached: dict[DeviceId, Reach] = {}
        self._models: dict[DeviceId, str] = {}
        self._panels: dict[DeviceId, Panel] = {}
        self._turns: dict[DeviceId, asyncio.Lock] = {}
        self._made_of: dict[DeviceId, tuple[str, ...]] = {}  # what each of them was made of
        self.heard_of: asyncio.Event = asyncio.Event()  # set when an address is new

    async def load(self) -> None:
        """Take over what is stored. Once, before anything is asked. Raises StoreError."""
        self._reached, self._models = await asyncio.to_thread(self._load)

    async def close(self) -> None:
        for panel in self._panels.values():
            await panel.wire.close()
        self._panels.clear()

    def _load(self) -> tuple[dict[DeviceId, Reach], dict[DeviceId, str]]:
        with self._store.read() as connection:
            return device_http.reached(connection), device_http.models(connection)

    def all(self) -> Iterator[Panel]:
        """Of every enabled device whose address is known."""
        for device in self._world.snapshot.devices.values():
            panel = self.of(device.mac)
            if panel is not None:
                yield panel

    def of(self, mac: Mac) -> Panel | None:
        """How *mac* is spoken to; None where no address of it is known, or its family has no API."""
        device = self._world.snapshot.by_mac.get(mac)
        reach = None if device is None else self._reached.get(device.id)
        if device is None or reach is None or reach.mac != mac or not device.enabled:
            return None
        own = self._passwords.device_password(mac)
        if own is None:
            return None
        known = self._panels.get(device.id)
        made_of = (mac, reach.address, reach.driver, own, self._models.get(device.id, ""))
        if known is not None and self._made_of.get(device.id) == made_of:
            return known  # asked a thousand times a second where a house comes back after a power cut
        driver, ours = self._driver(device, reach.driver), Login(ADMIN, admin_password(own))
        self._made_of[device.id] = made_of
        is_same = (mac, reach.address, driver, ours)
        if known is not None and (known.mac, known.wire.base, known.driver, known.wire.ours) == is_same:
            return known
        if driver.api is None:
            return None
        wire = Wire(reach.address, driver.api.auth, (ours, *driver.api.factory), driver.api.check, self._turn(device))
        self._panels[device.id] = Panel(device.id, mac, driver, driver.api, wire)
        return self._panels[device.id]

    def _turn(self, device: Device) -> asyncio.Lock:
        """A device takes one request at a time, whichever wire it comes by: one that moves has two for a moment."""
        return self._turns.setdefault(device.id, asyncio.Lock())

    def online(self, mac: Mac) -> bool:
        """Whether it answered when it was last asked."""
        panel = self.of(mac)
        return panel is not None and panel.online

    def reach(self, device: DeviceId) -> Reach | None:
        return self._reached.get(device)

    def at(self, host: str) -> Panel | None:
        """The one at the address *host*."""
        return next((panel for panel in self.all() if urlsplit(panel.wire.base).hostname == host), None)

    def learnt_model(self, device: DeviceId, model: str) -> None:
        self._models[device] = model

    # --- where they are ---------------------------------------------------------------------------------------------

    def tried_at(self, device: Device, address: str, driver: str = "") -> Panel:
        """*device* as if it were at *address*, which is not kept. Close its wire. Raises BadAddress."""
        base, chosen = self._checked(device, address, driver)
        own = self._passwords.device_password(device.mac)
        if own is None or chosen.api is None:
            raise BadAddress(f"there is no login of {device.name}")
        wire = Wire(
            base,
            chosen.api.auth,
            (Login(ADMIN, admin_password(own)), *chosen.api.factory),
            chosen.api.check,
            self._turn(device),
        )
        return Panel(device.id, device.mac, chosen, chosen.api, wire)

    async def put_at(self, device: Device, address: str, driver: str = "") -> None:
        """A person says where *device* is. Raises BadAddress, StoreError."""
        base, _ = self._checked(device, address, driver)
        await self._save(device, base, driver)

    def _checked(self, device: Device, address: str, driver: str) -> tuple[str, DeviceDriver]:
        base = _base(address)
        if driver and (driver not in DRIVERS or DRIVERS[driver].api is None):
            raise BadAddress(f"devices of {driver} have no API that we know")
        if self._driver(device, driver).api is None:
            raise BadAddress("say --driver: its model is not known, and its MAC does not tell its family")
        return base, self._driver(device, driver)

    async def seen_at(self, device: Device, host: str) -> None:
        """*device* proved itself from *host*: it is there, at the port that it was at. Raises StoreError."""
        reach = self._reached.get(device.id)
        known = reach is not None and reach.mac == device.mac
        driver = reach.driver if reach is not None and known else ""
        if self._driver(device, driver).api is None or (known and reach and urlsplit(reach.address).hostname == host):
            return
        before = urlsplit(reach.address) if reach is not None and known else urlsplit("http://x")
        port = f":{before.port}" if before.port else ""
        await self._save(device, f"{before.scheme}://{_bracketed(host)}{port}", driver)

    async def drop(self, panel: Panel) -> None:
        """It was reset: it is told nothing until it asks for its files, or a person says where it is. StoreError."""
        await self._writer.write(partial(device_http.forget, identity=panel.device))
        self._reached.pop(panel.device, None)
        self._panels.pop(panel.device, None)
        await panel.wire.close()

    async def _save(self, device: Device, address: str, driver: str) -> None:
        save = partial(device_http.save_address, identity=device.id, mac=device.mac, address=address, driver=driver)
        await self._writer.write(save)
        before = self._reached.get(device.id)
        fresh = Reach(device.id, device.mac, address, driver)
        keep = before is not None and before.mac == device.mac
        self._reached[device.id] = replace(before, address=address, driver=driver) if before and keep else fresh
        self.heard_of.set()

    def _driver(self, device: Device, chosen: str) -> DeviceDriver:
        if chosen in DRIVERS:
            return DRIVERS[chosen]
        return driver_for(DeviceIdentity(device.mac, self._models.get(device.id, "")))

    # --- how far they are -------------------------------------------------------------------------------------------

    async def pushed(self, panel: Panel, digest: str, now_ms: int) -> None:
        """*panel* was read back with the settings of *digest*; "" = it must be told again. Raises StoreError."""
        await self._writer.write(partial(device_http.save_pushed, identity=panel.device, digest=digest, now_ms=now_ms))
        self._update(panel, confirmed=digest, problem="")

    async def failed(self, panel: Panel, problem: str) -> None:
        """Raises StoreError."""
        reach = self._reached.get(panel.device)
        if reach is not None and reach.problem != problem:
            await self._writer.write(partial(device_http.save_problem, identity=panel.device, problem=problem))
            self._update(panel, problem=problem)

    async def log_taken(self, panel: Panel, number: int | None) -> None:
        """Rows of its own log up to *number* are ours now. Raises StoreError."""
        await self._writer.write(partial(device_http.save_log_number, identity=panel.device, number=number))
        self._update(panel, log_number=number)

    def _update(self, panel: Panel, **values: object) -> None:
        reach = self._reached.get(panel.device)
        if reach is not None:
            self._reached[panel.device] = replace(reach, **values)  # type: ignore[arg-type]  # names of its own fields


def _base(address: str) -> str:
    """``http(s)://host[:port]`` of what was typed. Raises BadAddress."""
    typed = address if "://" in address else f"http://{address}"
    try:
        url = urlsplit(typed)
        port = url.port
    except ValueError as error:
        raise BadAddress(f"{address!r} is no address of a device") from error
    if (
        url.scheme not in ("http", "https")
        or not url.hostname
        or url.path not in ("", "/")
        or url.username
        or url.query
    ):
        raise BadAddress(f"{address!r} is no address of a device: http://host:port")
    return f"{url.scheme}://{_bracketed(url.hostname)}" + (f":{port}" if port else "")


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
