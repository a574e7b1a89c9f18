"""An edge that follows the central store of `tests.fakes.central` over real HTTP, in the test's own process."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Any, Final

from sqlalchemy import Connection, func, select

from edge.admin.site import Site
from edge.clock import SystemClock
from edge.cloud.apply import Applier
from edge.cloud.backoff import Backoff
from edge.cloud.client import CentralClient
from edge.cloud.compare import Difference, compare
from edge.cloud.enrol import enrol
from edge.cloud.enrolment import Enrolled
from edge.cloud.push import PushDoor
from edge.cloud.sync import CentralSync, Settings
from edge.store import journal, outbox
from edge.store.tables import credential
from edge.store.writer import Job, Writer
from models.log import LogEntry, LogKind
from tests.fakes.central import CODE, FakeCentral

WITHIN_S: Final = 30.0
QUICK: Final = partial(Backoff, 0.01, 0.05)


class Edge:
    """One site, its writer, and, while `following`, its sync."""

    def __init__(self, site: Site, clock: SystemClock | None = None) -> None:
        self.site = site
        self.clock = clock or SystemClock()
        self.writer = Writer(site.store)
        self.writer.start()
        self.applier = Applier(
            site.store, site.secrets, lambda job: self.writer.submit(job).result(), self.clock.now_ms
        )
        settings = Settings(wait_s=1.0, backoff=QUICK)
        self.sync = CentralSync(self.applier, site.store, self.writer, self.clock, settings)
        self.door = PushDoor(self.sync, self.applier, site.store, self.clock)

    def _commit(self, job: Job[Any]) -> Any:
        return self.writer.submit(job).result()

    def close(self) -> None:
        self.writer.close()
        self.site.close()

    async def join(self, central: FakeCentral, **options: Any) -> str:
        return await asyncio.to_thread(enrol, self.site.admin("installer"), CODE, central.url, "box", **options)

    @contextlib.asynccontextmanager
    async def following(self) -> AsyncIterator[None]:
        async with asyncio.TaskGroup() as group:
            task = group.create_task(self.sync.run())
            try:
                yield
            finally:
                task.cancel()

    def me(self) -> Enrolled:
        me = self.applier.enrolled()
        assert me is not None
        return me

    def read(self, question: Callable[[Connection], Any]) -> Any:
        with self.site.store.read() as connection:
            return question(connection)

    def credentials(self) -> int:
        return int(self.read(lambda c: c.execute(select(func.count()).select_from(credential)).scalar_one()))

    def waiting(self) -> int:
        return int(self.read(outbox.depth))

    def alarms(self) -> list[dict[str, Any]]:
        rows = self.read(lambda c: list(journal.rows(c, journal.LogFilter(kind=LogKind.ALARM))))
        return [row["detail"] for row in rows]

    async def log(self, count: int) -> None:
        for number in range(count):
            entry = LogEntry(LogKind.ALARM, self.clock.now_ms(), detail={"type": "test", "number": number})
            await self.writer.write(partial(journal.append, entry=entry))

    async def at(self, revision: int) -> None:
        await until(lambda: self.me().cursor == revision)

    async def differences(self, central: FakeCentral) -> list[Difference]:
        me = self.me()
        async with CentralClient(me, central.url, wait_s=0.0, now_s=time.time) as client:
            return [each for each in await compare(self.applier, me, client) if each.state != "own"]


async def until(true: Callable[[], bool], within_s: float = WITHIN_S) -> None:
    """Waits for a condition that a thread or another task makes true."""
    async with asyncio.timeout(within_s):
        while not true():  # noqa: ASYNC110 - what is waited for may come from a thread
            await asyncio.sleep(0.01)


def furnish(central: FakeCentral, people: int = 6) -> None:
    """A house with a door, and so many residents, each with a card."""
    central.put("building", "b-1", name="1")
    central.put("apartment", "a-1", building="b-1", number="101")
    central.put("mac", "0c1105000001", mac="0c1105000001")
    central.put("device", "d-1", mac="0c1105000001", name="Gate", type=1)
    central.put("relay", "l-1", device="d-1", number=1)
    central.change(
        item
        for number in range(people)
        for item in (
            thing("resident", f"r-{number}", first="Ada", last=f"No {number}", apartment="a-1"),
            card(number),
        )
    )


def thing(kind: str, identity: str, /, **body: Any) -> dict[str, Any]:
    return {"kind": kind, "id": identity, "body": body}


def card(number: int, **more: Any) -> dict[str, Any]:
    value = f"04A1{number:06X}"
    return thing(
        "credential", f"c-{number}", kind="rf_card", value=value, apartment="a-1", resident=f"r-{number}", **more
    )
