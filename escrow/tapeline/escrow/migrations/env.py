"""Alembic's entry: the caller hands over its own connection, so there is no configuration file."""

from __future__ import annotations

from alembic import context
from sqlalchemy import Connection

from tapeline.escrow.tables import metadata


def run(connection: Connection) -> None:
    """Run the migrations that the database lacks."""
    context.configure(connection=connection, target_metadata=metadata)
    with context.begin_transaction():
        context.run_migrations()


run(context.config.attributes["connection"])
