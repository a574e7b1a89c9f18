"""`edge device push`: where a device is, its settings, its credentials, step by step for whoever looks on."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Final

from edge.core.ports import Clock, World
from edge.fleet.push_keeper import PanelKeeper
from edge.fleet.push_panels import BadAddress, Panel, Panels
from edge.store import panels as stored
from edge.store.engine import Store
from models.device import Device
from models.ids import Mac, new_id
from models.log import LogEntry, LogKind

LOOKED_EVERY_S: Final = 0.5
STANDS_STILL_S: Final = 120.0  # without one credential more the rest is left to the daemon

Json = Mapping[str, object]


class PushDesk:
    """Implements `edge.http.push.PushDoor`. *keep* commits a row of the journal."""

    def __init__(
        self,
        world: World,
        clock: Clock,
        store: Store,
        panels: Panels,
        keeper: PanelKeeper,
        keep: Callable[[LogEntry], Awaitable[object]],
    ) -> None:
        self._world, self._clock, self._store = world, clock, store
        self._panels, self._keeper, self._keep = panels, keeper, keep

    async def begin(self, mac: str, *, address: str, driver: str, dry_run: bool, actor: str) -> AsyncIterator[Json]:
        """The steps of a push, the last with the report. Raises LookupError where there is no such device, ValueError
        in words where it can't be pushed to, StoreError."""
        device = self._world.snapshot.by_mac.get(Mac(mac))
        if device is None:
            raise LookupError(f"there is no device {mac}")
        if not device.enabled:
            raise BadAddress(f"{device.name} is disabled")
        if dry_run and address:
            return self._tried(device, self._panels.tried_at(device, address, driver))
        if address:
            await self._panels.put_at(device, address, driver)
        panel = self._panels.of(device.mac)
        if panel is None:
            raise BadAddress(f"where {device.name} is, is not known: it has not fetched its files; say --address")
        if not dry_run:
            detail = {"by": actor, "action": "device push", **({"address": address} if address else {})}
            row = LogEntry(LogKind.AUDIT, self._clock.now_ms(), new_id("o"), device=device.id, detail=detail)
            await self._keep(row)
        return self._steps(device, panel, dry_run)

    async def _tried(self, device: Device, panel: Panel) -> AsyncIterator[Json]:
        try:
            async for step in self._steps(device, panel, dry_run=True):
                yield step
        finally:
            await panel.wire.close()

    async def _steps(self, device: Device, panel: Panel, dry_run: bool) -> AsyncIterator[Json]:
        told: dict[str, object] = {}
        async for step in self._keeper.push(panel, dry_run=dry_run):
            if step.report is None:
                yield {"what": step.what, "done": step.done, "of": step.of}
            else:
                told = step.report.shown()
        if not dry_run and told["converged"]:
            async for step_ in self._credentials(device):
                yield step_
        remove, put = await asyncio.to_thread(self._open, device)
        credentials = {"to_remove": remove, "to_put": put}
        ok = bool(told["converged"]) and not remove and not put if not dry_run else not told["error"]
        yield {"report": {**told, "mac": device.mac, "credentials": credentials}, "ok": ok}

    async def _credentials(self, device: Device) -> AsyncIterator[Json]:
        """As long as fewer and fewer are open."""
        remove, put = await asyncio.to_thread(self._open, device)
        first = left = remove + put
        since_s = self._clock.monotonic()
        while left and self._clock.monotonic() - since_s < STANDS_STILL_S:
            yield {"what": "credentials", "done": first - left, "of": first}
            await asyncio.sleep(LOOKED_EVERY_S)
            remove, put = await asyncio.to_thread(self._open, device)
            if remove + put != left:
                left, since_s = remove + put, self._clock.monotonic()
                first = max(first, left)

    def _open(self, device: Device) -> tuple[int, int]:
        with self._store.read() as connection:
            return stored.open_counts(connection).get(device.id, (0, 0))
