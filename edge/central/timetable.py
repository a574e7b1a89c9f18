"""What the central store does by the clock: rosters and leases at two in the night, notices, compaction."""

import asyncio
import logging
from typing import Final

import aiosmtplib
from sqlalchemy import select

from edge.central import communities, rosters, subscriptions
from edge.central.changes import Central
from edge.central.mailing import Mailer
from edge.central.problems import CentralProblem
from edge.central.roster_sources import Puller
from edge.central.tables import roster_day
from edge.central.watch import Threads, Watch
from edge.store.errors import StoreError

EVERY_S: Final = 60.0
ACTOR: Final = "timetable"
_COMPACT_EVERY_MS: Final = 86_400_000

log = logging.getLogger(__name__)


class Timetable:
    """A `Component`."""

    name = "central timetable"

    def __init__(self, central: Central, threads: Threads, watch: Watch, mailer: Mailer, puller: Puller) -> None:
        self._central = central
        self._threads = threads
        self._watch = watch
        self._mailer = mailer
        self._puller = puller
        self._compacted_ms = central.clock.now_ms()

    async def start(self) -> None:
        return

    async def run(self) -> None:
        while True:
            await asyncio.sleep(EVERY_S)
            try:
                await self.once()
            except StoreError as error:
                log.warning("the central store's database does not answer: %s", error)

    async def stop(self) -> None:
        return

    async def once(self) -> None:
        """Everything that is due. Raises StoreError."""
        if await self._puller.pull_due(ACTOR):
            self._watch.changed()
        await self._threads.run(self._turn_leases)
        if self._mailer.is_set_up:
            await self._send_notices()
        now_ms = self._central.clock.now_ms()
        if now_ms - self._compacted_ms >= _COMPACT_EVERY_MS:
            self._compacted_ms = now_ms
            await self._threads.run(communities.compact, self._central)

    def _turn_leases(self) -> None:
        with self._central.store.read() as connection:
            due = [
                row.community
                for row in connection.execute(select(roster_day))
                if rosters.is_due(
                    communities.body_of(connection, row.community)["time_zone"], self._central.clock.now_ms(), row.day
                )
            ]
        for community in due:
            try:
                with self._central.change(community, ACTOR, confirm=True) as change:  # guarded when it was uploaded
                    rosters.turn(change)
            except CentralProblem as problem:  # of one community: the others' leases are turned
                log.error("leases of %s are not turned: %s", community, problem)
        if due:
            self._watch.changed()

    async def _send_notices(self) -> None:
        now_ms = self._central.clock.now_ms()
        for mail in await self._threads.run(self._notices, now_ms):
            try:
                await self._mailer.send(mail)
            except (aiosmtplib.SMTPException, OSError) as error:
                log.warning("a notice is not sent, and tried again: %s", type(error).__name__)
                continue
            await self._threads.run(self._sent, mail, now_ms)

    def _notices(self, now_ms: int) -> list[subscriptions.Mail]:
        with self._central.store.read() as connection:
            return list(subscriptions.due(connection, now_ms))

    def _sent(self, mail: subscriptions.Mail, now_ms: int) -> None:
        with self._central.store.write() as connection:
            subscriptions.remember(connection, mail, now_ms)
