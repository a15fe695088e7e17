"""The notes that a log has signed and had cosigned."""

from __future__ import annotations

from sqlalchemy import Connection, delete, insert, select

from tapeline.tlog.storage import LogTables

NOTES_A_READ = 16


def store_signed(conn: Connection, tables: LogTables, size: int, note: bytes, now_ms: int) -> None:
    """Keep the newest note that the log signed; it is stored before any witness sees it."""
    table = tables.note
    conn.execute(delete(table).where(table.c.is_cosigned.is_(False)))
    conn.execute(insert(table).values(size=size, note=note, is_cosigned=False, created_ms=now_ms))


def store_cosigned(conn: Connection, tables: LogTables, size: int, note: bytes, now_ms: int) -> None:
    """Keep a cosigned note: of each size the first, which dates its leaves, and the newest, which is fresh."""
    table = tables.note
    same_size = (table.c.size == size, table.c.is_cosigned.is_(True))
    earlier = list(conn.execute(select(table.c.id).where(*same_size).order_by(table.c.id)).scalars())
    if len(earlier) > 1:
        conn.execute(delete(table).where(table.c.id.in_(earlier[1:])))
    conn.execute(insert(table).values(size=size, note=note, is_cosigned=True, created_ms=now_ms))


def last_signed(conn: Connection, tables: LogTables) -> bytes | None:
    """Return the newest note that the log signed, cosigned or not."""
    query = select(tables.note.c.note).where(tables.note.c.is_cosigned.is_(False))
    return conn.execute(query.order_by(tables.note.c.id.desc()).limit(1)).scalar()


def last_cosigned(conn: Connection, tables: LogTables) -> bytes | None:
    """Return the newest cosigned note."""
    query = select(tables.note.c.note).where(tables.note.c.is_cosigned.is_(True))
    return conn.execute(query.order_by(tables.note.c.id.desc()).limit(1)).scalar()


def cosigned_with(conn: Connection, tables: LogTables, index: int, after: int = 0) -> list[tuple[int, bytes]]:
    """Return up to 16 cosigned notes whose log holds the leaf at `index`, oldest first, each with its number.

    Args:
        conn: within a transaction.
        tables: the log's.
        index: of the leaf.
        after: number of the last note seen; 0 begins.
    """
    table = tables.note
    query = select(table.c.id, table.c.note).where(
        table.c.is_cosigned.is_(True), table.c.size > index, table.c.id > after
    )
    return [(row.id, row.note) for row in conn.execute(query.order_by(table.c.id).limit(NOTES_A_READ))]
