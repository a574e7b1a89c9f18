"""Asks billing systems for their accounts every few seconds, and puts what changed in force."""

import asyncio
import hashlib
import json
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import httpx

from edge.central import billing_sources, lanbilling
from edge.central.billing import Account, Told
from edge.central.billing_sources import Source, Unasked
from edge.central.changes import Central
from edge.central.fetching import Fetcher, Unfetched
from edge.central.lanbilling import BadPage, Page, Unread
from edge.central.problems import CentralProblem, Unknown
from edge.central.watch import Threads, Watch
from edge.store.errors import StoreError

EVERY_S: Final = 3.0  # of the 15 s in which a door must know
TAKEN_ANEW_S: Final = 600.0  # what could not be taken, although the billing system says nothing new
MAX_WAIT_S: Final = 60.0  # between two tries of one that fails
MAX_PAGES: Final = 100
MAX_AT_ONCE: Final = 8
ACTOR: Final = "billing"

Row = Account | Unread

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Seen:
    """A page as it was the last time."""

    tag: str = ""  # ETag
    digest: bytes = b""
    page: Page = Page(())


@dataclass(slots=True)
class _Known:
    """What one billing system said last."""

    source: Source
    pages: dict[int, _Seen] = field(default_factory=dict)  # by number
    told: dict[str, tuple[Row, Told]] = field(default_factory=dict)  # by id: what was taken, and what became of it
    taken_anew_at_s: float = 0.0
    failures: int = 0
    not_before_s: float = 0.0


class BillingPuller:
    """A `Component`."""

    name = "central billing"

    def __init__(self, central: Central, threads: Threads, watch: Watch, fetcher: Fetcher) -> None:
        self._central = central
        self._threads = threads
        self._watch = watch
        self.fetcher = fetcher
        self._known: dict[str, _Known] = {}
        self._turns: dict[str, asyncio.Lock] = {}

    async def start(self) -> None:
        return

    async def run(self) -> None:
        while True:
            await asyncio.sleep(EVERY_S)
            await self.once()

    async def stop(self) -> None:
        return

    async def once(self) -> None:
        """Ask every billing system that is not waited for. One that fails hinders no other."""
        try:
            communities = await self._threads.run(self._every)
        except StoreError as error:
            log.warning("the central store's database does not answer: %s", error)
            return
        for gone in self._known.keys() - set(communities):
            del self._known[gone]
        places = asyncio.Semaphore(MAX_AT_ONCE)

        async def one(community: str) -> None:
            known = self._known.get(community)
            if known is not None and asyncio.get_running_loop().time() < known.not_before_s:
                return
            async with places:
                try:
                    await self.pull(community, ACTOR, only_new=True)
                except (CentralProblem, StoreError) as problem:
                    log.warning("accounts of %s are not taken: %s", community, problem)

        async with asyncio.TaskGroup() as group:
            for community in communities:
                group.create_task(one(community))

    async def pull(
        self, community: str, actor: str, *, confirm: bool = False, dry_run: bool = False, only_new: bool = False
    ) -> list[Told]:
        """Ask for the accounts now, and upsert them; what became of each. *only_new*: none if all is as it was.

        Raises Unknown without a source, Unasked, and CentralProblem ``guard`` where most accounts would stop.
        """
        async with self._turns.setdefault(community, asyncio.Lock()):
            known = await self._of(community, actor)
            return await self._settle(community, actor, known, lambda: self._pull(
                community, actor, known, confirm, dry_run, only_new
            ))  # fmt: skip

    async def _of(self, community: str, actor: str) -> _Known:
        try:
            source = await self._threads.run(billing_sources.source, self._central, community)
        except Unasked as problem:
            await self._remember(community, actor, problem)
            raise
        known = self._known.get(community)
        if known is None or known.source != source:
            known = self._known[community] = _Known(source)
        return known

    async def _settle(
        self, community: str, actor: str, known: _Known, job: Callable[[], Awaitable[list[Told]]]
    ) -> list[Told]:
        """Do *job*, and remember a failure of it, with longer and longer waits."""
        try:
            done = await job()
        except CentralProblem as problem:
            known.failures += 1
            wait_s = min(EVERY_S * 2 ** min(known.failures, 10), MAX_WAIT_S)
            known.not_before_s = asyncio.get_running_loop().time() + wait_s
            if not isinstance(problem, Unknown):
                await self._remember(community, actor, problem)
            raise
        known.failures, known.not_before_s = 0, 0.0
        return done

    async def _pull(
        self, community: str, actor: str, known: _Known, confirm: bool, dry_run: bool, only_new: bool
    ) -> list[Told]:
        try:
            pages = await self._pages(known)
        except Unfetched as error:
            raise Unasked(error.reason, str(error)) from error
        except BadPage as error:
            raise Unasked("page", str(error)) from error
        rows = {each.id: each for page in pages for each in page.accounts}
        fresh = self._fresh(known, rows) if only_new else list(rows.values())
        if only_new and not fresh:
            return []
        results = await self._threads.run(self._take, community, actor, fresh, confirm, dry_run)
        if dry_run:
            return results
        known.told |= {row.id: (row, each) for row, each in zip(fresh, results, strict=True)}
        known.told = {identity: each for identity, each in known.told.items() if identity in rows}
        self._watch.changed()
        whole = (each for _, each in known.told.values())
        outcome = billing_sources.outcome_of(whole, self._central.clock.now_ms())
        await self._threads.run(billing_sources.remember, self._central, actor, community, outcome)
        if known.source.report:
            await self._report(known.source, results)
        return results

    def _fresh(self, known: _Known, rows: Mapping[str, Row]) -> list[Row]:
        """Rows that are not as they were taken; now and then those too of which something was wrong."""
        now_s = asyncio.get_running_loop().time()
        anew = now_s >= known.taken_anew_at_s + TAKEN_ANEW_S
        if anew:
            known.taken_anew_at_s = now_s
        return [
            row for identity, row in rows.items()
            if (before := known.told.get(identity)) is None or before[0] != row or (anew and before[1].reason)
        ]  # fmt: skip

    async def _pages(self, known: _Known) -> tuple[Page, ...]:
        """Every page, or those that are new and the others as they were. Raises Unfetched, BadPage."""
        found: list[Page] = []
        count = 0
        for number in range(1, MAX_PAGES + 1):
            seen = known.pages.get(number, _Seen())
            url = str(httpx.URL(known.source.url).copy_merge_params(
                {"pgnum": str(number), "pgsize": str(lanbilling.MAX_VGROUPS_A_PAGE)}
            ))  # fmt: skip
            got = await self.fetcher.get_if_new(url, seen.tag, authorization=known.source.authorization)
            if got.body is not None:
                seen = await asyncio.to_thread(_read, got.body, got.tag, seen, known.source.service)
            known.pages[number] = seen
            found.append(seen.page)
            count += len(seen.page.accounts)
            if len(seen.page.accounts) < lanbilling.MAX_VGROUPS_A_PAGE or count == seen.page.whole:
                return tuple(found)
        raise BadPage(f"it has more than {MAX_PAGES} pages")

    def _every(self) -> list[str]:
        with self._central.store.read() as connection:
            return billing_sources.every(connection)

    def _take(
        self, community: str, actor: str, rows: Sequence[Row], confirm: bool, dry_run: bool
    ) -> list[Told]:  # fmt: skip
        with self._central.change(community, actor, confirm=True, dry_run=dry_run) as change:  # it has its own guard
            return billing_sources.take(change, rows, confirm=confirm)

    async def _remember(self, community: str, actor: str, problem: CentralProblem) -> None:
        failed = {"ok": False, "at_ms": self._central.clock.now_ms(), "reason": problem.reason, "detail": str(problem)}
        await self._threads.run(billing_sources.remember, self._central, actor, community, failed)

    async def _report(self, source: Source, results: list[Told]) -> None:
        """Tell the billing system; one that does not listen hinders nothing."""
        told: dict[str, Any] = {"results": [billing_sources.as_told(each) for each in results]}
        try:
            await self.fetcher.post(source.url, json.dumps(told).encode(), authorization=source.authorization)
        except Unfetched as error:
            log.warning("the billing system does not take the results: %s", error)


def _read(body: bytes, tag: str, seen: _Seen, service: str) -> _Seen:
    """The page in *body*; the one that was *seen*, where it is the same. Raises BadPage."""
    digest = hashlib.sha256(body).digest()
    return _Seen(tag, digest, seen.page if digest == seen.digest else lanbilling.page(body, service))
