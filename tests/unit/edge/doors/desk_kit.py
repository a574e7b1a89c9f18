"""The door desk with a clock, a store and a device plane that a test holds in its hands."""

import asyncio
import contextlib
import enum
import json
from collections.abc import AsyncIterator, Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

from edge.core.passage import StoredPassage
from edge.core.snapshot import Snapshot
from edge.doors.desk import DoorDesk
from edge.doors.web_relay import WebRelaySettings
from edge.doors.work import Done, Heard, MessageKey, Past, Work
from edge.store.errors import StoreFull, StoreOverloaded
from models.access import AccessDecision
from models.device_events import DeviceEvent, DeviceEventType, OpenResult
from models.ids import CredentialId, DeviceId, Mac
from models.log import LogEntry, LogKind
from tests.unit.edge.core.door_house import GATE, MAC_OF, NOW_MS, TAGGER

DAY_MS = 24 * 3_600_000


@dataclass
class HandClock:
    """Goes when told. The wall clock can be set apart from the monotonic one."""

    wall_ms: int = NOW_MS
    mono_s: float = 1_000.0

    def now_ms(self) -> int:
        return self.wall_ms

    def monotonic(self) -> float:
        return self.mono_s

    def advance(self, seconds: float) -> None:
        self.wall_ms += round(seconds * 1_000)
        self.mono_s += seconds


@dataclass
class HeldWorld:
    snapshot: Snapshot


class Disk(enum.Enum):
    """How the store's disk behaves."""

    GOOD = "good"
    FULL = "full"  # a commit fails
    HANGING = "hanging"  # a commit does not come back
    OVERLOADED = "overloaded"  # the writer takes nothing


@dataclass
class MemoryLedger:
    """A ledger that keeps what is committed in lists: what is in them survives a "restart"."""

    disk: Disk = Disk.GOOD
    uses: dict[CredentialId, int] = field(default_factory=dict)
    rows: list[LogEntry] = field(default_factory=list)
    answers: dict[MessageKey, tuple[int, bytes]] = field(default_factory=dict)
    counters: dict[Any, Any] = field(default_factory=dict)
    online: set[DeviceId] = field(default_factory=set)
    hellos: list[Any] = field(default_factory=list)
    passages: dict[tuple[str, str], StoredPassage] = field(default_factory=dict)
    contacts: dict[DeviceId, bool] = field(default_factory=dict)
    commits: list[Work] = field(default_factory=list)
    looked_up: list[MessageKey] = field(default_factory=list)
    hanging: "list[tuple[Work, Future[Done]]]" = field(default_factory=list)
    committed: asyncio.Event = field(default_factory=asyncio.Event)

    def load(self, now_ms: int) -> Past:
        recent = {key: told for key, told in self.answers.items() if told[0] > now_ms - DAY_MS}
        contacts = {door: told if door in self.online else None for door, told in self.contacts.items()}
        went = tuple(sorted(self.passages.values(), key=lambda stored: stored.at_ms))
        return Past(dict(self.counters), recent, True, frozenset(self.online), contacts, went)

    def submit(self, work: Work) -> "Future[Done]":
        if self.disk is Disk.OVERLOADED:
            raise StoreOverloaded("10000 writes wait already")
        future: Future[Done] = Future()
        if self.disk is Disk.GOOD:
            future.set_result(self._commit(work))
        elif self.disk is Disk.FULL:
            future.set_exception(StoreFull("no space left"))
        else:
            self.hanging.append((work, future))
        return future

    def answered(self, key: MessageKey, now_ms: int) -> bytes | None:
        self.looked_up.append(key)
        at_ms, body = self.answers.get(key, (now_ms - DAY_MS, b""))
        return body if at_ms > now_ms - DAY_MS else None

    def forget_old(self, now_ms: int) -> "Future[int]":
        future: Future[int] = Future()
        old = [key for key, (at_ms, _) in self.answers.items() if at_ms <= now_ms - DAY_MS]
        for key in old:
            del self.answers[key]
        future.set_result(len(old))
        return future

    def mend(self) -> None:
        """The disk works again; what hung is committed."""
        self.disk = Disk.GOOD
        for work, future in self.hanging:
            future.set_result(self._commit(work))
        self.hanging.clear()

    def _commit(self, work: Work) -> Done:
        if work.key is not None and work.key in self.answers and self.answers[work.key][0] > work.at_ms - DAY_MS:
            return Done(self.answers[work.key][1], repeated=True)
        told, spent = work.told, False
        if work.use is not None:
            if self.uses.get(work.use, 0) > 0:
                self.uses[work.use] -= 1
            elif work.if_spent is not None:
                told, spent = work.if_spent, True
        if work.key is not None:
            self.answers[work.key] = (work.at_ms, told.body)
        self.rows.extend(told.rows)
        if not spent:
            self._keep(work)
        if work.presence is not None:
            device, online = work.presence
            (self.online.add if online else self.online.discard)(device)
        if work.hello is not None:
            self.hellos.append(work.hello)
        self.commits.append(work)
        self.committed.set()
        return Done(told.body, spent)

    def _keep(self, work: Work) -> None:
        for key, counter in work.counters.items():
            if counter is None:
                self.counters.pop(key, None)
            else:
                self.counters[key] = counter
        for passage in work.passed:
            self.passages[passage.holder, passage.area] = StoredPassage(passage, work.at_ms)
        if work.contact is not None:
            self.contacts.update([work.contact])

    async def until(self, happened: Callable[[], object]) -> None:
        """Wait until *happened*, looking after each commit; the test's own time limit ends a wait in vain."""
        async with asyncio.timeout(10):
            while not happened():
                self.committed.clear()
                await self.committed.wait()

    def of(self, kind: LogKind) -> list[LogEntry]:
        return [row for row in self.rows if row.kind is kind]


@dataclass
class RecordingPlane:
    """Remembers what devices were told, and answers openings as the test says."""

    ledger: MemoryLedger
    result: OpenResult = OpenResult.OPENED
    reachable: bool = True
    told: list[tuple[Mac, bytes]] = field(default_factory=list)
    rows_when_told: list[int] = field(default_factory=list)
    opened: list[tuple[Mac, AccessDecision]] = field(default_factory=list)
    commands: list[tuple[Mac, str, dict[str, object]]] = field(default_factory=list)
    events: list[Mapping[str, object]] = field(default_factory=list)
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    def online(self, device: Mac) -> bool:
        return self.reachable

    async def decision(self, device: Mac, answer: bytes) -> None:
        self.told.append((device, answer))
        self.rows_when_told.append(len(self.ledger.rows))
        await self._tell()

    async def open(self, device: Mac, decision: AccessDecision, ack_within_s: float = 3.0) -> OpenResult:
        self.opened.append((device, decision))
        await self._tell()
        return self.result

    async def command(
        self, device: Mac, verb: str, fields: Mapping[str, object], ack_within_s: float = 3.0
    ) -> OpenResult:
        self.commands.append((device, verb, dict(fields)))
        await self._tell()
        return self.result

    async def publish_event(self, event: Mapping[str, object]) -> None:
        self.events.append(event)
        await self._tell()

    async def _tell(self) -> None:
        async with self.changed:
            self.changed.notify_all()

    def answers(self) -> list[dict[str, Any]]:
        return [json.loads(body) for _, body in self.told]

    async def until(self, happened: Callable[[], object]) -> None:
        """Wait until *happened*; the test's own time limit ends a wait in vain."""
        async with asyncio.timeout(10):
            async with self.changed:
                await self.changed.wait_for(lambda: bool(happened()))


@dataclass
class House:
    """Everything a test of the desk holds."""

    world: HeldWorld
    clock: HandClock
    ledger: MemoryLedger
    plane: RecordingPlane
    desk: DoorDesk

    async def settle(self, rounds: int = 20) -> None:
        """Let what runs in the background come to rest: nothing in these tests waits for time."""
        for _ in range(rounds):
            await asyncio.sleep(0)


@contextlib.asynccontextmanager
async def house_open(
    snapshot: Snapshot,
    *,
    ledger: MemoryLedger | None = None,
    clock: HandClock | None = None,
    commit_within_s: float = 0.01,
    web_relay: WebRelaySettings | None = None,
) -> AsyncIterator[House]:
    """A desk at work. Give *ledger* and *clock* of an earlier one to restart it."""
    ledger = ledger or MemoryLedger(
        uses={c.id: c.uses_left for c in snapshot.credentials.values() if c.uses_left is not None}
    )
    clock = clock or HandClock()
    world, plane = HeldWorld(snapshot), RecordingPlane(ledger)
    desk = DoorDesk(
        world, clock, plane, ledger, TAGGER, web_relay=web_relay, commit_within_s=commit_within_s, retry_every_s=0.01
    )
    await desk.start()
    house = House(world, clock, ledger, plane, desk)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(desk.run())
        await house.settle(3)
        yield house
        running.cancel()
    await desk.stop()


def event(kind: DeviceEventType, *, id: str = "e1", at: DeviceId = GATE, **more: Any) -> DeviceEvent:
    return DeviceEvent(id, MAC_OF.get(at, Mac("0c11050000ff")), kind, NOW_MS, **more)


def attempt_key(identity: str, at: DeviceId = GATE) -> MessageKey:
    return MessageKey(MAC_OF[at], Heard.ATTEMPT, identity)
