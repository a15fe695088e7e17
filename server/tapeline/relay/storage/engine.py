"""The database engine and its migrations."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config as AlembicConfig
from sqlalchemy import Connection, event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry

from tapeline.rpc.keyfiles import make_private_file

BUSY_SECONDS = 10


def open_engine(path: Path) -> AsyncEngine:
    """Return an engine on the SQLite file, which is created where absent, for its owner only."""
    engine = create_async_engine(
        f"sqlite+aiosqlite:///{make_private_file(path)}", connect_args={"timeout": BUSY_SECONDS}
    )
    event.listen(engine.sync_engine, "connect", _configure)
    return engine


def _configure(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
    cursor = connection.cursor()
    # FULL: an acknowledged commit survives a power cut, which NORMAL does not promise in WAL mode (promise P2).
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


async def migrate(engine: AsyncEngine) -> None:
    """Bring the database to the newest revision."""
    async with engine.begin() as conn:
        await conn.run_sync(_upgrade)


def _upgrade(conn: Connection) -> None:
    config = AlembicConfig()
    config.set_main_option("script_location", "tapeline.relay:migrations")
    config.attributes["connection"] = conn
    command.upgrade(config, "head")
