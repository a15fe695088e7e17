"""What a lane stores: each job is one transaction of the outbox."""

from __future__ import annotations

from collections.abc import Callable
from sqlite3 import Connection

from tapeline.client.send.outgoing import Outgoing
from tapeline.client.session.opener import Opened
from tapeline.client.store import outbox, stock
from tapeline.client.store.outbox import OutboxRow


def unseal(row: OutboxRow) -> None:
    """Take back what sealed a message: it is sealed anew in another session."""
    row.sealed, row.record_hash, row.message_index, row.message_hash = b"", b"", -1, b""


def store(db: Connection, rows: list[OutboxRow]) -> None:
    """Store messages, or the ciphertexts of those that are stored already."""
    for row in rows:
        if not row.position:
            row.position = outbox.add(db, row)
        else:
            outbox.set_sealed(db, [row])


def store_record(db: Connection, row: OutboxRow, opened: Opened, own: Callable[[Connection], None]) -> None:
    """Store a session's record with all that it changes."""
    # Used reservation out, record in: one transaction (protocol, Reservation), so no q can serve two records.
    stock.remove(db, opened.reservation)
    row.position = outbox.add(db, row)
    own(db)


def undo(db: Connection, records: list[Outgoing], messages: list[Outgoing]) -> None:
    """Forget refused records, and the ciphertexts of the messages that went down with them."""
    outbox.remove(db, [one.row.position for one in records])
    outbox.unseal(db, [one.row.position for one in messages])
