"""Alembic's scripts, packaged with the relay and applied at its start."""
