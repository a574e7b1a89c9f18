"""What Alembic runs; the connection and its transaction are the caller's (`edge.store.migrate`)."""

from typing import Any, Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext
from sqlalchemy.types import TypeDecorator

import models.tables  # noqa: F401  # registers the tables
from models.tables.base import metadata


def _render(kind: str, thing: Any, autogen: AutogenContext) -> str | Literal[False]:
    """A revision must not depend on types of the program, which change; it says what is stored."""
    if kind == "type" and isinstance(thing, TypeDecorator):
        return f"sa.{thing.impl_instance.__class__.__name__}()"
    return False


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    render_item=_render,
    transactional_ddl=True,  # we say BEGIN ourselves, so SQLite undoes DDL like anything else
)
context.run_migrations()
