"""Every released schema becomes the present one: nothing lost, the same as made anew, all or nothing."""

from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, text
from sqlalchemy.exc import IntegrityError

from edge.store import journal, lockouts
from edge.store.engine import Store, open_store
from edge.store.errors import StoreSchemaError
from edge.store.migrations import HEAD, REVISIONS
from edge.store.snapshot import load_snapshot
from models.tables.base import metadata
from tests.unit.edge.store import old_databases, sample

OLD = REVISIONS[:-1]


@pytest.fixture(params=OLD)
def old(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return old_databases.make_sqlite(tmp_path / "old.db", request.param)


def opened(path: Path) -> Store:
    return open_store(f"sqlite:///{path}")


def test_every_released_schema_has_its_fixture() -> None:
    assert {path.stem for path in old_databases.FOLDER.glob("*.sql")} == set(OLD)
    assert REVISIONS[-1] == HEAD


def test_the_list_of_revisions_is_what_the_files_say() -> None:
    folder = Path(__file__).parents[4] / "edge" / "store" / "migrations" / "versions"
    assert tuple(sorted(path.name[:4] for path in folder.glob("[0-9]*.py"))) == REVISIONS


def test_an_upgraded_schema_is_the_one_of_the_tables(old: Path) -> None:
    store = opened(old)
    with store.read() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), metadata)
        found = {name: foreign_keys(connection, name) for name in metadata.tables}
    store.close()
    # SQLAlchemy does not read a reference that stands beside its column, as SQLite wants an added one; SQLite does.
    assert [each for each in differences if each[0] not in ("add_fk", "remove_fk")] == []
    assert found == {
        name: {(k.parent.name, k.column.table.name, k.ondelete) for k in table.foreign_keys}
        for name, table in metadata.tables.items()
    }


def foreign_keys(connection: Connection, table: str) -> set[tuple[str, str, str]]:
    rows = connection.exec_driver_sql(f"PRAGMA foreign_key_list({table})").mappings()
    return {(row["from"], row["table"], row["on_delete"]) for row in rows}


def test_an_upgrade_loses_nothing(old: Path, store: Store) -> None:
    """The fixtures are the sample community, so what they load as is what the sample loads as now."""
    upgraded = opened(old)
    with upgraded.read() as before, store.read() as now:
        assert load_snapshot(before) == load_snapshot(now)
        assert journal.verify(before).sound
        assert journal.verify(before).rows == 2
        assert len(lockouts.load(before)) == 1
    upgraded.close()


def test_rules_of_the_old_tables_still_hold(old: Path) -> None:
    store = opened(old)
    broken = (
        "UPDATE relay SET hold_s = 61",
        "UPDATE device SET type = 9",
        "UPDATE device SET sip_user = '99999999'",
        "UPDATE credential SET uses_left = -1",
        "UPDATE device SET schedule_id = 's-nowhere'",
        "UPDATE device SET area_side = 'roof'",
        "UPDATE relay SET schedule_id = 's-nowhere'",
    )
    for statement in broken:
        with pytest.raises(IntegrityError), store.write() as connection:
            connection.execute(text(statement))
    store.close()


def test_the_old_database_is_kept_beside_the_new_one(old: Path) -> None:
    opened(old).close()
    (backup,) = old.parent.glob("old.db.before-*-upgrade")
    with pytest.raises(StoreSchemaError):
        open_store(f"sqlite:///{backup}", migrate_to_head=False)
    again = opened(backup)
    with again.read() as connection:
        assert load_snapshot(connection).devices[sample.GATE].name == "Gate"
    again.close()
