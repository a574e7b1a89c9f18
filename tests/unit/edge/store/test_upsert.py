import gc
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Column, Connection, Integer, MetaData, Table, Text, select

from edge.store.engine import connect
from edge.store.upsert import insert_missing, upsert

DOOR = Table("door", MetaData(), Column("id", Integer, primary_key=True), Column("name", Text), Column("floor", Text))
ROUNDS = 20


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[Connection]:
    store = connect(f"sqlite:///{tmp_path / 'doors.db'}")
    with store.write() as writing:
        DOOR.create(writing)
        yield writing
    store.close()


def rows(connection: Connection) -> list[tuple[object, ...]]:
    return [tuple(row) for row in connection.execute(select(DOOR).order_by(DOOR.c.id))]


def test_only_the_columns_that_are_named_are_written(connection: Connection) -> None:
    upsert(connection, DOOR, [{"id": 1, "name": "Gate", "floor": "0"}, {"id": 2, "name": "Yard", "floor": "1"}])
    upsert(connection, DOOR, [{"id": 1, "name": "Main gate"}])
    upsert(connection, DOOR, [{"id": 2, "floor": "2"}])
    upsert(connection, DOOR, [{"id": 2}])
    upsert(connection, DOOR, [])
    assert rows(connection) == [(1, "Main gate", "0"), (2, "Yard", "2")]
    assert not insert_missing(connection, DOOR, {"id": 1, "name": "Side gate"})


def test_rows_leave_nothing_for_the_collector(connection: Connection) -> None:
    upsert(connection, DOOR, [{"id": 1, "name": "Gate"}])
    gc.collect()
    for number in range(ROUNDS):
        upsert(connection, DOOR, [{"id": 1, "name": f"Gate {number}"}])
    assert gc.collect() < ROUNDS
