"""Runs firmware jobs: looks once a second, sends the order to devices whose turn it is, keeps how far each is."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any, Final, Protocol

from sqlalchemy import Connection

from edge.core.ports import Clock, World
from edge.fleet import jobs
from edge.fleet.jobs import Fact, Job, Progress
from edge.store import devices, journal, upgrades
from edge.store.engine import Store
from edge.store.errors import StoreError
from edge.store.writer import Writer
from models.device import Device
from models.device_events import OpenResult
from models.ids import DeviceId, Mac
from models.log import LogEntry, LogKind
from models.tables.device import DeviceUpgradeState, UpgradeState
from mqtt.payloads import Ack

LOOK_EVERY_S: Final = 1.0
ACK_WITHIN_S: Final = 10.0

log = logging.getLogger(__name__)


class Speaker(Protocol):
    """As much of the device plane as is needed."""

    def online(self, device: Mac) -> bool: ...

    async def ask(
        self, device: Mac, verb: str, fields: Mapping[str, object], ack_within_s: float = 3.0
    ) -> Ack | OpenResult: ...


@dataclass(frozen=True, slots=True)
class _Due:
    job: Job
    fields: Mapping[str, object]  # of `down/upgrade`


class UpgradeRunner:
    """A `Component`. *busy*: whether a device is in a call; *url*: where a device finds a firmware file by its name."""

    name = "firmware jobs"

    def __init__(
        self,
        world: World,
        clock: Clock,
        store: Store,
        writer: Writer,
        plane: Speaker,
        busy: Callable[[Device], bool],
        url: Callable[[str], str],
    ) -> None:
        self._world, self._clock, self._store, self._writer = world, clock, store, writer
        self._plane, self._busy, self._url = plane, busy, url

    async def start(self) -> None:
        """Nothing is remembered from before: the store has it."""

    async def run(self) -> None:
        while True:
            try:
                for due in await asyncio.to_thread(self._due):
                    await self._advance(due)
            except StoreError as error:
                log.warning("firmware jobs wait for the store: %s", error)
            await asyncio.sleep(LOOK_EVERY_S)

    async def stop(self) -> None:
        """A job goes on after the next start, where it was."""

    def _due(self) -> list[_Due]:
        with self._store.read() as connection:
            rows = upgrades.due(connection, self._clock.now_ms())
            members = upgrades.devices_of(connection, [row.id for row in rows]) if rows else []
        found = []
        for row in rows:
            own = {DeviceId(m.device_id): _progress(m) for m in members if m.job_id == row.id}
            job = Job(row.id, row.at_ms, row.until_ms, row.at_once, row.stop_after, row.reset_after, row.state,
                      row.version, own)  # fmt: skip
            fields = {
                "model": row.model, "version": row.version, "url": self._url(row.file),
                "size_bytes": row.size_bytes, "sha256": row.sha256,
            }  # fmt: skip
            found.append(_Due(job, fields))
        return found

    async def _advance(self, due: _Due) -> None:
        job = due.job
        facts = await asyncio.to_thread(self._facts, job)
        next_ = jobs.step(job, facts, self._clock.now_ms())
        ended = next_.state not in upgrades.OPEN
        if next_.changed or next_.state is not job.state:
            if not await self._writer.write(partial(_keep, job=job, changed=next_.changed, state=next_.state)):
                return  # cancelled meanwhile
            for device, progress in next_.changed.items():
                await self._told(job, device, progress)
        if not ended:
            await asyncio.gather(*(self._send(due, device) for device in next_.send))

    def _facts(self, job: Job) -> dict[DeviceId, Fact]:
        with self._store.read() as connection:
            states = devices.states(connection)
        known = self._world.snapshot.devices
        return {
            identity: Fact(
                self._plane.online(known[identity].mac),
                not self._busy(known[identity]),
                states[identity].firmware if identity in states else "",
            )
            for identity in job.devices
            if identity in known
        }

    async def _send(self, due: _Due, identity: DeviceId) -> None:
        device = self._world.snapshot.devices.get(identity)
        if device is None:
            return
        answer = await self._plane.ask(device.mac, "upgrade", due.fields, ACK_WITHIN_S)
        if not isinstance(answer, Ack):
            return  # offline, or no answer: its turn comes again
        now_ms, before = self._clock.now_ms(), due.job.devices[identity]
        if answer.ok:
            after = jobs.sent(before, now_ms)
        else:
            after = jobs.refused(before, now_ms, f"it refused: {answer.error or 'no reason given'}")
        await self._writer.write(partial(_keep_one, job=due.job.id, device=identity, progress=after))
        await self._told(due.job, identity, after)

    async def _told(self, job: Job, identity: DeviceId, progress: Progress) -> None:
        """A row in the journal; and the factory state for a device that is done, where the job says so."""
        snapshot = self._world.snapshot
        detail: dict[str, object] = {"type": "upgrade", "version": job.version, "state": progress.state.value}
        if progress.error:
            detail["error"] = progress.error
        row = LogEntry(LogKind.DEVICE, self._clock.now_ms(), job.id, device=identity, detail=detail)
        await self._writer.write(partial(journal.append, entry=row, community=snapshot.community.id))
        device = snapshot.devices.get(identity)
        if progress.state is DeviceUpgradeState.DONE and job.reset_after and device is not None:
            result = await self._plane.ask(device.mac, "reset", {}, ACK_WITHIN_S)
            if not (isinstance(result, Ack) and result.ok):
                log.warning("%s was upgraded, but did not confirm its reset", device.name)


def _progress(row: Any) -> Progress:
    return Progress(row.state, row.sent_at_ms, row.done_at_ms, row.error)


def _keep(connection: Connection, job: Job, changed: Mapping[DeviceId, Progress], state: UpgradeState) -> bool:
    if not upgrades.save_state(connection, job.id, state):
        return False
    for device, progress in changed.items():
        _keep_one(connection, job.id, device, progress)
    return True


def _keep_one(connection: Connection, job: str, device: DeviceId, progress: Progress) -> None:
    upgrades.save_device(connection, job, device, **asdict(progress))
