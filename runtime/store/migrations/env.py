"""Runs migrations on the connection that `runtime.store.migrating` opened, in its transaction."""

from alembic import context

from runtime.store.process_tables import METADATA

context.configure(connection=context.config.attributes["connection"], target_metadata=METADATA)
context.run_migrations()
