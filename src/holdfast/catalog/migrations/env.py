"""What Alembic runs: the migrations, on the connection and in the transaction that `catalog.upgrade` opened."""

from alembic import context

from holdfast.catalog.schema import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()
