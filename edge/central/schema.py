"""Opening the central store's database and bringing it to this program's schema, all or nothing."""

from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, inspect, text

from edge.central.migrations import HEAD
from edge.store.engine import Store, connect
from edge.store.errors import StoreSchemaError

_ADVISORY_LOCK: Final = 0x1D9E_CE17


def open_central(url: str) -> Store:
    """The central store at *url*, its schema at `HEAD`. Raises StoreSchemaError, StoreError."""
    store = connect(url)
    try:
        with store.write() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK})
            if _revision(connection) != HEAD:
                command.upgrade(alembic_config(connection), "head")
    except BaseException:
        store.close()
        raise
    return store


def alembic_config(connection: Connection) -> Config:
    """Configuration for Alembic's commands on an open *connection*, in whose transaction they run."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    return config


def _revision(connection: Connection) -> str | None:
    names = inspect(connection).get_table_names()
    if not names:
        return None
    if "alembic_version" not in names or "edge_item" not in names:
        raise StoreSchemaError("the database belongs to another program: it is no central store")
    found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    if found is not None and found > HEAD:
        raise StoreSchemaError(f"the database has schema {found}, which is newer than this program (it knows {HEAD})")
    return None if found is None else str(found)
