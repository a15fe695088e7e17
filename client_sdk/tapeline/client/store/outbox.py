"""The outbox: what was given to send and is not acknowledged yet, in order.

A row starts as content under a message id; sealing adds the finished ciphertext, which every retry repeats byte for
byte; only a definitive refusal empties it again, for another session.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from sqlite3 import Connection

_COLUMNS = "conversation, message_id, content, sealed, record_hash, message_index, message_hash, position"


@dataclass(slots=True)
class OutboxRow:
    """One row; a session record has neither message id nor content nor index.

    Attributes:
        position: order of sending; 0 until stored.
        conversation: id, 64 bytes.
        message_id: 16 random bytes, also inside the content.
        content: Content, encoded.
        sealed: SessionRecord or Message as sent; empty while no session is open.
        record_hash: of the session; empty with `sealed`.
        message_index: in the session; -1 where not sealed or a record.
        message_hash: empty where not sealed or a record.
    """

    conversation: bytes
    message_id: bytes = b""
    content: bytes = b""
    sealed: bytes = b""
    record_hash: bytes = b""
    message_index: int = -1
    message_hash: bytes = b""
    position: int = 0

    @property
    def is_record(self) -> bool:
        """Tell whether the row is a session record."""
        return not self.message_id


def add(connection: Connection, row: OutboxRow) -> int:
    """Append a row and return its position."""
    cursor = connection.execute(
        "INSERT INTO outbox (conversation, message_id, content, sealed, record_hash, message_index, message_hash)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            row.conversation,
            row.message_id,
            row.content,
            row.sealed,
            row.record_hash,
            row.message_index,
            row.message_hash,
        ),
    )
    return cursor.lastrowid or 0


def set_sealed(connection: Connection, rows: Iterable[OutboxRow]) -> None:
    """Store the finished ciphertexts of rows that have their position."""
    connection.executemany(
        "UPDATE outbox SET sealed = ?, record_hash = ?, message_index = ?, message_hash = ? WHERE position = ?",
        [(row.sealed, row.record_hash, row.message_index, row.message_hash, row.position) for row in rows],
    )


def unseal(connection: Connection, positions: Iterable[int]) -> None:
    """Empty the ciphertexts of rows whose session the relay refused: they will be sealed again elsewhere."""
    connection.executemany(
        "UPDATE outbox SET sealed = x'', record_hash = x'', message_index = -1, message_hash = x'' WHERE position = ?",
        [(position,) for position in positions],
    )


def remove(connection: Connection, positions: Iterable[int]) -> None:
    """Delete rows that are acknowledged or given up."""
    connection.executemany("DELETE FROM outbox WHERE position = ?", [(position,) for position in positions])


def load_all(connection: Connection) -> list[OutboxRow]:
    """Return all rows in order of sending: records first, as a record may be younger than what it made sealable."""
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM outbox ORDER BY message_id <> x'', position"  # noqa: S608 - no outside text
    )
    return [OutboxRow(*row) for row in rows]
