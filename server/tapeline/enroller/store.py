"""One-time codes, by their hash, and the salt of every user."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    LargeBinary,
    MetaData,
    String,
    Table,
    delete,
    event,
    insert,
    select,
    update,
)
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry

from tapeline.rpc.keyfiles import make_private_file

metadata = MetaData()

user = Table(
    "user",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("salt", LargeBinary(32), nullable=False),
)

code = Table(
    "code",
    metadata,
    # 128 random bits need no salt or stretching: nobody counts through their hashes.
    Column("code_hash", LargeBinary(64), primary_key=True),
    Column("user", String(64), nullable=False),
    Column("expires_ms", BigInteger, nullable=False),
    Column("device_key", LargeBinary(32), index=True),
    Column("entry", LargeBinary),
)


compared = Table(
    "compared",
    metadata,
    # One row: up to where the archive was compared with the entries above. An older copy has an older one.
    Column("id", BigInteger, primary_key=True),
    Column("next_leaf", BigInteger, nullable=False),
)


@dataclass(frozen=True, slots=True)
class CodeRow:
    """A code as stored; `device_key` and `entry` are set once it is used."""

    user: str
    expires_ms: int
    device_key: bytes | None
    entry: bytes | None


async def open_store(path: Path) -> AsyncEngine:
    """Return an engine on the SQLite file, with its tables; the command line and the service use it side by side."""
    engine = create_async_engine(f"sqlite+aiosqlite:///{make_private_file(path)}", connect_args={"timeout": 10})
    event.listen(engine.sync_engine, "connect", _configure)
    async with engine.begin() as conn:
        await conn.run_sync(metadata.create_all)
    return engine


async def answers(engine: AsyncEngine) -> str:
    """Ask the file for nothing; a failure raises."""
    async with engine.connect() as conn:
        await conn.execute(select(user.c.name).limit(1))
    return ""


def _configure(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def add_code(conn: Connection, code_hash: bytes, name: str, expires_ms: int) -> None:
    """Store a fresh code."""
    conn.execute(insert(code).values(code_hash=code_hash, user=name, expires_ms=expires_ms))


def find_code(conn: Connection, code_hash: bytes) -> CodeRow | None:
    """Return a code by its hash."""
    row = conn.execute(select(code).where(code.c.code_hash == code_hash)).one_or_none()
    return None if row is None else CodeRow(row.user, row.expires_ms, row.device_key, row.entry)


def use_code(conn: Connection, code_hash: bytes, device_key: bytes, entry: bytes) -> bool:
    """Mark a code as used by a device; False where it was used in the meantime (single use, also in a race)."""
    free = (code.c.code_hash == code_hash) & code.c.device_key.is_(None)
    return conn.execute(update(code).where(free).values(device_key=device_key, entry=entry)).rowcount == 1


def has_entry(conn: Connection, device_key: bytes) -> bool:
    """Tell whether an entry was signed for a device key."""
    query = select(code.c.code_hash).where(code.c.device_key == device_key).limit(1)
    return conn.execute(query).one_or_none() is not None


def load_cursor(conn: Connection) -> int:
    """Return the leaf index up to which the archive was compared."""
    return conn.execute(select(compared.c.next_leaf)).scalar() or 0


def save_cursor(conn: Connection, next_leaf: int) -> None:
    """Remember up to where the archive was compared."""
    conn.execute(delete(compared))
    conn.execute(insert(compared).values(id=1, next_leaf=next_leaf))


def salt_of(conn: Connection, name: str, fresh: bytes) -> bytes:
    """Return the user's salt, which is `fresh` for a user who had none: every entry of a user has the same."""
    known: bytes | None = conn.execute(select(user.c.salt).where(user.c.name == name)).scalar()
    if known is None:
        conn.execute(insert(user).values(name=name, salt=fresh))
    return known or fresh
