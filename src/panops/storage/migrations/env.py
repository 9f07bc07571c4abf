"""What Alembic runs: the steps on the connection that `panops.storage.schema` opened, in its transaction."""

from __future__ import annotations

from alembic import context

from panops.storage.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    # SQLite can roll DDL back; Alembic assumes that it cannot.
    transactional_ddl=True,
    render_as_batch=True,
    compare_type=True,
    compare_server_default=True,
)
context.run_migrations()
