"""The same revisions on PostgreSQL."""

import pytest
import sqlalchemy
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from edge.store import journal
from edge.store.engine import open_store
from edge.store.migrations import REVISIONS
from edge.store.migrations.configuration import alembic_config
from edge.store.snapshot import load_snapshot
from models.tables.base import metadata
from tests.unit.edge.store import old_databases, sample


@pytest.mark.peer("postgresql")
@pytest.mark.parametrize("revision", REVISIONS[:-1])
def test_an_old_database_becomes_the_present_one(postgresql_url: str, revision: str) -> None:
    engine = sqlalchemy.create_engine(postgresql_url)
    with engine.begin() as connection:
        command.upgrade(alembic_config(connection), revision)
        old_databases.fill_postgresql(connection, revision)
    engine.dispose()
    store = open_store(postgresql_url)
    with store.read() as connection:
        found = load_snapshot(connection)
        assert journal.verify(connection).sound
        differences = compare_metadata(MigrationContext.configure(connection), metadata)
    store.close()
    assert found.devices[sample.GATE].relays[0].hold_s == 3
    assert found.credentials[sample.CODE].uses_left == 2
    assert differences == []
