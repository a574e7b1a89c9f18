"""A full disk, a lock held by somebody else, a kill in the middle: SQLite's own faults."""

import sqlite3
from pathlib import Path

import pytest

from edge.store import journal
from edge.store.engine import Store, open_store
from edge.store.errors import StoreBusy, StoreDamaged, StoreFull, StoreUnavailable
from edge.store.writer import Writer
from tests.unit.edge.store.sample import COMMUNITY, entry
from tests.unit.edge.store.test_writer import Gate, a_row

BIG = entry(detail={"text": "x" * 60_000})


def set_on_writers_connection(store: Store, pragma: str) -> None:
    """The pool hands the writer the one connection that was made before it."""
    with store.write() as connection:
        connection.exec_driver_sql(f"PRAGMA {pragma}")


def limit_pages(store: Store, more: int) -> None:
    with store.read() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
    set_on_writers_connection(store, f"max_page_count={pages + more}")


def test_a_full_disk_fails_what_does_not_fit_and_the_writer_goes_on(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    limit_pages(store, 4)
    writer = Writer(store)
    writer.start()
    gate = Gate(writer)
    jobs = (a_row, lambda c: journal.append(c, BIG), a_row)
    small, big, late = [writer.submit(job) for job in jobs]
    gate.let_go()
    assert small.result(10) == 1
    with pytest.raises(StoreFull):
        big.result(10)
    assert late.result(10) == 2
    with pytest.raises(StoreFull):
        writer.submit(jobs[1]).result(10)
    assert isinstance(writer.stats().last_error, StoreFull)
    writer.submit(lambda connection: connection.exec_driver_sql("PRAGMA max_page_count=1000000")).result(10)
    assert writer.submit(jobs[1]).result(10) == 3
    assert writer.stats().last_error is None
    writer.close()
    told = [record.message for record in caplog.records if record.name == "edge.store.writer"]
    assert told[-2:] == ["the store does not commit: database or disk is full", "the store commits again"]
    with store.read() as connection:
        assert journal.verify(connection).sound


def test_a_lock_held_elsewhere_is_waited_for_and_then_told(store: Store) -> None:
    set_on_writers_connection(store, "busy_timeout=20")
    writer = Writer(store)
    writer.start()
    other = sqlite3.connect(store.path or "", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreBusy):
        writer.submit(a_row).result(10)
    other.execute("COMMIT")
    other.close()
    assert writer.submit(a_row).result(10) == 1
    writer.close()


def test_a_reader_neither_waits_for_a_writer_nor_sees_half_of_it(store: Store) -> None:
    with store.write() as writing:
        a_row(writing)
        with store.read() as reading:
            assert journal.last_seq(reading) == 0


def test_a_reader_sees_one_state_until_it_is_done(store: Store) -> None:
    with store.read() as reading:
        assert journal.last_seq(reading) == 0
        with store.write() as writing:
            a_row(writing)
        assert journal.last_seq(reading) == 0


def test_a_reader_cannot_write(store: Store) -> None:
    with pytest.raises(StoreUnavailable), store.read() as connection:
        a_row(connection)


def test_what_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "edge.db"
    path.write_bytes(b"this was never a database file, but it is long enough to be taken for one" * 20)
    with pytest.raises(StoreDamaged):
        open_store(f"sqlite:///{path}")


def test_a_path_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreUnavailable, match="file"):
        open_store(f"sqlite:///{tmp_path / 'file' / 'edge.db'}")


def test_community_is_there(store: Store) -> None:
    with store.read() as connection:
        assert connection.exec_driver_sql("SELECT id FROM community").scalar_one() == COMMUNITY
