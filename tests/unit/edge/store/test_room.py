"""A reserve that is given up when the disk is full, and what goes first then; whether the file is whole."""

import contextlib
import sqlite3
from pathlib import Path

import pytest

from edge.store import journal, room
from edge.store.engine import Store
from edge.store.integrity import damage
from edge.store.room import LEAST_IMPORTANT_FIRST, Reserve
from models.log import LogKind
from tests.unit.edge.store.sample import entry


def test_a_reserve_is_held_once_and_given_up(tmp_path: Path) -> None:
    reserve = Reserve(tmp_path / "edge.db", 64 * 1024)
    assert not reserve.held
    assert reserve.hold()
    assert reserve.hold()
    assert reserve.held
    assert reserve.path.stat().st_mode & 0o777 == 0o600
    assert reserve.give_up()
    assert not reserve.give_up()


def test_a_disk_that_is_nearly_full_is_left_its_room(tmp_path: Path) -> None:
    reserve = Reserve(tmp_path / "edge.db", room.free_bytes(tmp_path))
    assert not reserve.hold()
    assert not reserve.path.exists()


def test_a_reserve_half_made_is_made_anew(tmp_path: Path) -> None:
    reserve = Reserve(tmp_path / "edge.db", 4096)
    reserve.path.write_bytes(b"x")
    assert not reserve.held
    assert reserve.hold()


def test_the_oldest_of_the_least_important_kind_go_first(store: Store) -> None:
    with store.write() as connection:
        for number in range(4):
            for kind in LogKind:
                journal.append(connection, entry(kind, at_ms=number))
        assert room.make_room(connection, 3) == {LogKind.DEVICE: 3}
        assert room.make_room(connection, 3) == {LogKind.DEVICE: 1, LogKind.RING: 2}
        left = [(row["kind"], row["at"][-4:]) for row in journal.rows(connection) if row["kind"] == "ring"]
        assert left == [("ring", "002Z"), ("ring", "003Z")]
        assert sum(room.make_room(connection, 1_000).values()) == 14
        assert {row["kind"] for row in journal.rows(connection)} == {"audit"}
        assert room.make_room(connection, 1_000) == {}
        assert journal.verify(connection).sound, "what made room is counted as erased"


def test_every_kind_has_its_place_and_audit_stays() -> None:
    assert {*LEAST_IMPORTANT_FIRST, LogKind.AUDIT} == set(LogKind)


def test_the_wal_is_written_back_and_a_failure_is_no_matter(store: Store, tmp_path: Path) -> None:
    with store.write() as connection:
        journal.append(connection, entry())
    assert store.path is not None
    wal = store.path.with_name(store.path.name + "-wal")
    assert wal.stat().st_size > 0
    room.write_back(store.path)
    assert wal.stat().st_size == 0
    (tmp_path / "no.db").write_bytes(b"rubbish" * 1000)
    room.write_back(tmp_path / "no.db")


def test_a_sound_file_is_sound_and_a_damaged_one_is_not(store: Store) -> None:
    assert damage(store) is None
    assert store.path is not None
    with contextlib.closing(sqlite3.connect(store.path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (page,) = connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'journal'").fetchone()
        (size,) = connection.execute("PRAGMA page_size").fetchone()
    store.close()
    with store.path.open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xa5" * size)
    assert damage(store) is not None


@pytest.mark.parametrize("page_bytes", [b"\0", b"SQLite format 3\0"])
def test_a_file_that_is_no_database_is_damaged(store: Store, page_bytes: bytes) -> None:
    store.close()
    assert store.path is not None
    store.path.write_bytes(page_bytes * 4096)
    assert damage(store) is not None
