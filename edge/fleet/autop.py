"""Serves devices their files: whose they are, who may have them, a line in the journal for each fetch."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final, Protocol

from edge.core.device_config import DeviceConfigs
from edge.core.ports import Clock
from edge.core.snapshot import Snapshot
from edge.fleet.desired import load_desired
from edge.fleet.files import Where
from edge.fleet.limits import Allowance
from edge.fleet.rendering import RenderedFile, find
from edge.store import provisioning
from edge.store.engine import Store
from edge.store.provisioning import Fetched
from edge.store.secrets import SecretsError, Vault
from edge.store.writer import Writer
from models.device import Device
from models.ids import Mac, new_id
from models.log import LogEntry, LogKind
from provisioning.desired import DesiredState
from provisioning.driver import Unfit

MAX_FETCHES_A_MINUTE: Final = 30  # of one device
MAX_REFUSED_A_MINUTE: Final = 30  # of one address; what is more is refused unread
MAX_STRANGERS_A_MINUTE: Final = 60  # lines in the journal; what is more is counted
STRANGER_AGAIN_AFTER_MINUTES: Final = 10
MAX_RENDERED_AT_ONCE: Final = 1  # calls go on while a whole house fetches after a power cut; a second thread only waits

log = logging.getLogger(__name__)


class Logins(Protocol):
    """Passwords of devices."""

    def device_password(self, mac: Mac) -> str | None: ...


class Worlds(Protocol):
    @property
    def snapshot(self) -> Snapshot: ...


class AutoP:
    """Implements `edge.http.autop.Provisioning`. *keep* commits a row of the journal."""

    def __init__(
        self,
        world: Worlds,
        clock: Clock,
        store: Store,
        writer: Writer,
        vault: Vault,
        logins: Logins,
        where: Callable[[], Where],
        keep: Callable[[LogEntry], Awaitable[object]],
    ) -> None:
        self._world, self._clock, self._store, self._writer = world, clock, store, writer
        self._vault, self._logins, self._where, self._keep = vault, logins, where, keep
        self._fetches = Allowance(MAX_FETCHES_A_MINUTE)
        self._refused = Allowance(MAX_REFUSED_A_MINUTE)
        self._lines = Allowance(MAX_STRANGERS_A_MINUTE)
        self._told = Allowance(1, minutes=STRANGER_AGAIN_AFTER_MINUTES)
        self._rendering = asyncio.Semaphore(MAX_RENDERED_AT_ONCE)
        self._configs: tuple[Snapshot, DeviceConfigs] | None = None

    def device(self, user: str) -> tuple[Device, str] | None:
        """The enabled device that logs in as *user* (its MAC), and its password of the device plane."""
        device = self._world.snapshot.by_mac.get(Mac(user.lower()))
        known = None if device is None else self._logins.device_password(device.mac)
        return None if device is None or known is None or not device.enabled else (device, known)

    async def by_open_door(self, mac: str, address: str) -> Device | None:
        """The device *mac* where an installer said that it may fetch for some minutes without a login: the first
        address that asks for it is bound, as by a token that is in no URL."""
        return await self.by_token(provisioning.open_secret(Mac(mac)), address)

    async def by_token(self, secret: str, address: str) -> Device | None:
        """The device whose first fetch *secret* is for, from *address*."""
        if not await asyncio.to_thread(self._is_token, secret):
            return None
        redeem = partial(provisioning.redeem, secret=secret, address=address, now_ms=self._clock.now_ms())
        identity = await self._writer.write(redeem)
        device = None if identity is None else self._world.snapshot.devices.get(identity)
        return device if device is not None and device.enabled else None

    def _is_token(self, secret: str) -> bool:
        """Asked by reading: nobody may keep the one writer busy by guessing."""
        with self._store.read() as connection:
            return provisioning.is_token(connection, secret)

    def is_shut_out(self, address: str) -> bool:
        """Whether *address* was refused so often that it is not listened to for this minute."""
        return self._refused.is_spent(address, self._clock.now_ms())

    async def refused(self, address: str, mac: str | None) -> None:
        """Somebody at *address* had no login; *mac*: whose files it asked for. A line now and then."""
        now_ms = self._clock.now_ms()
        self._refused.take(address, now_ms)
        if mac is None or not self._told.take(mac, now_ms) or not self._lines.take("", now_ms):
            return
        device = self._world.snapshot.by_mac.get(Mac(mac))
        why = "no device of this site has this MAC" if device is None else "without its login or a token"
        log.warning("%s asked for the configuration of %s and got nothing: %s", address, mac, why)
        detail: dict[str, object] = {"type": "fetch_refused", "mac": mac, "address": address, "why": why}
        identity = device.id if device else None
        await self._keep(LogEntry(LogKind.DEVICE, now_ms, new_id("o"), device=identity, detail=detail))

    def too_many(self, device: Device) -> bool:
        """Whether *device* has fetched enough for this minute. Counts this one."""
        return not self._fetches.take(device.id, self._clock.now_ms())

    async def file(self, device: Device, path: str) -> RenderedFile | None:
        """The file that *device* asks for; None where it has none of this name, or can't have it."""
        async with self._rendering:
            return await asyncio.to_thread(self._file, device, path, self._configs_now())

    async def fetched(self, device: Device, file: RenderedFile, status: int, address: str) -> None:
        """Keep that *device* has *file* now (200), or had it already (304)."""
        now_ms = self._clock.now_ms()
        if status == 200:
            had = Fetched(file.sha256, file.shown, now_ms)
            await self._writer.write(partial(provisioning.save_fetched, device=device.id, path=file.path, fetched=had))
        detail: dict[str, object] = {"type": "fetch", "file": file.path, "status": status, "address": address}
        await self._keep(LogEntry(LogKind.DEVICE, now_ms, new_id("o"), device=device.id, detail=detail))

    def _file(self, device: Device, path: str, configs: tuple[Snapshot, DeviceConfigs]) -> RenderedFile | None:
        try:
            desired = self._desired(device, configs)
            return None if desired is None else find(desired, path)
        except (Unfit, SecretsError) as error:
            log.error("%s (%s) can't be provisioned: %s", device.name, device.mac, error)
            return None

    def _desired(self, device: Device, configs: tuple[Snapshot, DeviceConfigs]) -> DesiredState | None:
        snapshot, made = configs
        with self._store.read() as connection:
            return load_desired(
                connection, self._vault, snapshot, device, self._where(), self._clock.now_ms(), configs=made
            )

    def _configs_now(self) -> tuple[Snapshot, DeviceConfigs]:
        """What doors with the same apartments share is made once for a snapshot."""
        snapshot = self._world.snapshot
        if self._configs is None or self._configs[0] is not snapshot:
            self._configs = (snapshot, DeviceConfigs(snapshot, self._clock.now_ms()))
        return self._configs
