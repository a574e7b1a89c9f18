"""Statements of the hot path, compiled once and run by the driver itself.

Every card, call and state of a device writes a row. SQLAlchemy's way through a statement costs several times what the
database needs for it; these skip that way, and keep its errors.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol

from sqlalchemy import Connection, TextClause
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql.dml import Insert


class Cursor(Protocol):
    """What the driver gives back (PEP 249)."""

    @property
    def rowcount(self) -> int:
        """Rows that the statement changed."""
        ...

    def fetchone(self) -> Sequence[Any] | None:
        """The next row, in the order of the statement's columns; None after the last."""
        ...


class Prepared:
    """One statement with named parameters, for SQLite and PostgreSQL.

    Values go to the driver as they are: numbers, text, bytes, truth values and None. Safe to use from several threads.
    """

    def __init__(self, statement: TextClause | Insert) -> None:
        self._statement: Final = statement
        self._compiled: Final[dict[str, tuple[str, Sequence[str] | None]]] = {}  # by dialect

    def execute(self, connection: Connection, parameters: Mapping[str, Any]) -> Cursor:
        """Run it in the transaction of *connection*. Raises DBAPIError as `Connection.execute` does."""
        dialect = connection.dialect
        known = self._compiled.get(dialect.name)
        if known is None:
            compiled = self._statement.compile(dialect=dialect)
            known = self._compiled[dialect.name] = (str(compiled), getattr(compiled, "positiontup", None))
        sql, order = known
        return _execute(connection, sql, parameters if order is None else tuple(parameters[name] for name in order))


def command(connection: Connection, sql: str) -> None:
    """Run *sql*, which has no parameters and no result, as it stands."""
    _execute(connection, sql, ())


def _execute(connection: Connection, sql: str, parameters: Mapping[str, Any] | Sequence[Any]) -> Cursor:
    cursor = connection.connection.cursor()
    try:
        cursor.execute(sql, parameters)
    except Exception as error:
        driver = connection.dialect.loaded_dbapi
        if not isinstance(error, driver.Error):
            raise
        # Without the parameters: an error is logged, and they are what a log must not hold.
        raise DBAPIError.instance(sql, None, error, driver.Error, dialect=connection.dialect) from error
    return cursor
