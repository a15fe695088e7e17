"""Looking up cosigned notes by their size."""

from __future__ import annotations

from sqlalchemy import Connection, select

from tapeline.relay.storage.schema import archive


def cosigned_of_size(conn: Connection, size: int) -> bytes | None:
    """Return the newest cosigned note of exactly that size."""
    note = archive.note
    query = select(note.c.note).where(note.c.size == size, note.c.is_cosigned.is_(True))
    found: bytes | None = conn.execute(query.order_by(note.c.id.desc()).limit(1)).scalar()
    return found
