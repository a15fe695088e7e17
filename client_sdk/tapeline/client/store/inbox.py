"""Where each conversation and each session stands: the cursors that move with what they deliver."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from sqlite3 import Connection


class SessionState(Enum):
    """What this device does with a session's messages."""

    READING = "reading"
    OWN = "own"  # this device's own: what it sent is kept at sending
    WITHHELD = "withheld"  # no row for this device
    DROPPED = "dropped"  # its record or a message of it did not verify


REMOVED = b""
"""In place of a membership's hash: this user was removed, or no statement was processed yet."""


@dataclass(slots=True)
class ConversationRow:
    """A conversation's cursor: `next_sequence` is the first sequence that was not processed yet.

    `membership` is the hash of the newest statement processed, or `REMOVED`.
    """

    conversation: bytes
    tag: bytes
    next_sequence: int
    newest_leaf: int
    membership: bytes


@dataclass(slots=True)
class SessionRow:
    """A session seen by this device.

    Attributes:
        state: what is done with it.
        record_hash: 64 bytes.
        conversation: id, 64 bytes.
        device: the sender's entry hash, 64 bytes.
        chain: the receiving chain's state, None where nothing is read.
        next_index: index of the message that must come next.
        previous: hash that it must name.
        not_after_ms: from the context.
        leaf: of the record, encoded.
        leaf_index: of the record.
        view: RecordView bytes, kept until the record was judged at a note that holds its leaf; then None.
        membership, note_size: from the context: what decides when the session ends.
        unsettled_leaf, unsettled_ms: the newest message read while the directory was not known up to its leaf; 0: none.
    """

    state: SessionState
    record_hash: bytes
    conversation: bytes
    device: bytes
    chain: bytes | None
    next_index: int
    previous: bytes
    not_after_ms: int
    leaf: bytes
    leaf_index: int
    view: bytes | None
    membership: bytes = b""
    note_size: int = 0
    unsettled_leaf: int = 0
    unsettled_ms: int = 0

    @property
    def is_settled(self) -> bool:
        """Tell whether the record and every message so far were judged for good."""
        return self.view is None and not self.unsettled_leaf


def load_conversations(connection: Connection) -> list[ConversationRow]:
    """Return every conversation's cursor."""
    rows = connection.execute("SELECT conversation, tag, next_sequence, newest_leaf, membership FROM conversations")
    return [ConversationRow(*row) for row in rows]


def put_conversation(connection: Connection, row: ConversationRow) -> None:
    """Store a cursor, in the transaction that stores what it passed."""
    connection.execute(
        "INSERT OR REPLACE INTO conversations"
        " (conversation, tag, next_sequence, newest_leaf, membership) VALUES (?, ?, ?, ?, ?)",
        (row.conversation, row.tag, row.next_sequence, row.newest_leaf, row.membership),
    )


def load_sessions(connection: Connection) -> list[SessionRow]:
    """Return every session that may still bring messages, however long ago it ended: a cursor may lie inside it."""
    rows = connection.execute(
        "SELECT state, record_hash, conversation, device, chain, next_index, previous, not_after_ms, leaf, leaf_index,"
        " view, membership, note_size, unsettled_leaf, unsettled_ms FROM sessions"
    )
    return [SessionRow(SessionState(state), *rest) for state, *rest in rows]


def put_session(connection: Connection, row: SessionRow) -> None:
    """Store a session; secure_delete overwrites the chain state that it replaces."""
    connection.execute(
        "INSERT OR REPLACE INTO sessions (record_hash, conversation, device, state, chain, next_index, previous,"
        " not_after_ms, leaf, leaf_index, view, membership, note_size, unsettled_leaf, unsettled_ms)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            row.record_hash,
            row.conversation,
            row.device,
            row.state.value,
            row.chain,
            row.next_index,
            row.previous,
            row.not_after_ms,
            row.leaf,
            row.leaf_index,
            row.view,
            row.membership,
            row.note_size,
            row.unsettled_leaf,
            row.unsettled_ms,
        ),
    )


def forget_sessions(connection: Connection, record_hashes: Iterable[bytes]) -> None:
    """Delete sessions, with their chain keys, that no message can come of any more."""
    connection.executemany("DELETE FROM sessions WHERE record_hash = ?", [(one,) for one in record_hashes])
