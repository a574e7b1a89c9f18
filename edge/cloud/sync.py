"""The daemon's part of sync: asks the central store what changed, tells it what happened. Doors never wait for it."""

import asyncio
import contextlib
import logging
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from edge.cloud import enrolment, upward
from edge.cloud.apply import Applier, Outcome
from edge.cloud.backoff import Backoff
from edge.cloud.client import CentralClient, Denied, Gone, Unreachable
from edge.cloud.enrolment import Enrolled
from edge.cloud.uploading import Uploading
from edge.cloud.wire import Answer, Broken, parse
from edge.core.ports import Clock
from edge.store import journal
from edge.store.engine import Store
from edge.store.errors import StoreError
from edge.store.writer import Writer
from models.log import LogEntry, LogKind

DENIED_RETRY_S: Final = 3600.0
ACK_AT_LEAST_EVERY_S: Final = 300.0
LAST_OK_EVERY_MS: Final = 60_000
HINTS_APART_S: Final = 1.0
MAX_LOST_IN_A_ROW: Final = 2
DENIED: Final = "sync_denied"
_DOWN: Final = "down"
_UP: Final = "up"

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Settings:
    """*url* "" = where the edge was enrolled. *wait_s*: how long the central store may hold a question open."""

    url: str = ""
    wait_s: float = 30.0
    tls: ssl.SSLContext | None = None
    denied_retry_s: float = DENIED_RETRY_S
    backoff: Callable[[], Backoff] = Backoff


@dataclass(slots=True)
class _Place:
    """Where a row of pages stands."""

    since: int | None = None  # as the first page was asked for
    page: str | None = None


@dataclass(slots=True)
class _Told:
    """What the central store was last told."""

    devices: str = ""
    at: float = 0.0
    due: bool = True
    outcome: Outcome | None = None
    up_to_date: dict[str, int] = field(default_factory=dict)  # device -> revision


class CentralSync:
    """A `Component`. Without an enrolment it waits for one."""

    name = "central sync"

    def __init__(self, applier: Applier, store: Store, writer: Writer, clock: Clock, settings: Settings) -> None:
        self._applier = applier
        self._store = store
        self._writer = writer
        self._clock = clock
        self._settings = settings
        self._uploading = Uploading(store, writer, clock)
        self._look = asyncio.Event()
        self._hinted = asyncio.Event()
        self._hinted_at = -HINTS_APART_S
        self._applying = asyncio.Lock()
        self._place = _Place()
        self._told = _Told()
        self._last_ok_ms: int | None = None
        self._written_ok_ms = 0
        self._troubles = {_DOWN: "", _UP: ""}
        self._hurry = False  # the next question is answered at once, whatever there is
        self._curious: list[asyncio.Future[Outcome | None]] = []
        self._lost_in_a_row = 0
        self.clock_offset_s = 0.0  # the central store's clock minus ours

    # --- from outside ------------------------------------------------------------------------------------------------

    def changed(self) -> None:
        """Something in the store is otherwise: the enrolment perhaps."""
        self._look.set()

    def hint(self) -> None:
        """Ask now: the central store says that there is something, or a person wants to know."""
        self._hinted.set()

    def health(self) -> str:
        """``ok``, or what is wrong, in words."""
        return next(filter(None, self._troubles.values()), "ok")

    @property
    def last_ok_ms(self) -> int | None:
        return self._last_ok_ms

    async def pull(self, within_s: float = 120.0) -> Outcome | None:
        """Have the running component follow the central store up to now. What came last; None where nothing was new.

        Raises Unreachable where it can't be done now or takes longer than *within_s*.
        """
        seen: asyncio.Future[Outcome | None] = asyncio.get_running_loop().create_future()
        self._curious.append(seen)
        self._hurry = True
        self.hint()
        try:
            return await asyncio.wait_for(seen, within_s)
        except TimeoutError:
            raise Unreachable(f"not done within {within_s:.0f} s: {self.health()}") from None
        finally:
            if seen in self._curious:
                self._curious.remove(seen)

    async def catch_up(self) -> Outcome | None:
        """The same for a command line beside which no daemon runs.

        Raises Denied, Unreachable, Broken, Gone, StoreError; LookupError where the edge is not enrolled.
        """
        me = await asyncio.to_thread(self._applier.enrolled)
        if me is None:
            raise LookupError("this edge is not enrolled with a central store")
        last: Outcome | None = None
        async with self._client(me) as client:
            while True:
                self._hurry = True
                found = await self._step(client)
                if found is None or found.fault is not None:
                    await self._ack(client)
                    return found or last
                last = found

    async def take(self, answer: Answer) -> Outcome:
        """Put in force what the central store pushed. Raises Broken, StoreError, LookupError."""
        async with self._applying:
            me = await asyncio.to_thread(self._applier.enrolled)
            if me is None:
                raise LookupError("this edge is not enrolled with a central store")
            outcome = await asyncio.to_thread(self._applier.take, me, answer, pushed=True)
            self._place = _Place()
        self._keep(outcome)
        return outcome

    # --- Component ---------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        return

    async def run(self) -> None:
        while True:
            self._look.clear()
            try:
                me = await asyncio.to_thread(self._applier.enrolled)
                if me is not None:
                    await self._follow(me)
                    continue
            except StoreError as error:
                self._say(_DOWN, f"the store fails: {error}")
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._look.wait(), 60.0)

    async def stop(self) -> None:
        return

    async def _follow(self, me: Enrolled) -> None:
        """Until the enrolment is another one. Denied: stop, raise an alarm, try again in an hour."""
        try:
            async with self._client(me) as client, asyncio.TaskGroup() as group:
                tasks = [
                    group.create_task(self._keep_on(_DOWN, client, self._pull_once)),
                    group.create_task(self._keep_on(_UP, client, self._upload_once)),
                ]
                await self._until_another(me)
                for task in tasks:
                    task.cancel()
        except* Denied as errors:
            await self._denied(me, str(errors.exceptions[0]))

    async def _until_another(self, me: Enrolled) -> None:
        while True:
            await self._look.wait()
            self._look.clear()
            now = await asyncio.to_thread(self._applier.enrolled)
            if now is None or (now.edge_id, now.url) != (me.edge_id, me.url):
                return

    async def _denied(self, me: Enrolled, why: str) -> None:
        """Not before an hour has passed, a hint came, or the edge was enrolled anew."""
        if self._troubles[_DOWN] != why:
            entry = LogEntry(LogKind.ALARM, self._clock.now_ms(), detail={"type": DENIED, "reason": why})
            await self._stored(partial(journal.append, entry=entry))
        self._say(_DOWN, why)
        self._satisfy(Unreachable(why))
        reasons = [asyncio.ensure_future(each) for each in (self._until_another(me), self._hinted.wait())]
        try:
            wait_s = self._settings.denied_retry_s
            await asyncio.wait(reasons, timeout=wait_s, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for reason in reasons:
                reason.cancel()
        self._hinted.clear()

    async def _keep_on(self, way: str, client: CentralClient, once: Callable[[CentralClient], Awaitable[bool]]) -> None:
        """Do it again and again; after a failure less and less often."""
        backoff = self._settings.backoff()
        while True:
            try:
                well = await once(client)
            except (Unreachable, Broken, Gone, StoreError) as error:
                self._say(way, str(error))
                well = False
                if way is _DOWN:
                    self._drop_place()
                    self._satisfy(Unreachable(str(error)))
            if well:
                backoff.reset()
            elif way is _DOWN:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._wait_for_hint(), backoff.next_s())
            else:
                await asyncio.sleep(backoff.next_s())

    # --- down --------------------------------------------------------------------------------------------------------

    async def _pull_once(self, client: CentralClient) -> bool:
        found = await self._unless_hinted(self._step(client))
        await self._ack(client)
        if found is None or found.fault is not None:
            self._satisfy(found or self._told.outcome)
        return found is None or found.fault is None

    async def _step(self, client: CentralClient) -> Outcome | None:
        """One question and what its answer comes to; None where nothing is new."""
        me = await self._me()
        place = self._place
        since = me.cursor if place.since is None else place.since
        hurry, self._hurry = self._hurry, False
        try:
            body = await client.sync(since, me.epoch, page=place.page, wait=not hurry)
            self.clock_offset_s = client.offset_s
        except Gone as gone:
            return await self._lost(me, gone)
        if body is None:
            await self._all_well(me)
            return None
        answer = await asyncio.to_thread(parse, body)
        async with self._applying:
            now = await self._me()
            if (now.edge_id, now.epoch, now.cursor) != (me.edge_id, me.epoch, me.cursor):
                self._drop_place()  # something was pushed meanwhile: ask again from there
                return Outcome(now.epoch, now.cursor, more=True)
            outcome = await asyncio.to_thread(self._applier.take, me, answer)
        self._place = _Place(since, answer.next) if answer.next and outcome.fault is None else _Place()
        self._keep(outcome)
        if self._curious:
            self._hurry = True  # until there is nothing new
        return outcome

    async def _lost(self, me: Enrolled, gone: Gone) -> Outcome:
        """Our place is gone: of a page, ask from where we are; else fetch everything anew. What is stored stays in
        force until the snapshot is here. Raises Gone where this leads nowhere.
        """
        paging = self._place.page is not None
        self._drop_place()
        self._lost_in_a_row += 1
        if self._lost_in_a_row > MAX_LOST_IN_A_ROW:
            raise gone
        if paging and me.cursor:
            return Outcome(me.epoch, me.cursor, more=True)
        await self._stored(partial(enrolment.begin_anew, edge_id=me.edge_id, epoch=gone.epoch))
        log.warning("the central store has lost our place; everything is fetched anew")
        return Outcome(gone.epoch, 0, more=True)

    async def _me(self) -> Enrolled:
        me = await asyncio.to_thread(self._applier.enrolled)
        if me is None:
            raise Unreachable("the enrolment is gone")
        return me

    async def _unless_hinted(self, asking: Awaitable[Outcome | None]) -> Outcome | None:
        """*asking*, or nothing where a hint came meanwhile: the question may hang on a dead connection."""
        task = asyncio.ensure_future(asking)
        hinted = asyncio.ensure_future(self._wait_for_hint())
        try:
            await asyncio.wait((task, hinted), return_when=asyncio.FIRST_COMPLETED)
            if not task.done() and self._applying.locked():
                return await task
            if not task.done():
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task
                return Outcome("", 0, more=True)
            return task.result()
        finally:
            task.cancel()
            hinted.cancel()

    async def _wait_for_hint(self) -> None:
        """A hint, but not more often than once a second: hints may be many and may be false."""
        await self._hinted.wait()
        await asyncio.sleep(max(0.0, self._hinted_at + HINTS_APART_S - self._clock.monotonic()))
        self._hinted_at = self._clock.monotonic()
        self._hinted.clear()

    def _drop_place(self) -> None:
        if self._place.page is not None:
            self._applier.forget_pages()
        self._place = _Place()

    # --- up ----------------------------------------------------------------------------------------------------------

    def _keep(self, outcome: Outcome) -> None:
        """Remember what the central store is to be told."""
        if outcome.more:
            return
        self._told.outcome, self._told.due = outcome, True
        self._lost_in_a_row = 0
        if outcome.fault is not None:
            self._say(_DOWN, f"the central store's change is refused: {outcome.fault}")
            return
        self._last_ok_ms = self._clock.now_ms()
        self._well(_DOWN)

    def _satisfy(self, with_: Outcome | Exception | None) -> None:
        """Tell whoever asked to be told."""
        for seen in self._curious:
            if seen.done():
                continue
            if isinstance(with_, Exception):
                seen.set_exception(with_)
            else:
                seen.set_result(with_)
        self._curious.clear()

    async def _ack(self, client: CentralClient) -> None:
        """Say how far we are, if there is something to say. A word that is lost is said again later."""
        told = self._told
        me = await self._me()
        if self._place.page is not None:
            return
        devices = await asyncio.to_thread(self._devices, me)
        digest = upward.digest(devices)
        due = told.due or digest != told.devices or self._clock.monotonic() - told.at >= ACK_AT_LEAST_EVERY_S
        if not due:
            return
        await client.ack({**_verdict(me, told.outcome), "devices": devices, "clock_ms": self._clock.now_ms()})
        self._told = _Told(digest, self._clock.monotonic(), False, told.outcome, told.up_to_date)

    def _devices(self, me: Enrolled) -> list[dict[str, Any]]:
        with self._store.read() as connection:
            told = upward.devices(connection, me.community_id, me.cursor, self._told.up_to_date)
        self._told.up_to_date.update({each["id"]: each["applied"] for each in told})
        return told

    async def _upload_once(self, client: CentralClient) -> bool:
        await self._uploading.once(client)
        self._well(_UP)
        return True

    # --- how it goes -------------------------------------------------------------------------------------------------

    async def _all_well(self, me: Enrolled) -> None:
        now_ms = self._clock.now_ms()
        self._last_ok_ms = now_ms
        self._lost_in_a_row = 0
        self._well(_DOWN)
        if me.last_error or now_ms - self._written_ok_ms >= LAST_OK_EVERY_MS:
            self._written_ok_ms = now_ms
            await self._stored(partial(enrolment.move, edge_id=me.edge_id, last_ok_ms=now_ms, last_error=""))

    def _well(self, way: str) -> None:
        if self._troubles[way]:
            log.warning("central store: well again")
        self._troubles[way] = ""

    def _say(self, way: str, trouble: str) -> None:
        """Once for each trouble."""
        if trouble != self._troubles[way]:
            log.error("central store: %s", trouble)
        self._troubles[way] = trouble

    async def _stored(self, job: Callable[..., Any]) -> Any:
        return await self._writer.write(job)

    def _client(self, me: Enrolled) -> CentralClient:
        settings = self._settings
        return CentralClient(
            me,
            settings.url or me.url,
            wait_s=settings.wait_s,
            now_s=lambda: self._clock.now_ms() / 1000,
            tls=settings.tls,
        )


def _verdict(me: Enrolled, outcome: Outcome | None) -> dict[str, Any]:
    """``ack`` without what devices say."""
    fault = None if outcome is None else outcome.fault
    told: dict[str, Any] = {"epoch": me.epoch, "applied": me.cursor, "status": "ok" if fault is None else "nack"}
    if fault is not None:
        told["error"] = {"item": fault.item, "kind": fault.kind, "reason": fault.reason, "detail": fault.detail}
    return told


def verdict(outcome: Outcome) -> dict[str, Any]:
    """What a pusher is answered: as an ``ack`` says it."""
    fault = outcome.fault
    told: dict[str, Any] = {"epoch": outcome.epoch, "applied": outcome.applied, "status": "nack" if fault else "ok"}
    if fault is not None:
        told["error"] = {"item": fault.item, "kind": fault.kind, "reason": fault.reason, "detail": fault.detail}
    return told
