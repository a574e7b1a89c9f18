"""Revisions of the schema, the same for SQLite and PostgreSQL."""

from typing import Final

REVISIONS: Final = ("0001", "0002", "0003", "0004", "0005", "0006", "0007", "0008", "0009", "0010")
"""Every revision in order; a test holds it against the files, so that opening a store need not load Alembic."""

HEAD: Final = REVISIONS[-1]
