"""The local history: every message read or sent, once, and how far the application has come."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from sqlite3 import Connection

from tapeline.client.store import meta

_HANDLED = "application/handled"
_COLUMNS = (
    "conversation, sequence, record_hash, message_index, message_hash, firm, user, device, message_id,"
    " content, leaf_index, relay_time_ms, client_time_ms, position"
)


@dataclass(slots=True)
class MessageRow:
    """One message as stored; `position` counts this store's messages from 1 and is 0 before it is stored."""

    conversation: bytes
    sequence: int
    record_hash: bytes
    message_index: int
    message_hash: bytes
    firm: str
    user: str
    device: bytes
    message_id: bytes
    content: bytes
    leaf_index: int
    relay_time_ms: int
    client_time_ms: int
    position: int = 0


class Added(Enum):
    """What became of a message that was to be stored."""

    NEW = "new"
    REPEAT = "repeat"  # the same message, delivered or sent again: one is kept
    TWICE = "twice"  # its id stands for another content too: both are kept


def add(connection: Connection, row: MessageRow) -> Added:
    """Store a message and set its position, unless the conversation has its content under its sender's id already."""
    known = connection.execute(
        "SELECT conversation, content FROM messages WHERE user = ? AND firm = ? AND message_id = ?",
        (row.user, row.firm, row.message_id),
    ).fetchall()
    if (row.conversation, row.content) in known:
        return Added.REPEAT
    cursor = connection.execute(
        "INSERT OR IGNORE INTO messages (conversation, sequence, record_hash, message_index, message_hash, firm, user,"
        " device, message_id, content, leaf_index, relay_time_ms, client_time_ms)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            row.conversation,
            row.sequence,
            row.record_hash,
            row.message_index,
            row.message_hash,
            row.firm,
            row.user,
            row.device,
            row.message_id,
            row.content,
            row.leaf_index,
            row.relay_time_ms,
            row.client_time_ms,
        ),
    )
    if cursor.rowcount != 1:
        return Added.REPEAT
    row.position = cursor.lastrowid or 0
    return Added.TWICE if known else Added.NEW


def after(connection: Connection, position: int, limit: int) -> list[MessageRow]:
    """Return up to `limit` messages stored after `position`, oldest first."""
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM messages WHERE position > ? ORDER BY position LIMIT ?",  # noqa: S608
        (position, limit),
    )
    return [MessageRow(*row) for row in rows]


def of_conversation(connection: Connection, conversation: bytes, since: int, limit: int) -> list[MessageRow]:
    """Return up to `limit` messages of a conversation from sequence `since` on, in its order."""
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM messages WHERE conversation = ? AND sequence >= ? ORDER BY sequence LIMIT ?",  # noqa: S608
        (conversation, since, limit),
    )
    return [MessageRow(*row) for row in rows]


def first_heard(connection: Connection, conversation: bytes, device: bytes) -> MessageRow | None:
    """Return the conversation's first stored message that another device sent."""
    row = connection.execute(
        f"SELECT {_COLUMNS} FROM messages WHERE conversation = ? AND device <> ? ORDER BY sequence LIMIT 1",  # noqa: S608
        (conversation, device),
    ).fetchone()
    return None if row is None else MessageRow(*row)


def has_spoken(connection: Connection, conversation: bytes, device: bytes) -> bool:
    """Tell whether a device has a message of the conversation in history, or in this store's outbox."""
    row = connection.execute(
        "SELECT EXISTS (SELECT 1 FROM messages WHERE conversation = :conversation AND device = :device)"
        " OR EXISTS (SELECT 1 FROM outbox WHERE conversation = :conversation AND message_id <> x'')",
        {"conversation": conversation, "device": device},
    ).fetchone()
    return bool(row[0])


def handled(connection: Connection) -> int:
    """Return the position up to which the application has handled messages."""
    return meta.get_int(connection, _HANDLED)


def set_handled(connection: Connection, position: int) -> None:
    """Note that the application has handled everything up to `position`; it never goes back."""
    if position > handled(connection):
        meta.put_int(connection, _HANDLED, position)
