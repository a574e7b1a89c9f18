"""Opening the store: SQLite beside the daemon, or PostgreSQL by the same code."""

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from edge.store import migrate
from edge.store.errors import StoreBusy, StoreError, StoreUnavailable, store_error

BUSY_TIMEOUT_MS: Final = 5_000  # another process (an import at the command line) may hold the write lock this long
CACHE_KIB: Final = 16_000
MAX_READERS: Final = 8
CONNECTION_WITHIN_S: Final = 10.0  # a reader waits this long for one of them
_PRAGMAS: Final = (
    f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}",  # first, so that the switch to WAL waits its turn too
    "PRAGMA journal_mode=WAL",
    # NORMAL never corrupts, but a power cut may take the last commits: log rows, revocations, the cursor.
    "PRAGMA synchronous=FULL",
    "PRAGMA foreign_keys=ON",
    "PRAGMA temp_store=MEMORY",
    f"PRAGMA cache_size=-{CACHE_KIB}",
)


@dataclass(frozen=True, slots=True)
class Store:
    """An open store. Threads and processes may share the database; a connection belongs to one thread at a time."""

    url: URL
    _readers: Engine
    _writers: Engine

    @property
    def path(self) -> Path | None:
        """The database file; None on a server."""
        return _path(self.url)

    @contextlib.contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection that sees one consistent state and cannot write. Never waits for a writer on SQLite.

        Raises StoreError where the store fails.
        """
        with _translated(), self._readers.connect() as connection, connection.begin():
            yield connection

    @contextlib.contextmanager
    def write(self) -> Iterator[Connection]:
        """One transaction: committed when the block ends, undone by an exception. Waits up to 5 s for its turn.

        For the command line and for maintenance; the daemon's own rows go through `edge.store.writer.Writer`.
        Raises StoreError where the store fails; `IntegrityError` where a rule of the schema is broken.
        """
        with _translated(), self._writers.begin() as connection:
            yield connection

    def close(self) -> None:
        self._readers.dispose()
        self._writers.dispose()


def open_store(url: str, *, migrate_to_head: bool = True) -> Store:
    """The store at *url*: ``sqlite:///path`` or ``postgresql://…``, its schema brought up to date first.

    A new SQLite file is made 0600, with its folder. With *migrate_to_head* False an old schema is refused instead.
    Raises StoreSchemaError where the schema cannot be used, StoreError where the store does not answer.
    """
    store = connect(url)
    try:
        with _translated():
            migrate.ensure_head(store._writers, store.path, allowed=migrate_to_head)
    except BaseException:
        store.close()
        raise
    return store


def connect(url: str) -> Store:
    """The same without a look at the schema, for whoever keeps tables of its own there."""
    target = _normalised(make_url(url))
    path = _path(target)
    if path is not None:
        _make_private(path)
    return Store(target, _engine(target, writes=False), _engine(target, writes=True))


def site_url(url: str, site: Path) -> str:
    """*url* as configured, a relative SQLite path being inside the *site* folder."""
    parsed = make_url(url)
    path = _path(parsed)
    return url if path is None else str(parsed.set(database=str(site.resolve() / path)))


def _normalised(url: URL) -> URL:
    if url.get_backend_name() == "postgresql":
        return url.set(drivername="postgresql+psycopg")
    if url.get_backend_name() != "sqlite" or _path(url) is None:
        raise StoreUnavailable(f"{url.render_as_string()}: a store is a sqlite file or a postgresql database")
    return url


def _path(url: URL) -> Path | None:
    named = url.get_backend_name() == "sqlite" and url.database and url.database != ":memory:"
    return Path(str(url.database)) if named else None


def _make_private(path: Path) -> None:
    """SQLite gives the -wal and -shm files the mode of the database file, so the first one decides."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    except OSError as error:
        raise StoreUnavailable(f"{path}: {error.strerror}") from error


def _engine(url: URL, *, writes: bool) -> Engine:
    pool: dict[str, Any] = {
        "pool_size": 2 if writes else MAX_READERS,
        "max_overflow": 0,
        "pool_timeout": CONNECTION_WITHIN_S,
    }
    if url.get_backend_name() == "postgresql":
        # Committed means on disk, whatever the server's default is.
        options = {"options": "-c synchronous_commit=on", "connect_timeout": 5}
        engine = create_engine(url, connect_args=options, pool_pre_ping=True, **pool)
        if writes:
            return engine
        # Several SELECTs of one snapshot must see the same state.
        return engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
    engine = create_engine(url, connect_args={"timeout": BUSY_TIMEOUT_MS / 1000, "check_same_thread": False}, **pool)
    _prepare_sqlite(engine, writes=writes)
    return engine


def _prepare_sqlite(engine: Engine, *, writes: bool) -> None:
    def connected(connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = None  # we say BEGIN ourselves: the driver's own guesses exclude DDL and SAVEPOINT
        for pragma in _PRAGMAS:
            connection.execute(pragma)
        if not writes:
            connection.execute("PRAGMA query_only=ON")

    def begun(connection: Connection) -> None:
        # A transaction that begins reading and then writes can fail in the middle; IMMEDIATE takes its turn first.
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    event.listen(engine, "connect", connected)
    event.listen(engine, "begin", begun)


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except DBAPIError as error:
        failure: StoreError | None = store_error(error)
        if failure is None:
            raise
        raise failure from error
    except PoolTimeout as error:
        raise StoreBusy("every connection of the store is in use") from error
