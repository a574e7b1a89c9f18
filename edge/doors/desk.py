"""The door desk: from an attempt to its answer, from an event to its row, from a request to an opening.

The rules judge (`edge.core`), the ledger keeps, the device plane tells, in this order: judged and reserved in memory at
once, committed, told. What is told was committed before, or the store is in trouble and the desk says so.
"""

import asyncio
import logging
from typing import Final

from edge.core.lockout import LockKey, Lockout
from edge.core.openings import OpenRequest
from edge.core.passage import Passages
from edge.core.ports import Clock, DevicePlane, World
from edge.core.snapshot import Snapshot
from edge.core.tags import Tagger
from edge.doors import notices, rows
from edge.doors.attempts import AttemptDesk
from edge.doors.background import Background, Notices, Tell
from edge.doors.commits import COMMIT_WITHIN_S, Commits
from edge.doors.events import EventDesk
from edge.doors.late import RETRY_EVERY_S, LateWork, StoreTrouble
from edge.doors.memory import FirstAnswers
from edge.doors.opener import Opener, Opening
from edge.doors.orders import OrderTeller
from edge.doors.web_relay import WebRelay, WebRelaySettings
from edge.doors.work import Ledger, Told, Work
from edge.store.errors import StoreError
from models.access import AccessDecision, Attempt
from models.device_events import DeviceEvent, Hello
from models.ids import CallId, DeviceId, Mac

TIDY_EVERY_S: Final = 600.0
FACTS_AT_ONCE: Final = 20
"""States and hellos of devices with the writer at a time: when 2,000 are back at once, a card's row still waits for a
few of them only."""

log = logging.getLogger(__name__)


class DoorDesk:
    """Implements `edge.core.ports.DeviceDesk`, and is a `Component`. Start it before the device plane."""

    name = "doors"

    def __init__(
        self,
        world: World,
        clock: Clock,
        plane: DevicePlane,
        ledger: Ledger,
        tagger: Tagger,
        *,
        tell: Tell | None = None,
        web_relay: WebRelaySettings | None = None,
        commit_within_s: float = COMMIT_WITHIN_S,
        retry_every_s: float = RETRY_EVERY_S,
    ) -> None:
        """*tell*: who hears of what happens at doors; None = the integrators alone. *web_relay* None: there is none."""
        self._world = world
        self._clock = clock
        self._ledger = ledger
        self._lockout = Lockout()
        self._passages = Passages()
        self._online: dict[Mac, bool] = {}
        self._presence_turn = asyncio.Semaphore(FACTS_AT_ONCE)
        self._hello_turn = asyncio.Semaphore(FACTS_AT_ONCE)
        self._firsts = FirstAnswers(ledger.answered)
        self._background = Background()
        self._notices = Notices(tell or plane.publish_event)
        self._late = LateWork(
            ledger, clock, began=self._trouble_began, ended=self._trouble_ended, retry_every_s=retry_every_s
        )
        self._commits = Commits(ledger, self._late, commit_within_s)
        self._web_relay: WebRelay | None = None
        if web_relay is not None:
            self._web_relay = WebRelay(web_relay.url, web_relay.login, clock, self._commits, self._background)
        self._opener = Opener(
            world, clock, plane, self._commits, self._passages, self._background, self._notices, self._web_relay
        )
        self._attempts = AttemptDesk(
            world,
            clock,
            plane,
            self._commits,
            self._firsts,
            self._lockout,
            self._passages,
            tagger,
            self._background,
            self._notices,
            self._web_relay,
        )
        self._orders = OrderTeller(clock, plane, self._commits, self._background)
        self._events = EventDesk(world, clock, self._commits, self._firsts, self._passages, self._opener, self._notices)

    # --- Component --------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Take over what was committed before: counters, first answers, who was online."""
        now_ms, now_s = self._clock.now_ms(), self._clock.monotonic()
        past = await asyncio.to_thread(self._ledger.load, now_ms)
        for key, stored in past.counters.items():
            self._lockout.restore(key, stored, now_s, now_ms)
        self._passages.restore(past.contacts, past.passages, now_s, now_ms)
        self._firsts.load(past.answers, past.answers_complete, now_ms)
        devices = self._world.snapshot.devices
        self._online = {devices[device].mac: True for device in past.online if device in devices}

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            for part in (self._late.run(), self._background.run(), self._notices.run(), self._tidy()):
                group.create_task(part)

    async def stop(self) -> None:
        """Rows that are late go to the writer, which commits what it can before it closes."""
        if self._web_relay is not None:
            await self._web_relay.close()
        lost = self._late.hand_over()
        if lost:
            log.error("%d rows of the journal are lost: the store did not take them before the end", lost)

    # --- DeviceDesk -------------------------------------------------------------------------------------------------

    async def attempt(self, attempt: Attempt) -> None:
        await self._attempts.attempt(attempt)

    async def event(self, event: DeviceEvent) -> None:
        await self._events.event(event)

    async def hello(self, hello: Hello) -> None:
        device = self._world.snapshot.by_mac.get(hello.device)
        if device is not None:
            async with self._hello_turn:
                await self._commits.finished(Work(self._clock.now_ms(), hello=(device.id, hello)))

    async def presence(self, device: Mac, online: bool) -> None:
        """A row when a device goes away and one when it is back; nothing for what was known.

        The plane tells of every device once after its start, so one never seen is offline already.
        """
        known = self._world.snapshot.by_mac.get(device)
        if self._online.get(device, None if known is None else False) is online:
            return
        self._online[device] = online
        if known is not None and not online:
            self._passages.unreachable(known.id)
        now_ms = self._clock.now_ms()
        row = rows.presence_row(known.id if known else None, device, online, now_ms)
        self._notices.add(notices.presence_notice(device, known, online, now_ms))
        state = (known.id, online) if known is not None else None
        work = Work(now_ms, Told((row,)), presence=state)
        async with self._presence_turn:
            if self._late.trouble is None:
                await self._commits.in_time(work)
            else:  # the others need not find out one after the other
                self._late.follow(work, None)

    # --- for the application ----------------------------------------------------------------------------------------

    def open_in_call(self, call: CallId, request: OpenRequest) -> bool:
        """An opening that a party of *call* asks for: True if granted and sent to its door. Returns at once."""
        return self._opener.open_in_call(call, request)

    def open_by_app(self, identity: str, request: OpenRequest) -> tuple[AccessDecision, bool]:
        """A press in a resident's app, logged as *identity*: what was decided, and whether a grant is on its way to
        a door that is there. Returns at once."""
        return self._opener.open_by_app(identity, request)

    async def open_remote(self, door: DeviceId, relay: str | None, by: str) -> Opening:
        """`edge door open`: *relay* is a label (``1``, ``s1``), None = every one that lists *remote*. Waits 3 s for
        the device; audited as done by *by*.
        """
        return await self._opener.open_remote(door, relay, by)

    def world_changed(self, before: Snapshot, after: Snapshot) -> None:
        """Tell panels of operators' orders that are new or gone. To be called with each new snapshot."""
        self._orders.world_changed(before, after)

    @property
    def lockout(self) -> Lockout:
        """The live counters, to be read only."""
        return self._lockout

    @property
    def store_trouble(self) -> StoreTrouble | None:
        """What `edge doctor` tells: answers that stand in memory only. None while every commit is in time."""
        return self._late.trouble

    # --- the store is late, and back --------------------------------------------------------------------------------

    def _trouble_began(self) -> None:
        self._notices.add(notices.store_notice(self._clock.now_ms()))

    def _trouble_ended(self, trouble: StoreTrouble) -> Work:
        """The alarm's row, which could not be written while it was true, and the counters as they are now."""
        now_ms, now_s = self._clock.now_ms(), self._clock.monotonic()
        row = rows.alarm_row(
            rows.STORE_LATE, now_ms, "", None, since_ms=trouble.since_ms, late=trouble.late, lost=trouble.lost
        )
        stored = {key: counter.stored(now_s, now_ms) for key, counter in self._lockout.items()}
        return Work(now_ms, Told((row,)), counters=stored)

    async def _tidy(self) -> None:
        """Forget what is too old to matter, now and then."""
        while True:
            await asyncio.sleep(TIDY_EVERY_S)
            now_ms = self._clock.now_ms()
            self._firsts.forget_old(now_ms)
            idle = dict.fromkeys(self._lockout.forget_idle(self._clock.monotonic()))
            try:
                await self._forget(idle, now_ms)
            except StoreError:
                continue  # it said so itself; what is old now is older in ten minutes

    async def _forget(self, idle: dict[LockKey, None], now_ms: int) -> None:
        if idle:
            await self._commits.finished(Work(now_ms, counters=idle))
        erased = 1
        while erased:
            erased = await asyncio.shield(asyncio.wrap_future(self._ledger.forget_old(now_ms)))
