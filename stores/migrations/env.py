"""Alembic's entry: runs on the connection that ``stores.ledger.migrate`` hands over."""

from alembic import context
from sqlalchemy import create_engine

from stores.ledger.tables import metadata

config = context.config
connection = config.attributes.get("connection")
if connection is None:
    connection = create_engine(config.get_main_option("sqlalchemy.url") or "sqlite://").connect()

context.configure(connection=connection, target_metadata=metadata, render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
