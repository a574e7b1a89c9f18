"""INSERT … ON CONFLICT, which SQLite and PostgreSQL spell alike and SQLAlchemy keeps in two dialects."""

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite


def _insert(dialect: str, table: Table) -> "sqlite.Insert | postgresql.Insert":
    return postgresql.insert(table) if dialect == "postgresql" else sqlite.insert(table)


def upsert(connection: Connection, table: Table, rows: Iterable[Mapping[str, Any]]) -> None:
    """Insert *rows* (all with the same keys), or update those columns where the primary key is there already."""
    values: Sequence[dict[str, Any]] = [dict(row) for row in rows]
    if not values:
        return
    connection.execute(_upsert(connection.dialect.name, table, tuple(values[0])), values)


@cache
def _upsert(dialect: str, table: Table, names: tuple[str, ...]) -> "sqlite.Insert | postgresql.Insert":
    """Made once for each table and its columns, of which there are few: `excluded` is a copy of the whole table, full
    of references in circles, and one of those for each row would wait a long time for the collector.
    """
    keys = [column.name for column in table.primary_key]
    statement = _insert(dialect, table)
    updated = {name: statement.excluded[name] for name in names if name not in keys}
    if updated:
        return statement.on_conflict_do_update(index_elements=keys, set_=updated)
    return statement.on_conflict_do_nothing(index_elements=keys)


def insert_missing(connection: Connection, table: Table, row: Mapping[str, Any]) -> bool:
    """Insert *row* unless its primary key is there already; whether it was inserted."""
    keys = [column.name for column in table.primary_key]
    statement = _insert(connection.dialect.name, table).values(**row).on_conflict_do_nothing(index_elements=keys)
    return connection.execute(statement).rowcount == 1
