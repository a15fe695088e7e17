"""The log's tables and the functions over them; each runs inside the caller's own transaction."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    func,
    insert,
    select,
    text,
    update,
)

from tapeline.base.errors import MalformedInput, NotFound
from tapeline.transparency.merkle import HASH_BYTES, leaf_hash
from tapeline.transparency.tiles import MAX_ENTRY_BYTES, TILE_WIDTH, TileId, grow

_BATCH = 64 * TILE_WIDTH


@dataclass(frozen=True, slots=True)
class LogTables:
    """The three tables of one log."""

    leaf: Table
    tile: Table
    note: Table


def log_tables(metadata: MetaData, prefix: str = "log") -> LogTables:
    """Add a log's tables to `metadata`; a database that keeps several logs gives each a prefix.

    A tile has one row, which widens until it is full: narrower partial tiles are its beginning.
    """
    return LogTables(
        leaf=Table(
            f"{prefix}_leaf",
            metadata,
            Column("index", BigInteger, primary_key=True, autoincrement=False),
            Column("leaf_hash", LargeBinary(HASH_BYTES), nullable=False),
            Column("data", LargeBinary, nullable=False),
        ),
        tile=Table(
            f"{prefix}_tile",
            metadata,
            Column("level", Integer, primary_key=True, autoincrement=False),
            Column("tile_index", BigInteger, primary_key=True, autoincrement=False),
            Column("width", Integer, nullable=False),
            Column("data", LargeBinary, nullable=False),
        ),
        note=Table(
            f"{prefix}_note",
            metadata,
            # SQLite numbers rows by itself only where the key is a plain INTEGER.
            Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
            Column("size", BigInteger, nullable=False, index=True),
            Column("note", LargeBinary, nullable=False),
            Column("is_cosigned", Boolean, nullable=False),
            Column("created_ms", BigInteger, nullable=False),
        ),
    )


def lock_log(conn: Connection, tables: LogTables) -> None:
    """Let one transaction at a time give out indices.

    PostgreSQL: an advisory lock until the transaction's end, so that replicas queue instead of colliding.
    SQLite has one writer anyway; within a process the callers share one `asyncio.Lock`.
    """
    if conn.dialect.name == "postgresql":
        conn.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": zlib.crc32(tables.leaf.name.encode())})


def log_size(conn: Connection, tables: LogTables) -> int:
    """Return the number of leaves, those not yet under a checkpoint included."""
    last: int | None = conn.execute(select(func.max(tables.leaf.c.index))).scalar_one()
    return 0 if last is None else last + 1


def append_leaves(conn: Connection, tables: LogTables, entries: Sequence[bytes]) -> int:
    """Append entries in the caller's transaction, so that leaf and record commit together; return the first index.

    Raises:
        MalformedInput: an entry longer than a bundle can hold, 65,535 bytes.
    """
    if any(len(entry) > MAX_ENTRY_BYTES for entry in entries):
        raise MalformedInput("A log entry is too large.", "Log a hash of the object instead.")
    lock_log(conn, tables)
    first = log_size(conn, tables)
    if entries:
        rows = [
            {"index": first + place, "leaf_hash": leaf_hash(entry), "data": entry}
            for place, entry in enumerate(entries)
        ]
        conn.execute(insert(tables.leaf), rows)
    return first


def read_leaf(conn: Connection, tables: LogTables, index: int) -> bytes:
    """Return one entry.

    Raises:
        NotFound: no such leaf.
    """
    data: bytes | None = conn.execute(select(tables.leaf.c.data).where(tables.leaf.c.index == index)).scalar()
    if data is None:
        raise NotFound("The log has no such leaf.", "Ask for an index below the log's size.")
    return data


def read_leaves(conn: Connection, tables: LogTables, start: int, count: int) -> list[bytes]:
    """Return up to `count` entries from index `start` on, fewer at the log's end."""
    column = tables.leaf.c.index
    query = select(tables.leaf.c.data).where(column >= start, column < start + count).order_by(column)
    return list(conn.execute(query).scalars())


def read_leaf_hashes(conn: Connection, tables: LogTables, start: int, count: int) -> list[bytes]:
    """Return up to `count` leaf hashes from index `start` on."""
    column = tables.leaf.c.index
    query = select(tables.leaf.c.leaf_hash).where(column >= start, column < start + count).order_by(column)
    return list(conn.execute(query).scalars())


class SqlTiles:
    """The `HashReader` over the tile table."""

    def __init__(self, conn: Connection, tables: LogTables) -> None:
        self._conn = conn
        self._tile = tables.tile

    def read_tile(self, level: int, index: int, width: int) -> bytes:
        """Return the tile's first `width` hashes; raise NotFound where it is not stored so far."""
        query = select(self._tile.c.data).where(self._tile.c.level == level, self._tile.c.tile_index == index)
        data: bytes | None = self._conn.execute(query).scalar()
        if data is None or len(data) < width * HASH_BYTES:
            raise NotFound("The log has no such tile.", "Fetch a checkpoint first.")
        return data[: width * HASH_BYTES]


def integrated_size(conn: Connection, tables: LogTables) -> int:
    """Return how many leaves the tiles hold."""
    tile = tables.tile
    query = select(tile.c.tile_index, tile.c.width).where(tile.c.level == 0).order_by(tile.c.tile_index.desc()).limit(1)
    last = conn.execute(query).one_or_none()
    return 0 if last is None else last.tile_index * TILE_WIDTH + last.width


def integrate(conn: Connection, tables: LogTables) -> int:
    """Work all leaves into tiles and return the log's size."""
    lock_log(conn, tables)
    size = integrated_size(conn, tables)
    # In batches, so that memory does not grow with what has piled up.
    while hashes := read_leaf_hashes(conn, tables, size, _BATCH):
        _write_tiles(conn, tables, grow(SqlTiles(conn, tables), size, hashes))
        size += len(hashes)
    return size


def _write_tiles(conn: Connection, tables: LogTables, tiles: Iterable[tuple[TileId, bytes]]) -> None:
    tile = tables.tile
    for where, data in tiles:
        widen = update(tile).where(tile.c.level == where.level, tile.c.tile_index == where.index)
        if conn.execute(widen.values(width=where.width, data=data)).rowcount == 0:
            row = {"level": where.level, "tile_index": where.index, "width": where.width, "data": data}
            conn.execute(insert(tile), row)
