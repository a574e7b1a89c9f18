"""Databases as older programs left them: one dump for every released schema, whatever became of it since."""

import re
import sqlite3
from pathlib import Path
from typing import Final

from sqlalchemy import Connection

FOLDER: Final = Path(__file__).parents[3] / "data" / "databases"
_BLOB: Final = re.compile(r"X'([0-9A-F]*)'")
_INSERT: Final = re.compile(r'INSERT INTO "(\w+)" VALUES\((.*)\);', re.S)


def dump(revision: str) -> str:
    """The SQLite dump of the schema *revision*, with a row in most tables."""
    return (FOLDER / f"{revision}.sql").read_text(encoding="utf-8")


def make_sqlite(path: Path, revision: str) -> Path:
    """The old database at *path*."""
    connection = sqlite3.connect(path)
    connection.executescript(dump(revision))
    connection.close()
    path.chmod(0o600)
    return path


def fill_postgresql(connection: Connection, revision: str) -> None:
    """The rows of the dump, into a PostgreSQL database of that schema. SQLite says yes and no as 1 and 0."""
    rows = [match.groups() for match in map(_INSERT.fullmatch, dump(revision).splitlines()) if match is not None]
    connection.exec_driver_sql("SET session_replication_role = replica")  # the dump's order is no parents' order
    for table, values in rows:
        if table == "alembic_version":
            continue
        columns = connection.exec_driver_sql(
            "SELECT column_name, data_type FROM information_schema.columns WHERE table_schema = 'public'"
            f" AND table_name = '{table}' ORDER BY ordinal_position"
        ).all()
        if table == "store_state":  # the revision itself made the one row
            connection.exec_driver_sql("DELETE FROM store_state")
        literals = _literals(values)
        told = [
            f"CAST({literal} AS BOOLEAN)" if kind == "boolean" and literal != "NULL" else literal
            for literal, (_, kind) in zip(literals, columns, strict=True)
        ]
        connection.exec_driver_sql(f"INSERT INTO {table} VALUES ({', '.join(told)})".replace("%", "%%"))
    connection.exec_driver_sql("SET session_replication_role = DEFAULT")


def _literals(values: str) -> list[str]:
    """SQL literals of one row; a blob as PostgreSQL writes it."""
    found = re.findall(r"X'[0-9A-F]*'|'(?:[^']|'')*'|[^,]+", values)
    return [_BLOB.sub(r"'\\x\1'", literal) for literal in found]
