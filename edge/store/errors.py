"""How the store fails. A rule that the database refuses is SQLAlchemy's `IntegrityError`, which is not among these."""

import sqlite3
from typing import Final

from sqlalchemy.exc import DBAPIError, OperationalError


class StoreError(Exception):
    """The store itself could not do it: nothing of the transaction was kept."""


class StoreFull(StoreError):
    """No space left on the disk, or the database has reached its limit."""


class StoreBusy(StoreError):
    """Another process held the write lock for longer than we wait, or two transactions collided: try again."""


class StoreUnavailable(StoreError):
    """The disk does not answer or the database server is gone."""


class StoreDamaged(StoreError):
    """The file is not a sound database: restore a backup."""


class StoreOverloaded(StoreError):
    """The writer's queue is full: the job was not taken."""


class StoreClosed(StoreError):
    """The writer is closing and takes no more jobs."""


class StoreSchemaError(StoreError):
    """The database has a schema that this program cannot work with; the message says what to do."""


class StoreEmpty(StoreError):
    """There is no community in the store yet (`edge init` makes it)."""


_BY_SQLITE_CODE: Final[dict[int, type[StoreError]]] = {
    sqlite3.SQLITE_BUSY: StoreBusy,
    sqlite3.SQLITE_LOCKED: StoreBusy,
    sqlite3.SQLITE_PROTOCOL: StoreBusy,
    sqlite3.SQLITE_FULL: StoreFull,
    sqlite3.SQLITE_IOERR: StoreUnavailable,
    sqlite3.SQLITE_CANTOPEN: StoreUnavailable,
    sqlite3.SQLITE_READONLY: StoreUnavailable,
    sqlite3.SQLITE_CORRUPT: StoreDamaged,
    sqlite3.SQLITE_NOTADB: StoreDamaged,
}
_BY_SQLSTATE: Final[dict[str, type[StoreError]]] = {  # PostgreSQL appendix A; two characters = the whole class
    "53100": StoreFull,
    "40": StoreBusy,
    "55P03": StoreBusy,
    "08": StoreUnavailable,
    "53": StoreUnavailable,
    "57P": StoreUnavailable,
    "58": StoreUnavailable,
    "XX001": StoreDamaged,
    "XX002": StoreDamaged,
}
_PRIMARY_CODE: Final = 0xFF  # SQLite's extended codes keep the primary one in the low byte


def store_error(error: DBAPIError) -> StoreError | None:
    """*error* as a failure of the store; None where it is the statement's own fault (a rule broken, bad SQL)."""
    cause = error.orig
    code = getattr(cause, "sqlite_errorcode", None)
    if code is not None:
        kind = _BY_SQLITE_CODE.get(code & _PRIMARY_CODE)
    elif error.connection_invalidated or _never_connected(error):
        kind = StoreUnavailable
    else:
        state = getattr(cause, "sqlstate", None) or ""
        kind = next((_BY_SQLSTATE[state[:n]] for n in (5, 3, 2) if state[:n] in _BY_SQLSTATE), None)
    return None if kind is None else kind(str(cause))


def _never_connected(error: DBAPIError) -> bool:
    """Whether no server was reached, or it refused us: only then does PostgreSQL's driver know no SQLSTATE."""
    return isinstance(error, OperationalError) and getattr(error.orig, "sqlstate", None) is None
