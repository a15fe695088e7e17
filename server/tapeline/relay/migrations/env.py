"""Alembic's environment: runs on the connection that the relay hands it."""

from __future__ import annotations

from alembic import context

from tapeline.relay.storage.schema import metadata


def run() -> None:
    """Apply the revisions inside the caller's transaction."""
    context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
    with context.begin_transaction():
        context.run_migrations()


run()
