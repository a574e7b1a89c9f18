"""Credentials whose home is a panel: told to it, confirmed by it, taken from it, over restarts (domain §12)."""

import asyncio
import logging
from functools import partial
from itertools import islice
from typing import Final

from edge.core.ports import Clock
from edge.panels.planning import Plan, make_plan
from edge.panels.pushing import Outcome, PanelPusher
from edge.store import panels
from edge.store.engine import Store
from edge.store.errors import StoreError
from edge.store.writer import Writer
from edge.world import Change, LiveWorld
from models.ids import DeviceId, Mac
from mqtt.backoff import Backoff

MAX_PANELS_AT_ONCE: Final = 8
MAX_CHANGES_A_JOB: Final = 500
RETRY_FIRST_S: Final = 1.0
RETRY_MOST_S: Final = 60.0
LOOK_AGAIN_EVERY_S: Final = 600.0  # what has ended by itself, and what a panel holds, is looked at now and then

log = logging.getLogger(__name__)


class CredentialKeeper:
    """A `Component`. Nothing is forgotten: what is to be told stands in the store until the panel confirmed it."""

    name = "panel credentials"

    def __init__(self, world: LiveWorld, clock: Clock, store: Store, writer: Writer, pusher: PanelPusher) -> None:
        self._world = world
        self._clock = clock
        self._store = store
        self._writer = writer
        self._pusher = pusher
        self._planned: int | None = None  # revision up to which the store says what panels should hold
        self._replan = asyncio.Event()
        self._due: dict[DeviceId, float] = {}  # monotonic seconds
        self._backoffs: dict[DeviceId, Backoff] = {}
        self._pushing: set[DeviceId] = set()
        self._in_use: frozenset[DeviceId] = frozenset()
        self._wake = asyncio.Event()

    def changed(self, _change: Change) -> None:
        """A world listener."""
        self._replan.set()

    def arrived(self, mac: Mac) -> None:
        """A device came (back): what waited for it is told now, and it is asked what it holds."""
        device = self._world.snapshot.by_mac.get(mac)
        if device is not None and device.id in self._in_use:
            self._backoffs.pop(device.id, None)
            self._make_due(device.id)

    # --- Component --------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        self._in_use = await asyncio.to_thread(self._load)
        self._replan.set()

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self._plan_again_and_again())
            group.create_task(self._look_now_and_then())
            await self._push_what_is_due(group)

    async def stop(self) -> None:
        return

    def _load(self) -> frozenset[DeviceId]:
        with self._store.read() as connection:
            return panels.panels_in_use(connection)

    # --- what should be where ---------------------------------------------------------------------------------------

    async def _plan_again_and_again(self) -> None:
        while True:
            await self._replan.wait()
            self._replan.clear()
            try:
                snapshot = self._world.snapshot
                plan = await asyncio.to_thread(make_plan, self._store, snapshot, self._planned, self._clock.now_ms())
                await self._note(plan)
                self._planned = plan.revision
            except StoreError as error:
                log.error("what panels should hold cannot be worked out: %s", error)
                await asyncio.sleep(RETRY_FIRST_S)
                self._replan.set()

    async def _note(self, plan: Plan) -> None:
        """Raises StoreError."""
        for device, changes in plan.changes.items():
            left = iter(changes.items())
            while bite := dict(islice(left, MAX_CHANGES_A_JOB)):
                note = partial(
                    panels.want_credentials,
                    device=device,
                    wanted=bite,
                    revision=plan.revision,
                    now_ms=self._clock.now_ms(),
                )
                await self._writer.write(note)
            self._in_use |= {device}
            self._make_due(device)

    async def _look_now_and_then(self) -> None:
        while True:
            await asyncio.sleep(LOOK_AGAIN_EVERY_S)
            self._planned = None
            self._replan.set()
            for device in self._in_use:
                self._make_due(device)

    # --- telling ----------------------------------------------------------------------------------------------------

    def _make_due(self, device: DeviceId) -> None:
        self._due[device] = self._clock.monotonic()
        self._wake.set()

    async def _push_what_is_due(self, group: asyncio.TaskGroup) -> None:
        while True:
            self._wake.clear()
            now_s = self._clock.monotonic()
            ready = [d for d, due_s in self._due.items() if due_s <= now_s and d not in self._pushing]
            for device in ready[: MAX_PANELS_AT_ONCE - len(self._pushing)]:
                del self._due[device]
                self._pushing.add(device)
                group.create_task(self._push(device))
            waiting = [due_s for d, due_s in self._due.items() if d not in self._pushing and due_s > now_s]
            await self._sleep(min(waiting, default=None), now_s)

    async def _sleep(self, until_s: float | None, now_s: float) -> None:
        """Until it is time, or until somebody becomes due or free."""
        try:
            async with asyncio.timeout(None if until_s is None else until_s - now_s):
                await self._wake.wait()
        except TimeoutError:
            return

    async def _push(self, identity: DeviceId) -> None:
        try:
            device = self._world.snapshot.devices.get(identity)
            outcome = Outcome.AWAY if device is None else await self._pusher.push(device)
        except StoreError as error:
            log.error("panel %s is told later: %s", identity, error)
            outcome = Outcome.AGAIN
        finally:
            self._pushing.discard(identity)
            self._wake.set()
        if outcome is Outcome.DONE:
            self._backoffs.pop(identity, None)
        elif outcome in (Outcome.AGAIN, Outcome.UNFIT):
            self._try_later(identity, outcome)
        elif outcome is Outcome.HELD_BACK:
            log.error("panel %s gets no credentials: MQTT in clear is served beyond this machine", identity)

    def _try_later(self, identity: DeviceId, outcome: Outcome) -> None:
        backoff = self._backoffs.setdefault(identity, Backoff(RETRY_FIRST_S, RETRY_MOST_S))
        wait_s = RETRY_MOST_S if outcome is Outcome.UNFIT else backoff.next_s()
        if outcome is Outcome.UNFIT:
            log.error("panel %s does not hold what it was told, again; tried again in %.0f s", identity, wait_s)
        self._due.setdefault(identity, self._clock.monotonic() + wait_s)
