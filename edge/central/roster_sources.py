"""Where a community's roster is fetched from, and what came of it the last time."""

import asyncio
import json
import logging
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, delete, select, update

from edge.central import communities, roster_files, rosters
from edge.central.changes import Central
from edge.central.fetching import Fetcher, Unfetched
from edge.central.problems import CentralProblem, Invalid, Unknown
from edge.central.rosters import Report
from edge.central.tables import roster_source
from edge.central.watch import Threads
from edge.store.errors import StoreError
from edge.store.secrets import SecretsError, Vault
from edge.store.upsert import upsert

TRY_AGAIN_MS: Final = 30 * 60_000
MAX_AUTHORIZATION_CHARS: Final = 4096
MAX_PULLS_AT_ONCE: Final = 8
_ERRORS_KEPT: Final = 20
_DAY_BEGINS: Final = timedelta(hours=rosters.AT_HOUR)

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Source:
    """*authorization*: the value of that header, "" = none."""

    url: str
    authorization: str = field(default="", repr=False)


class Unpulled(CentralProblem):
    """The roster could not be fetched; the one that is known stays."""

    status = 409


def put(central: Central, actor: str, community: str, source: Source) -> None:
    """From now on the roster is fetched there."""
    if any(not (" " <= sign <= "~") for sign in source.authorization):
        raise Invalid("authorization", "the authorization has characters that no header has")
    sealed = None
    if source.authorization:
        sealed = central.secrets.vault.seal(source.authorization, **_sealed_as(community))
    with central.store.write() as connection:
        upsert(connection, roster_source, [{
            "community": community, "url": source.url, "sealed": sealed, "day": "", "tried_ms": None, "outcome": "",
        }])  # fmt: skip
        central.note(connection, actor, "roster.source", community, authorization=bool(sealed))


def drop(central: Central, actor: str, community: str) -> None:
    """The roster is fetched no more; what it has made stays. Raises Unknown."""
    with central.store.write() as connection:
        gone = connection.execute(delete(roster_source).where(roster_source.c.community == community)).rowcount
        if not gone:
            raise Unknown("source", "this community's roster is fetched from nowhere")
        central.note(connection, actor, "roster.source", community, gone=True)


def told(connection: Connection, community: str) -> dict[str, Any]:
    """The source as it is answered: without what the server is told to let us in. Raises Unknown."""
    row = _row(connection, community)
    return {
        "url": row["url"], "authorization": row["sealed"] is not None, "day": row["day"], "tried_ms": row["tried_ms"],
        "outcome": json.loads(row["outcome"]) if row["outcome"] else None,
    }  # fmt: skip


def due(connection: Connection, now_ms: int) -> Iterator[str]:
    """Communities whose roster is to be fetched now: once a day from two o'clock on; where it failed, again later."""
    for row in connection.execute(select(roster_source)):
        waits = row.tried_ms is not None and row.tried_ms <= now_ms < row.tried_ms + TRY_AGAIN_MS
        zone = communities.body_of(connection, row.community)["time_zone"]
        if not waits and rosters.is_due(zone, now_ms, row.day):
            yield row.community


class Puller:
    """Fetches rosters and puts them in force."""

    def __init__(self, central: Central, threads: Threads, fetcher: Fetcher) -> None:
        self._central = central
        self._threads = threads
        self.fetcher = fetcher

    async def pull_due(self, actor: str) -> int:
        """Every roster that is due; how many there were. One that can't be had hinders no other. Raises StoreError."""
        communities_ = await self._threads.run(self._due)
        places = asyncio.Semaphore(MAX_PULLS_AT_ONCE)

        async def one(community: str) -> None:
            async with places:
                try:
                    await self.pull(community, actor)
                except (CentralProblem, StoreError) as problem:
                    log.warning("the roster of %s is not taken: %s", community, problem)

        async with asyncio.TaskGroup() as group:
            for community in communities_:
                group.create_task(one(community))
        return len(communities_)

    async def pull(self, community: str, actor: str, *, confirm: bool = False, dry_run: bool = False) -> Report:
        """Fetch the roster now. Raises Unknown without a source, Unpulled, and what `rosters.take` raises."""
        try:
            source = await self._threads.run(self._source, community)
            try:
                data = await self.fetcher.get(source.url, authorization=source.authorization)
            except Unfetched as error:
                raise Unpulled(error.reason, str(error)) from error
            report = await self._threads.run(self._take, community, actor, data, confirm, dry_run)
        except CentralProblem as problem:
            if not dry_run and not isinstance(problem, Unknown):
                failed = {"ok": False, "reason": problem.reason, "detail": str(problem)}
                await self._threads.run(self._remember, community, actor, failed)
            raise
        if not dry_run:
            kept = {**asdict(report), "errors": report.errors[:_ERRORS_KEPT]}
            await self._threads.run(self._remember, community, actor, {"ok": report.stored, **kept})
        return report

    def _due(self) -> list[str]:
        with self._central.store.read() as connection:
            return list(due(connection, self._central.clock.now_ms()))

    def _source(self, community: str) -> Source:
        with self._central.store.read() as connection:
            row = _row(connection, community)
        return Source(row["url"], _unsealed(self._central.secrets.vault, row))

    def _take(self, community: str, actor: str, data: bytes, confirm: bool, dry_run: bool) -> Report:
        leases = roster_files.read(data)
        with self._central.change(community, actor, confirm=True, dry_run=dry_run) as change:  # it has its own guard
            return rosters.take(change, leases, confirm=confirm)

    def _remember(self, community: str, actor: str, outcome: dict[str, Any]) -> None:
        now_ms = self._central.clock.now_ms()
        text = json.dumps(outcome, ensure_ascii=False)
        with self._central.store.write() as connection:
            row = _row(connection, community)
            zone = ZoneInfo(communities.body_of(connection, community)["time_zone"])
            # Before two o'clock it is the day before: that night's fetch is still to come.
            day = (datetime.fromtimestamp(now_ms / 1000, UTC).astimezone(zone) - _DAY_BEGINS).date().isoformat()
            connection.execute(
                update(roster_source).where(roster_source.c.community == community)
                .values(tried_ms=now_ms, outcome=text, **({"day": day} if outcome["ok"] else {}))
            )  # fmt: skip
            if outcome["ok"] or text != row["outcome"]:  # a server that is away all night is one row
                self._central.note(
                    connection, actor, "roster.pull", community, ok=outcome["ok"], reason=outcome.get("reason", "")
                )


def _row(connection: Connection, community: str) -> dict[str, Any]:
    row = connection.execute(select(roster_source).where(roster_source.c.community == community)).one_or_none()
    if row is None:
        raise Unknown("source", "this community's roster is fetched from nowhere")
    return dict(row._mapping)


def _unsealed(vault: Vault, row: dict[str, Any]) -> str:
    try:
        return "" if row["sealed"] is None else vault.unseal(row["sealed"], **_sealed_as(row["community"]))
    except SecretsError as error:
        raise Unpulled("secret", "the authorization can't be unsealed: give it again") from error


def _sealed_as(community: str) -> dict[str, str]:
    return {"table": "roster_source", "column": "sealed", "row": community}
