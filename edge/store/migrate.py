"""Bringing a database to the schema of this program: under a lock, with a backup, all or nothing."""

import contextlib
import fcntl
import logging
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, Engine, inspect, text

from edge.store.errors import StoreSchemaError
from edge.store.migrations import HEAD, REVISIONS

_log = logging.getLogger(__name__)
_ADVISORY_LOCK: Final = 0x1D9E_ED6E  # ours, on a PostgreSQL server


def ensure_head(engine: Engine, path: Path | None, *, allowed: bool) -> None:
    """Upgrade the database behind *engine* to `HEAD`. *path*: its file on SQLite.

    Raises StoreSchemaError where the database is newer than this program, where it holds something else, and where
    it is older and upgrading is not *allowed*.
    """
    if _revision(engine) == HEAD:
        return
    if not allowed:
        raise StoreSchemaError("the database has an older schema; start the daemon or run `edge doctor` to upgrade it")
    with _file_lock(path):
        found = _revision(engine)  # another process may have done it while we waited
        if found == HEAD:
            return
        if path is not None and found is not None:
            _log.info("database is at %s, upgrading to %s; backup in %s", found, HEAD, _back_up(path, found))
        _upgrade(engine)


def _revision(engine: Engine) -> str | None:
    """The revision of the database; None for an empty one."""
    with engine.begin() as connection:
        return _checked_revision(connection)


def _checked_revision(connection: Connection) -> str | None:
    names = inspect(connection).get_table_names()
    if not names:
        return None
    if "alembic_version" not in names:
        raise StoreSchemaError("the database belongs to another program: it has tables but no alembic_version")
    found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    if found is None:
        return None
    if found not in REVISIONS:
        raise StoreSchemaError(
            f"the database has schema {found}, which is newer than this program (it knows up to {HEAD}): "
            "install the newer program again, or restore a backup made before its upgrade"
        )
    return str(found)


def _upgrade(engine: Engine) -> None:
    from alembic import command  # noqa: PLC0415  # 150 ms that an up-to-date database need not pay

    from edge.store.migrations.configuration import alembic_config  # noqa: PLC0415

    with engine.connect() as connection, _without_foreign_keys(connection), connection.begin():
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK})
            if _checked_revision(connection) == HEAD:
                return
        command.upgrade(alembic_config(connection), "head")
        if connection.dialect.name == "sqlite":
            broken = connection.exec_driver_sql("PRAGMA foreign_key_check").first()
            if broken is not None:
                raise StoreSchemaError(f"the upgrade would leave a row of {broken[0]} without its parent {broken[2]}")


@contextlib.contextmanager
def _without_foreign_keys(connection: Connection) -> Iterator[None]:
    """Batch mode drops and renames tables, which must not cascade. The pragma works outside a transaction only."""
    driver = connection.connection.driver_connection
    if not isinstance(driver, sqlite3.Connection):
        yield
        return
    driver.execute("PRAGMA foreign_keys=OFF")
    try:
        yield
    finally:
        driver.execute("PRAGMA foreign_keys=ON")


@contextlib.contextmanager
def _file_lock(path: Path | None) -> Iterator[None]:
    """One process at a time. PostgreSQL has its own lock, taken inside the transaction."""
    if path is None:
        yield
        return
    descriptor = os.open(path.with_name(path.name + ".migrating"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)  # the lock goes with it; the file stays, or two processes could lock different ones


def _back_up(path: Path, revision: str) -> Path:
    """A copy made by SQLite itself, so what is in the -wal file is in it. Replaces an older one of the same name."""
    backup = path.with_name(f"{path.name}.before-{revision}-upgrade")
    backup.unlink(missing_ok=True)
    os.close(os.open(backup, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("VACUUM INTO ?", (str(backup),))
    return backup
