import stat
from pathlib import Path

import pytest
from sqlalchemy import inspect

from edge.store import engine
from edge.store.engine import Store, open_store, site_url
from edge.store.errors import StoreBusy, StoreSchemaError, StoreUnavailable
from edge.store.journal import COLUMNS
from models.tables.base import metadata

PRAGMAS = [
    ("journal_mode", "wal"),
    ("synchronous", 2),  # FULL
    ("foreign_keys", 1),
    ("busy_timeout", 5000),
    ("temp_store", 2),  # MEMORY
    ("cache_size", -16000),
]


@pytest.mark.parametrize(("pragma", "value"), PRAGMAS)
def test_every_connection_has_the_durable_settings(empty: Store, pragma: str, value: object) -> None:
    for transaction in (empty.read, empty.write):
        with transaction() as connection:
            assert connection.exec_driver_sql(f"PRAGMA {pragma}").scalar_one() == value


def test_nobody_else_may_read_the_files(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path / 'new' / 'edge.db'}")
    with store.write() as connection:
        connection.exec_driver_sql("UPDATE store_state SET outbox_seq = 0")
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "new").iterdir()}
    store.close()
    assert set(modes) >= {"edge.db", "edge.db-wal", "edge.db-shm"}
    assert set(modes.values()) == {0o600}


def test_every_new_store_has_an_identity_of_its_own(tmp_path: Path) -> None:
    identities = set()
    for name in ("one.db", "two.db"):
        store = open_store(f"sqlite:///{tmp_path / name}")
        with store.read() as connection:
            identities.add(connection.exec_driver_sql("SELECT db_id FROM store_state").scalar_one())
        store.close()
    assert len(identities) == 2


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "mysql://host/db"])
def test_other_kinds_of_store_are_refused(url: str) -> None:
    with pytest.raises(StoreUnavailable):
        open_store(url)


def test_an_empty_file_is_refused_where_making_the_schema_is_not_allowed(tmp_path: Path) -> None:
    with pytest.raises(StoreSchemaError):
        open_store(f"sqlite:///{tmp_path / 'edge.db'}", migrate_to_head=False)


def test_the_journals_statements_name_every_column(empty: Store) -> None:
    with empty.read() as connection:
        assert [column["name"] for column in inspect(connection).get_columns("journal")] == list(COLUMNS)
    assert [column.name for column in metadata.tables["journal"].columns] == list(COLUMNS)


def test_a_relative_path_is_inside_the_site(tmp_path: Path) -> None:
    assert site_url("sqlite:///edge.db", tmp_path) == f"sqlite:///{tmp_path}/edge.db"
    assert site_url("sqlite:////var/lib/edge.db", tmp_path) == "sqlite:////var/lib/edge.db"
    assert site_url("postgresql://edge@127.0.0.1/edge", tmp_path) == "postgresql://edge@127.0.0.1/edge"


def test_more_readers_than_connections_are_told(template: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "MAX_READERS", 2)
    monkeypatch.setattr(engine, "CONNECTION_WITHIN_S", 0.01)
    store = open_store(f"sqlite:///{template}")
    with store.read(), store.read(), pytest.raises(StoreBusy), store.read():
        pass
    with store.read():
        pass
    store.close()
