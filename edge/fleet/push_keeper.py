"""Every panel that is spoken to over HTTP has what it should, and keeps it: looked at again and again, with back-off.

A push that was cut off, by the device or by our own end, is simply pushed again: what is there already is not written.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Final

from edge.core.device_config import config_id
from edge.core.ports import Clock, DeviceDesk
from edge.fleet.desired import load_desired
from edge.fleet.events_log import LogReader
from edge.fleet.files import Where
from edge.fleet.push_http import Away, ShutOut
from edge.fleet.push_panels import Panel, Panels
from edge.fleet.push_settings import Report, digest_of, probe, push_settings, sections_of
from edge.store import panels as stored
from edge.store.engine import Store
from edge.store.errors import StoreError
from edge.store.secrets import SecretsError, Vault
from edge.world import Change, LiveWorld
from models.device_events import Hello
from models.ids import DeviceId, Mac
from mqtt.backoff import Backoff
from mqtt.payloads import Ack
from provisioning.desired import DesiredState
from provisioning.driver import Unfit

MAX_AT_ONCE: Final = 8
RETRY_FIRST_S: Final = 1.0
RETRY_MOST_S: Final = 60.0
SHUT_OUT_WAIT_S: Final = 60.0  # devices lock out who tries too often
COMPARED_EVERY_S: Final = 600.0
GATHERED_S: Final = 0.1
"""Between two looks at everybody: after a power cut each of a thousand is new in the same second."""
PROGRESS_EVERY_S: Final = 0.25

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Step:
    """How far a push is: for whoever looks on. *report*: it is over."""

    what: str
    done: int = 0
    of: int = 0
    report: Report | None = None


class PanelKeeper:
    """A `Component`. *desk* hears who is there; *confirmed* hears of configurations that were read back."""

    name = "panels by http"

    def __init__(
        self,
        world: LiveWorld,
        clock: Clock,
        store: Store,
        vault: Vault,
        panels: Panels,
        where: Callable[[], Where],
        desk: DeviceDesk,
        confirmed: Callable[[Mac, Ack], None],
        reader: LogReader,
        poll_every_s: float,
    ) -> None:
        self._world, self._clock, self._store, self._vault = world, clock, store, vault
        self._panels, self._where, self._desk, self._confirmed = panels, where, desk, confirmed
        self._reader, self._poll_every_s = reader, poll_every_s
        self._due: dict[DeviceId, float] = {}  # monotonic seconds
        self._compared: dict[DeviceId, float] = {}
        self._backoffs: dict[DeviceId, Backoff] = {}
        self._visiting: set[DeviceId] = set()
        self._shut_out: set[DeviceId] = set()
        self._turns: dict[DeviceId, asyncio.Lock] = {}
        self._wake = panels.heard_of

    def changed(self, _change: Change) -> None:
        """A world listener."""
        for device in self._due:
            self._due[device] = self._clock.monotonic()
        self._wake.set()

    def soon(self, panel: Panel) -> None:
        """Look at *panel* now: it reported something, or was told to start again."""
        self._due[panel.device] = self._clock.monotonic()
        self._backoffs.pop(panel.device, None)
        self._wake.set()

    # --- Component --------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        await self._panels.load()

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            while True:
                self._wake.clear()
                now_s = self._clock.monotonic()
                known = {panel.device: panel for panel in self._panels.all()}
                self._due = {device: self._due.get(device, now_s) for device in known}
                ready = [d for d, due_s in self._due.items() if due_s <= now_s and d not in self._visiting]
                for device in ready[: MAX_AT_ONCE - len(self._visiting)]:
                    self._due[device] = now_s + self._poll_every_s
                    self._visiting.add(device)
                    group.create_task(self._visited(known[device]))
                waiting = [due_s for d, due_s in self._due.items() if d not in self._visiting and due_s > now_s]
                await self._sleep(min(waiting, default=now_s + self._poll_every_s) - now_s)
                await asyncio.sleep(GATHERED_S)

    async def stop(self) -> None:
        await self._panels.close()

    async def _sleep(self, wait_s: float) -> None:
        try:
            async with asyncio.timeout(wait_s):
                await self._wake.wait()
        except TimeoutError:
            return

    # --- one panel --------------------------------------------------------------------------------------------------

    async def _visited(self, panel: Panel) -> None:
        try:
            async with self._turn(panel):
                good = await self._visit(panel)
        except (StoreError, SecretsError) as error:
            log.error("panel %s is looked at later: %s", panel.mac, error)
            good = False
        except Exception:  # where a device's replies come in: none of them may end the daemon
            log.exception("panel %s is looked at later", panel.mac)
            good = False
        finally:
            self._visiting.discard(panel.device)
            self._wake.set()
        if good:
            self._backoffs.pop(panel.device, None)
        else:
            backoff = self._backoffs.setdefault(panel.device, Backoff(RETRY_FIRST_S, RETRY_MOST_S))
            wait_s = SHUT_OUT_WAIT_S if panel.device in self._shut_out else backoff.next_s()
            self._shut_out.discard(panel.device)
            self._due[panel.device] = self._clock.monotonic() + wait_s

    async def _visit(self, panel: Panel) -> bool:
        """Whether all is well with it. Raises StoreError, SecretsError."""
        try:
            await probe(panel)
        except Away as error:
            await self._is_there(panel, False, str(error))
            return False
        except (ShutOut, ValueError) as error:  # a Refusal too
            await self._is_there(panel, False, str(error))
            await self._panels.failed(panel, str(error)[:200])
            self._shut_out |= {panel.device} if isinstance(error, ShutOut) else set()
            return False
        await self._is_there(panel, True)
        good = await self._keep(panel)
        return await self._reader.read(panel) and good

    async def _is_there(self, panel: Panel, online: bool, why: str = "") -> None:
        if online:
            await self._introduce(panel)
        if panel.online is not online:
            panel.online = online
            log.info("panel %s is %s%s", panel.mac, "there" if online else "away", f": {why}" if why else "")
            if not online:
                panel.forget()
            await self._desk.presence(panel.mac, online)

    async def _introduce(self, panel: Panel) -> None:
        """What it says that it is, once and when that changes."""
        told = panel.told
        if told == panel.introduced or not told.model:
            return
        panel.introduced = told
        self._panels.learnt_model(panel.device, told.model)
        host = panel.wire.base.rpartition("//")[2]
        await self._desk.hello(Hello(panel.mac, told.model, told.firmware, host, None, None, live=False))

    async def _keep(self, panel: Panel) -> bool:
        """Push where it differs from what was confirmed, or where it is time to compare again."""
        loaded = await asyncio.to_thread(self._desired, panel.mac)
        reach = self._panels.reach(panel.device)
        if loaded is None or reach is None:
            return True
        desired, revision = loaded
        try:
            digest = digest_of(sections_of(panel, desired))
        except Unfit as error:
            await self._panels.failed(panel, str(error))
            return False
        due = self._clock.monotonic() - self._compared.get(panel.device, float("-inf")) >= COMPARED_EVERY_S
        was_reset = panel.wire.login != panel.wire.ours  # by somebody's hand: it takes the factory's login again
        if reach.confirmed != digest or due or was_reset:
            report = await push_settings(panel, desired, anew=reach.confirmed != digest or was_reset)
            if not await self._note(panel, digest, report):
                return False
        self._acknowledge(panel, revision)
        return True

    async def _note(self, panel: Panel, digest: str, report: Report) -> bool:
        """Keep what became of a push. Raises StoreError."""
        if report.converged:
            self._compared[panel.device] = self._clock.monotonic()
            log.info("panel %s has what it should (%s %s)", panel.mac, report.told.model, report.told.firmware)
            await self._panels.pushed(panel, digest, self._clock.now_ms())
            return True
        failed = [item.item for item in report.items if item.state == "failed"]
        await self._panels.failed(panel, report.error or f"it does not take {', '.join(failed[:5])}")
        log.warning("panel %s has not what it should: %s", panel.mac, report.error or failed[:5])
        return False

    def _acknowledge(self, panel: Panel, revision: int | None) -> None:
        if revision is not None:
            self._confirmed(panel.mac, Ack(config_id(revision), ok=True, error="", at_ms=None))

    def _desired(self, mac: Mac) -> tuple[DesiredState, int | None] | None:
        """With the revision of the device's configuration. Blocks. Raises StoreError, SecretsError."""
        snapshot = self._world.snapshot
        device = snapshot.by_mac.get(mac)
        if device is None:
            return None
        with self._store.read() as connection:
            wanted = stored.configs(connection).get(device.id)
            now_ms = self._clock.now_ms()
            # Its credentials are told apart, in chunks.
            desired = load_desired(
                connection, self._vault, snapshot, device, self._where(), now_ms, with_credentials=False
            )
        return None if desired is None else (desired, None if wanted is None else wanted.wanted)

    # --- for a person -----------------------------------------------------------------------------------------------

    async def push(self, panel: Panel, *, dry_run: bool) -> AsyncIterator[Step]:
        """Push *panel* now, or only compare it. The last step has the report. Raises LookupError where its passwords
        do not open, StoreError, SecretsError. Whoever stops looking on stops nothing that the daemon would not do.
        """
        loaded = await asyncio.to_thread(self._desired, panel.mac)
        if loaded is None:
            raise LookupError(panel.mac)
        steps: asyncio.Queue[Step] = asyncio.Queue()

        def progress(what: str, done: int, of: int) -> None:
            steps.put_nowait(Step(what, done, of))

        async with self._turn(panel):
            pushing = asyncio.ensure_future(
                push_settings(panel, loaded[0], dry_run=dry_run, anew=not dry_run, progress=progress)
            )
            while not pushing.done() or not steps.empty():
                if steps.empty():
                    await asyncio.wait((pushing,), timeout=PROGRESS_EVERY_S)
                else:
                    yield steps.get_nowait()
            report = await pushing
            if not dry_run and not report.error:
                await self._is_there(panel, True)
            if not dry_run and await self._note(panel, digest_of(sections_of(panel, loaded[0])), report):
                self._acknowledge(panel, loaded[1])
        if not dry_run:
            self.soon(panel)
        yield Step("done", 1, 1, report)

    def _turn(self, panel: Panel) -> asyncio.Lock:
        return self._turns.setdefault(panel.device, asyncio.Lock())
