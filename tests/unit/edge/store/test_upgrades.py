"""What an upgrade must never do: lose data, leave half a schema, or touch a database that is not ours."""

import shutil
import sqlite3
from pathlib import Path

import pytest

from edge.store import migrate
from edge.store.engine import Store, open_store
from edge.store.errors import StoreSchemaError
from edge.store.migrations import HEAD, REVISIONS, configuration
from edge.store.snapshot import load_snapshot
from tests.unit.edge.store.sample import fill

NEXT = "9999"
REVISION = '''"""A schema that is still to come."""

import sqlalchemy as sa
from alembic import op

revision = "{next}"
down_revision = "{head}"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table("future", sa.Column("id", sa.Text(), nullable=False))
    with op.batch_alter_table("building") as batch:
        batch.add_column(sa.Column("storeys", sa.Integer(), nullable=False, server_default="1"))
        batch.create_check_constraint("storeys", "storeys > 0")
{then}
'''


@pytest.fixture
def path(template: Path, tmp_path: Path) -> Path:
    """A database of the present schema with the sample community, closed."""
    path = tmp_path / "edge.db"
    shutil.copyfile(template, path)
    store = open_store(f"sqlite:///{path}")
    fill(store)
    store.close()
    return path


def release_next(monkeypatch: pytest.MonkeyPatch, folder: Path, then: str = "") -> None:
    """The program gets one more revision than it has."""
    migrations = folder / "migrations"
    shutil.copytree(Path(configuration.__file__).parent, migrations)
    (migrations / "versions" / f"{NEXT}_future.py").write_text(REVISION.format(next=NEXT, head=HEAD, then=then))
    monkeypatch.setattr(migrate, "HEAD", NEXT)
    monkeypatch.setattr(migrate, "REVISIONS", (*REVISIONS, NEXT))
    monkeypatch.setattr(configuration, "__file__", str(migrations / "configuration.py"))


def opened(path: Path) -> Store:
    return open_store(f"sqlite:///{path}")


def ask(path: Path, question: str) -> list[tuple[object, ...]]:
    connection = sqlite3.connect(path)
    try:
        return connection.execute(question).fetchall()
    finally:
        connection.close()


def test_the_next_revision_keeps_every_row_and_the_old_file(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    release_next(monkeypatch, tmp_path)
    store = opened(path)
    with store.read() as connection:
        found = load_snapshot(connection)
        assert connection.exec_driver_sql("SELECT name, storeys FROM building").all() == [("1A", 1)]
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar_one() == 1
    store.close()
    assert len(found.apartments) == 2  # a batch drops and renames the table, and nothing may cascade
    (backup,) = tmp_path.glob("edge.db.before-*")
    assert backup.stat().st_mode & 0o077 == 0
    assert ask(backup, "SELECT version_num FROM alembic_version") == [(HEAD,)]
    assert ask(backup, "SELECT count(*) FROM apartment") == [(2,)]


def test_a_revision_that_fails_leaves_the_database_as_it_was(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    release_next(monkeypatch, tmp_path, then='    op.execute("INSERT INTO nowhere VALUES (1)")')
    with pytest.raises(Exception, match="nowhere"):
        opened(path)
    assert ask(path, "SELECT version_num FROM alembic_version") == [(HEAD,)]
    assert ask(path, "SELECT count(*) FROM sqlite_master WHERE name = 'future'") == [(0,)]
    assert ask(path, "SELECT count(*) FROM apartment") == [(2,)]
    monkeypatch.undo()
    store = opened(path)
    with store.read() as connection:
        assert len(load_snapshot(connection).apartments) == 2
    store.close()


def test_a_revision_that_would_orphan_rows_is_undone(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    release_next(monkeypatch, tmp_path, then='    op.execute("DELETE FROM building")')
    with pytest.raises(StoreSchemaError, match="without its parent building"):
        opened(path)
    assert ask(path, "SELECT count(*) FROM building") == [(1,)]


def test_a_newer_database_is_refused_with_what_to_do(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.commit()
    connection.close()
    with pytest.raises(StoreSchemaError, match="newer than this program.*restore a backup"):
        opened(path)


def test_another_programs_database_is_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE recipes (id INTEGER)")
    connection.commit()
    connection.close()
    with pytest.raises(StoreSchemaError, match="another program"):
        opened(path)
    assert ask(path, "SELECT name FROM sqlite_master") == [("recipes",)]
