"""What Alembic runs; the connection and its transaction are the caller's (`edge.central.schema`)."""

from alembic import context

from edge.central.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    transactional_ddl=True,
)
context.run_migrations()
