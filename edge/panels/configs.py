"""Every device's configuration, retained at the broker: rendered when the world changes, sent where it differs."""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from typing import Final

from edge.core.device_config import DeviceConfigs, Fields, confirmed_revision, digest, payload
from edge.core.ports import Clock
from edge.core.snapshot import Snapshot
from edge.store import panels
from edge.store.engine import Store
from edge.store.errors import StoreError
from edge.store.lazy import LazyWriter
from edge.store.panels import ConfigState
from edge.store.writer import Writer
from edge.world import Change, LiveWorld
from models.access import OrderKind
from models.ids import DeviceId, Mac
from mqtt.client import LinkDown
from mqtt.payloads import Ack
from mqtt.shelf import ConfigShelf

MAX_SENT_A_SECOND: Final = 200  # a change of everything must not hold up an answer to a card
MAX_STATES_A_JOB: Final = 500
RETRY_AFTER_S: Final = 2.0
ENDINGS_SEEN_EVERY_S: Final = 1.0
"""A lock-down that ends by the clock gives a panel its opening hours back so much later. No decision waits for it."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Rendered:
    device: DeviceId
    mac: Mac
    state: ConfigState
    body: bytes


class ConfigKeeper:
    """A `Component`. A device confirms a configuration by acknowledging it; `edge device list` shows who is behind."""

    name = "device configurations"

    def __init__(
        self, world: LiveWorld, clock: Clock, store: Store, writer: Writer, later: LazyWriter, shelf: ConfigShelf
    ) -> None:
        self._world = world
        self._clock = clock
        self._store = store
        self._writer = writer
        self._later = later
        self._shelf = shelf
        self._states: dict[DeviceId, ConfigState] = {}
        self._work = asyncio.Event()
        self._locked_down: frozenset[str] = frozenset()  # orders in force when the configurations were rendered
        self.weather: Callable[[], Fields | None] = lambda: None
        shelf.settled = self._work.set

    def changed(self, change: Change) -> None:
        """A world listener. Credentials are in no configuration."""
        if change.accounts_too or change.before.orders != change.after.orders:
            self._forget_replaced(change)
            self._work.set()

    def weather_changed(self) -> None:
        """What `weather` gives is another now."""
        self._work.set()

    def _forget_replaced(self, change: Change) -> None:
        """What the device before it confirmed, the one in its place has not."""
        for identity, device in change.after.devices.items():
            before, state = change.before.devices.get(identity), self._states.get(identity)
            if before is not None and before.mac != device.mac and state is not None:
                self._states[identity] = replace(state, confirmed=None)

    def acked(self, device: Mac, ack: Ack) -> None:
        """An ack that no command waits for: perhaps of a configuration."""
        revision = ack.revision if ack.revision is not None else confirmed_revision(ack.id)
        known = self._world.snapshot.by_mac.get(device)
        state = None if known is None else self._states.get(known.id)
        if known is None or state is None or revision is None or not 0 < revision <= state.wanted:
            return
        if not ack.ok:
            log.warning(
                "%s (%s) refuses its configuration %d: %s", known.name, device, revision, ack.error or "no reason"
            )
        elif revision != state.confirmed:
            self._states[known.id] = replace(state, confirmed=revision)
            save = partial(panels.confirm_config, device=known.id, revision=revision, now_ms=self._clock.now_ms())
            self._later.put(("config", known.id), save)

    # --- Component --------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        self._states = await asyncio.to_thread(self._load)
        self._work.set()

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self._see_endings())
            await self._keep()

    async def _keep(self) -> None:
        while True:
            await self._work.wait()
            self._work.clear()
            try:
                await self._send(await self._bring_up_to_date())
            except LinkDown as error:
                log.info("configurations wait for the broker: %s", error)  # when it is back, `settled` is called
            except StoreError as error:
                log.error("configurations wait for the store: %s", error)
                await asyncio.sleep(RETRY_AFTER_S)
                self._work.set()

    async def _see_endings(self) -> None:
        while True:
            await asyncio.sleep(ENDINGS_SEEN_EVERY_S)
            if _lock_downs(self._world.snapshot, self._clock.now_ms()) != self._locked_down:
                self._work.set()

    async def stop(self) -> None:
        return

    def _load(self) -> dict[DeviceId, ConfigState]:
        with self._store.read() as connection:
            return panels.configs(connection)

    async def _bring_up_to_date(self) -> Sequence[_Rendered]:
        """Render everything, and note what differs before anybody is told: a revision never means two things."""
        snapshot, now_ms = self._world.snapshot, self._clock.now_ms()
        self._locked_down = _lock_downs(snapshot, now_ms)
        rendered = await asyncio.to_thread(_render, snapshot, now_ms, dict(self._states), self.weather())
        new = {each.device: each.state for each in rendered if self._is_new(each)}
        await self._note(new)
        for device, state in new.items():
            known = self._states.get(device)
            self._states[device] = replace(state, confirmed=None if known is None else known.confirmed)
        return rendered

    def _is_new(self, rendered: _Rendered) -> bool:
        known = self._states.get(rendered.device)
        return known is None or known.digest != rendered.state.digest

    async def _note(self, wanted: Mapping[DeviceId, ConfigState]) -> None:
        """Raises StoreError."""
        left = iter(wanted.items())
        while bite := dict(islice(left, MAX_STATES_A_JOB)):
            await self._writer.write(partial(panels.want_configs, wanted=bite, now_ms=self._clock.now_ms()))

    async def _send(self, rendered: Sequence[_Rendered]) -> None:
        """Raises LinkDown. A newer world ends it early: what is left would be out of date."""
        for each in rendered:
            if self._work.is_set():
                return
            if await self._shelf.put(each.mac, each.body):
                await asyncio.sleep(1 / MAX_SENT_A_SECOND)


def _lock_downs(snapshot: Snapshot, now_ms: int) -> frozenset[str]:
    return frozenset(o.id for o in snapshot.orders if o.kind is OrderKind.LOCK_DOWN and o.in_force(now_ms))


def _render(
    snapshot: Snapshot, now_ms: int, known: Mapping[DeviceId, ConfigState], weather: Fields | None
) -> list[_Rendered]:
    """What every device should be told; with the revision of its last change, where nothing changed since."""
    configs = DeviceConfigs(snapshot, now_ms, weather)
    rendered = []
    for device in snapshot.devices.values():
        config = configs.of(device)
        state = _state(snapshot.revision, digest(config), known.get(device.id))
        rendered.append(_Rendered(device.id, device.mac, state, payload(config, state.wanted)))
    return rendered


def _state(revision: int, content: str, before: ConfigState | None) -> ConfigState:
    """*before* where the content is the same. A lock-down that ended changes it without a change of the community:
    then the number is one of the device's own, since one number never means two things.
    """
    if before is None:
        return ConfigState(revision, content)
    return before if before.digest == content else ConfigState(max(revision, before.wanted + 1), content)
