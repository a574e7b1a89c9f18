"""INSERT … ON CONFLICT, which SQLite and PostgreSQL spell alike and SQLAlchemy keeps in two dialects."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite


def _insert(connection: Connection, table: Table) -> "sqlite.Insert | postgresql.Insert":
    return postgresql.insert(table) if connection.dialect.name == "postgresql" else sqlite.insert(table)


def upsert(connection: Connection, table: Table, rows: Iterable[Mapping[str, Any]]) -> None:
    """Insert *rows* (all with the same keys), or update those columns where the primary key is there already."""
    values: Sequence[dict[str, Any]] = [dict(row) for row in rows]
    if not values:
        return
    keys = [column.name for column in table.primary_key]
    statement = _insert(connection, table)
    updated = {name: statement.excluded[name] for name in values[0] if name not in keys}
    if updated:
        statement = statement.on_conflict_do_update(index_elements=keys, set_=updated)
    else:
        statement = statement.on_conflict_do_nothing(index_elements=keys)
    connection.execute(statement, values)


def insert_missing(connection: Connection, table: Table, row: Mapping[str, Any]) -> bool:
    """Insert *row* unless its primary key is there already; whether it was inserted."""
    keys = [column.name for column in table.primary_key]
    statement = _insert(connection, table).values(**row).on_conflict_do_nothing(index_elements=keys)
    return connection.execute(statement).rowcount == 1
