"""What a review reads: sessions of a window, records by hash, messages of sessions; and what its gate remembers."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import Connection, Select, delete, insert, select

from tapeline.governance.gate_input import AgentMemory
from tapeline.relay.storage.schema import archive, audit_seen, conversation, entry, message, session


@dataclass(frozen=True, slots=True)
class StoredSession:
    """A session's record with its place in the log."""

    number: int
    leaf_index: int
    leaf: bytes
    record: bytes


def read_sessions_of_window(
    conn: Connection, from_ms: int, to_ms: int, below: int, conversations: Collection[bytes], limit: int
) -> list[StoredSession]:
    """Return the sessions that meet a window of relay time, in log order; of the conversations only, if any is given.

    A session lasts from its leaf to the not-after of its context (governance, Scope).
    """
    query = _sessions().where(
        session.c.leaf_time_ms <= to_ms, session.c.not_after_ms >= from_ms, session.c.leaf_index < below
    )
    if conversations:
        query = query.join(conversation, conversation.c.number == session.c.conversation)
        query = query.where(conversation.c.id.in_(conversations))
    rows = conn.execute(query.order_by(session.c.leaf_index).limit(limit))
    return [StoredSession(*row) for row in rows]


def read_sessions_by_hash(conn: Connection, record_hashes: Collection[bytes], below: int) -> list[StoredSession]:
    """Return sessions by record hash whose leaves lie below an index."""
    query = _sessions().where(session.c.record_hash.in_(record_hashes), session.c.leaf_index < below)
    return [StoredSession(*row) for row in conn.execute(query.order_by(session.c.leaf_index))]


def read_message_leaves(conn: Connection, number: int, below: int) -> list[bytes]:
    """Return the leaves of a session's messages."""
    query = (
        select(archive.leaf.c.data)
        .join(message, message.c.leaf_index == archive.leaf.c.index)
        .where(message.c.session == number, message.c.leaf_index < below)
    )
    return list(conn.execute(query).scalars())


def read_session_messages(conn: Connection, record_hash: bytes, below: int) -> list[tuple[int, bytes, bytes]]:
    """Return (leaf index, leaf, message) of a session's messages, in order."""
    query = (
        select(message.c.leaf_index, archive.leaf.c.data, entry.c.object)
        .join(session, session.c.number == message.c.session)
        .join(entry, entry.c.leaf_index == message.c.leaf_index)
        .join(archive.leaf, archive.leaf.c.index == message.c.leaf_index)
        .where(session.c.record_hash == record_hash, message.c.leaf_index < below)
        .order_by(message.c.index)
    )
    return [(row[0], row[1], row[2]) for row in conn.execute(query)]


def read_memory(conn: Connection, firm: str) -> AgentMemory:
    """Return what the relay's gate remembers of a firm's audit log."""
    row = conn.execute(select(audit_seen).where(audit_seen.c.firm == firm)).one_or_none()
    if row is None:
        return AgentMemory()
    return AgentMemory(audit_size=row.size, audit_root=row.root, last_time_ms=row.time_ms)


def write_memory(conn: Connection, firm: str, memory: AgentMemory) -> None:
    """Remember the checkpoint and time that the gate saw."""
    conn.execute(delete(audit_seen).where(audit_seen.c.firm == firm))
    conn.execute(
        insert(audit_seen).values(
            firm=firm, size=memory.audit_size, root=memory.audit_root, time_ms=memory.last_time_ms
        )
    )


def _sessions() -> Select[int, int, bytes, bytes]:
    columns = (session.c.number, session.c.leaf_index, archive.leaf.c.data, entry.c.object)
    return (
        select(*columns)
        .join(entry, entry.c.leaf_index == session.c.leaf_index)
        .join(archive.leaf, archive.leaf.c.index == session.c.leaf_index)
    )
