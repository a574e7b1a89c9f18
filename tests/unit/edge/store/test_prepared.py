from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from edge.store.engine import connect
from edge.store.prepared import Prepared, command

PUT = Prepared(text("INSERT INTO door (name, id) VALUES (:name, :id)"))
GET = Prepared(text("SELECT id, name FROM door WHERE id = :id"))


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[Connection]:
    store = connect(f"sqlite:///{tmp_path / 'doors.db'}")
    with store.write() as writing:
        writing.exec_driver_sql("CREATE TABLE door (id INTEGER PRIMARY KEY, name TEXT NOT NULL)")
        yield writing
    store.close()


def test_named_parameters_reach_their_columns_in_any_order(connection: Connection) -> None:
    assert PUT.execute(connection, {"id": 7, "name": "Gate"}).rowcount == 1
    assert GET.execute(connection, {"id": 7}).fetchone() == (7, "Gate")
    assert GET.execute(connection, {"id": 8}).fetchone() is None


def test_it_is_one_transaction_with_other_statements(connection: Connection) -> None:
    command(connection, "SAVEPOINT job")
    PUT.execute(connection, {"id": 7, "name": "Gate"})
    assert connection.execute(text("SELECT count(*) FROM door")).scalar_one() == 1
    command(connection, "ROLLBACK TO SAVEPOINT job")
    assert connection.execute(text("SELECT count(*) FROM door")).scalar_one() == 0


def test_a_driver_s_error_is_sqlalchemy_s_and_tells_no_values(connection: Connection) -> None:
    PUT.execute(connection, {"id": 7, "name": "Gate"})
    with pytest.raises(IntegrityError) as caught:
        PUT.execute(connection, {"id": 7, "name": "a name nobody may read"})
    assert "nobody may read" not in str(caught.value)
    with pytest.raises(DBAPIError):
        command(connection, "SELECT * FROM window")


def test_a_forgotten_parameter_is_our_own_mistake(connection: Connection) -> None:
    with pytest.raises(KeyError):
        PUT.execute(connection, {"id": 7})
