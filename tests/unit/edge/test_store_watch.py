"""A full disk makes room and says so; with room again the reserve is held and all is well."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from edge.clock import SystemClock
from edge.store import journal
from edge.store.engine import Store, open_store
from edge.store.errors import StoreFull
from edge.store.room import Reserve
from edge.store.writer import Writer
from edge.store_watch import StoreWatch
from models.log import LogKind
from tests.unit.edge.store import sample
from tests.unit.edge.store.sample import entry


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = open_store(f"sqlite:///{sample.make_template(tmp_path / 'edge.db')}")
    sample.fill(store)
    return store


@pytest.fixture
async def writer(store: Store) -> AsyncIterator[Writer]:
    writer = Writer(store)
    writer.start()
    yield writer
    await asyncio.to_thread(writer.close)
    store.close()


async def set_pages(writer: Writer, more: int | None) -> None:
    """Let the database grow by *more* pages, or as it likes."""

    def limit(connection: journal.Connection) -> None:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        connection.exec_driver_sql(f"PRAGMA max_page_count={1_000_000_000 if more is None else pages + more}")

    await writer.write(limit)


async def until(condition: object) -> None:
    async with asyncio.timeout(20):
        while not condition():  # type: ignore[operator]  # noqa: ASYNC110 - what a thread does is looked at
            await asyncio.sleep(0.02)


async def test_room_is_made_told_once_and_held_again(store: Store, writer: Writer, tmp_path: Path) -> None:
    reserve = Reserve(tmp_path / "edge.db", 64 * 1024)
    watch = StoreWatch(store, writer, SystemClock(), reserve=reserve)
    big = entry(LogKind.DEVICE, detail={"text": "x" * 2_000})
    for _ in range(200):
        await writer.write(lambda connection: journal.append(connection, big))
    running = asyncio.ensure_future(watch.run())
    await until(lambda: reserve.held)
    assert watch.health() == "ok"
    await set_pages(writer, 0)
    with pytest.raises(StoreFull):
        await writer.write(lambda connection: [journal.append(connection, big) for _ in range(20)])
    await until(lambda: "the disk is full" in watch.health() and "of device" in watch.health())
    for _ in range(20):  # there is room in the file now
        await writer.write(lambda connection: journal.append(connection, big))
    await set_pages(writer, None)
    await until(lambda: watch.health() == "ok")
    assert reserve.held
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    with store.read() as connection:
        alarms = [row for row in journal.rows(connection) if row["kind"] == "alarm"]
        assert journal.verify(connection).sound
    assert [row["detail"]["type"] for row in alarms] == ["disk_full"]
    assert alarms[0]["detail"]["erased"]["device"] > 0


async def test_a_damaged_file_is_told_in_health(store: Store, writer: Writer) -> None:
    watch = StoreWatch(store, writer, SystemClock())
    watch.damage = "row 3 missing from index"
    assert watch.health().startswith("the database is damaged: row 3 missing from index; restore a backup")
