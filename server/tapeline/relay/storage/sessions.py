"""Sessions and messages: what the order of a session is judged by."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, func, insert, or_, select

from tapeline.directory.ending import OpenedSession
from tapeline.relay.storage.schema import conversation, evidence, message, session

FORKS_OF_DEVICE = 64


@dataclass(frozen=True, slots=True)
class SessionRow:
    """A session as stored; hashes 64 bytes, times in unix milliseconds."""

    number: int
    leaf_index: int
    record_hash: bytes
    session_id: bytes
    reservation: bytes
    cq: bytes
    c0: bytes
    conversation: int
    sender_device: bytes
    membership: bytes
    note_size: int
    leaf_time_ms: int
    not_after_ms: int

    @property
    def opened(self) -> OpenedSession:
        """What decides when the session ends."""
        return OpenedSession(self.membership, self.sender_device, self.note_size, self.leaf_index, self.not_after_ms)


@dataclass(frozen=True, slots=True)
class MessageRow:
    """A message's place; the bytes stand in its entry."""

    session: int
    index: int
    leaf_index: int
    message_hash: bytes


@dataclass(frozen=True, slots=True)
class Fork:
    """A second signed ciphertext at a used place."""

    session: int
    index: int
    message_hash: bytes
    object: bytes
    received_ms: int


_COLUMNS = tuple(SessionRow.__dataclass_fields__)


def add_sessions(conn: Connection, rows: Sequence[SessionRow]) -> None:
    """Store sessions whose entries are appended in the same transaction."""
    conn.execute(insert(session), [{name: getattr(row, name) for name in _COLUMNS} for row in rows])


def add_messages(conn: Connection, rows: Sequence[MessageRow]) -> None:
    """Store the places of messages whose entries are appended in the same transaction."""
    conn.execute(
        insert(message),
        [
            {"session": row.session, "index": row.index, "leaf_index": row.leaf_index, "message_hash": row.message_hash}
            for row in rows
        ],
    )


def add_fork(conn: Connection, fork: Fork, device: bytes) -> None:
    """Keep a fork of a device as evidence: one of each session and index, and no more of a device than convict it."""
    at_index = select(evidence.c.message_hash).where(evidence.c.session == fork.session, evidence.c.index == fork.index)
    of_device = (
        select(func.count())
        .select_from(evidence.join(session, session.c.number == evidence.c.session))
        .where(session.c.sender_device == device)
    )
    if conn.execute(at_index).first() is None and (conn.execute(of_device).scalar() or 0) < FORKS_OF_DEVICE:
        conn.execute(
            insert(evidence).values(
                message_hash=fork.message_hash,
                session=fork.session,
                index=fork.index,
                object=fork.object,
                received_ms=fork.received_ms,
            )
        )


def next_session_number(conn: Connection) -> int:
    """Return the row number of the next session."""
    last: int | None = conn.execute(select(func.max(session.c.number))).scalar()
    return 1 if last is None else last + 1


def read_sessions(conn: Connection, record_hashes: Collection[bytes]) -> list[tuple[SessionRow, bytes]]:
    """Return sessions by record hash, each with its conversation's id."""
    columns = [session.c[name] for name in _COLUMNS]
    query = select(*columns, conversation.c.id).join(conversation, conversation.c.number == session.c.conversation)
    found = conn.execute(query.where(session.c.record_hash.in_(record_hashes)))
    return [(SessionRow(*row[:-1]), row[-1]) for row in found]


def find_reuse(conn: Connection, rows: Collection[SessionRow]) -> list[tuple[bytes, bytes, bytes, bytes]]:
    """Return (session id, reservation, cq, C0) of stored sessions that share one of them with any of `rows`."""
    wanted = [session.c.session_id, session.c.reservation, session.c.cq, session.c.c0]
    shared = or_(*(column.in_([getattr(row, column.name) for row in rows]) for column in wanted))
    return [(row[0], row[1], row[2], row[3]) for row in conn.execute(select(*wanted).where(shared))]


def read_messages(conn: Connection, numbers: Collection[int]) -> list[MessageRow]:
    """Return all messages of sessions by row number, in order of index."""
    columns = (message.c.session, message.c.index, message.c.leaf_index, message.c.message_hash)
    query = select(*columns).where(message.c.session.in_(numbers)).order_by(message.c.session, message.c.index)
    return [MessageRow(*row) for row in conn.execute(query)]
