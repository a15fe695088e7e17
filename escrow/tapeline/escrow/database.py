"""The service's database: one file, one writer at a time, migrated before use."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeVar

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, create_engine, event
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

T = TypeVar("T")


class Database:
    """Runs synchronous functions of a connection; those of `write` commit together or not at all."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine
        # SQLite has one writer: the board, the ceremonies and the log's publisher queue here.
        self.write_lock = asyncio.Lock()

    async def read(self, query: Callable[[Connection], T]) -> T:
        """Return what `query` finds."""
        async with self.engine.connect() as conn:
            return await conn.run_sync(query)

    async def write(self, change: Callable[[Connection], T]) -> T:
        """Run `change` in a transaction of its own and return its result once that is durable."""
        async with self.write_lock, self.engine.begin() as conn:
            return await conn.run_sync(change)

    async def close(self) -> None:
        """Close all connections."""
        await self.engine.dispose()


def migrate(path: Path) -> None:
    """Bring the database file to the newest schema, creating it readable by its owner only."""
    path.touch(mode=0o600, exist_ok=True)
    config = Config()
    config.set_main_option("script_location", str(files("tapeline.escrow") / "migrations"))
    engine = create_engine(f"sqlite:///{path}")
    try:
        with engine.begin() as conn:
            config.attributes["connection"] = conn
            command.upgrade(config, "head")
    finally:
        engine.dispose()


def open_database(path: Path) -> Database:
    """Return the migrated database of a file; blocking while it migrates."""
    migrate(path)
    engine = create_async_engine(f"sqlite+aiosqlite:///{path}")
    event.listen(engine.sync_engine, "connect", _configure)
    return Database(engine)


def _configure(connection: Any, record: object) -> None:
    del record
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode = WAL")
    # FULL: an acknowledged statement survives a power cut.
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.execute("PRAGMA busy_timeout = 10000")
    cursor.close()
