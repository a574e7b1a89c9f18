"""Revisions of the central store's schema, the same for SQLite and PostgreSQL."""

from typing import Final

HEAD: Final = "0003"
