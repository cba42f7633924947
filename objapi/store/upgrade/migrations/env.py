"""Alembic's environment: runs migrations on the connection that the gateway handed over."""

from alembic import context
from sqlalchemy import Connection

from objapi.store.schema import metadata

connection = context.config.attributes["connection"]
if not isinstance(connection, Connection):
    raise TypeError("migrations run on a connection of the gateway; use `objapi upgrade`")
context.configure(connection=connection, target_metadata=metadata, compare_type=True)
with context.begin_transaction():
    context.run_migrations()
