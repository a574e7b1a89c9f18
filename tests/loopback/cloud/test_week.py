"""The cable is pulled for a week of the edge's own clock: doors are decided as before, and then the log is complete."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import select

from edge.admin.site import Site, make_site
from edge.central.changes import Central
from edge.central.opening import make, opened
from edge.central.serving import Serving
from edge.central.tables import event
from edge.clock import SystemClock
from edge.cloud.client import CentralClient
from edge.cloud.compare import Difference, compare
from edge.core.access import DoorState, decide
from edge.store.snapshot import load_snapshot
from models.access import Attempt, Reason, UnlockMethod
from models.ids import Mac
from tests.loopback.central.lab import DOOR, card, furniture, serving
from tests.loopback.sync.lab import Edge, until

DAYS = 7
A_DAY = 10  # events
DAY_MS = 86_400_000
LASTING, ENDING = "04A1000000", "04A1000001"  # cards of furniture


class Later(SystemClock):
    """Its days pass when we say so."""

    days = 0

    def now_ms(self) -> int:
        return super().now_ms() + self.days * DAY_MS


@pytest.fixture
def edge(tmp_path: Path) -> Iterator[Edge]:
    make_site(tmp_path / "site", {"name": "Test", "time_zone": "UTC", "country": "PL"})
    opened = Edge(Site.open(tmp_path / "site"), Later())
    yield opened
    opened.close()


def presented(edge: Edge, value: str) -> Reason:
    """What the door says to a card, by what is stored and the edge's clock."""
    now_ms = edge.clock.now_ms()
    attempt = Attempt("a", Mac(DOOR), UnlockMethod.RF_CARD, value, now_ms)
    snapshot = edge.read(load_snapshot)
    return decide(attempt, snapshot, DoorState(), now_ms, edge.applier.rules().tagger).decision.reason


@contextlib.asynccontextmanager
async def served(folder: Path) -> AsyncIterator[Central]:
    """The central store of this folder, again. Its clock is the machine's: the edge learns how far its own is off."""
    with opened(folder) as here:
        running = Serving(here)
        stopping, ready = asyncio.Event(), asyncio.Event()
        async with asyncio.TaskGroup() as group:
            group.create_task(running.run(stopping, ready))
            await ready.wait()
            yield here.central
            stopping.set()


async def differences(edge: Edge) -> list[Difference]:
    me = edge.me()
    async with CentralClient(me, me.url, wait_s=0.0, now_s=lambda: edge.clock.now_ms() / 1000) as client:
        return [each for each in await compare(edge.applier, me, client) if each.state != "own"]


async def test_a_week_without_the_cable(edge: Edge, tmp_path: Path, address: str) -> None:
    clock = edge.clock
    assert isinstance(clock, Later)
    folder = tmp_path / "central"
    make(folder, listen=address)
    ends = datetime.fromtimestamp(clock.now_ms() / 1000 + 2.5 * DAY_MS / 1000, UTC).isoformat(timespec="seconds")
    async with serving(folder) as lab:
        community = lab.community
        await lab.change(*furniture(2), card(1, until=ends))
        await lab.join(edge)
        async with edge.following():
            await edge.at(lab.rev())
    seen: list[tuple[Reason, Reason]] = []
    async with edge.following():  # it asks all the time, and nobody answers
        for day in range(DAYS):
            clock.days = day
            seen.append((presented(edge, LASTING), presented(edge, ENDING)))
            await edge.log(A_DAY)
        assert [one for one, _ in seen] == [Reason.GRANTED] * DAYS
        assert [other for _, other in seen] == [Reason.GRANTED] * 3 + [Reason.EXPIRED] * 4, "time goes on without it"
        assert edge.waiting() >= DAYS * A_DAY
        async with served(folder) as central:
            with central.change(community, "test") as change:
                change.drop("credential", "c-0")
            await edge.at(change.rev)
            await until(lambda: edge.waiting() == 0)
            assert await differences(edge) == []
            with central.store.read() as connection:
                rows = list(connection.execute(select(event).order_by(event.c.seq)))
    assert presented(edge, LASTING) is not Reason.GRANTED
    told = [row for row in rows if '"type":"test"' in row.body]
    assert len(told) == DAYS * A_DAY
    assert len({row.db_id for row in rows}) == 1
    assert [row.seq for row in rows] == list(range(1, len(rows) + 1)), "complete, and in order"
    assert (told[-1].at_ms - told[0].at_ms) // DAY_MS == DAYS - 1
