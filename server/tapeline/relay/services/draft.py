"""One transaction in the making: what later items of a batch see of the earlier ones, before any is stored."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection

from tapeline.crypto.wire import encode
from tapeline.directory.checked import NUMBERED, text_hash_of
from tapeline.relay.services.conversations import Conversation
from tapeline.relay.services.ledger import Ledger
from tapeline.relay.services.sessions import Session
from tapeline.relay.storage.entries import NewEntry, append_entries
from tapeline.relay.storage.sessions import Fork, MessageRow, SessionRow, add_fork, add_messages, add_sessions
from tapeline.wire.v1.objects_pb2 import Leaf, LeafType


class LogMoved(Exception):
    """Another writer appended to the log; the transaction is rolled back."""


@dataclass(frozen=True, slots=True)
class Placed:
    """An object with the leaf that it got."""

    index: int
    type: LeafType
    conversation: Conversation | None
    sequence: int
    leaf: bytes
    object: bytes


class Draft:
    """Collects leaves and rows; `store` writes them, then `commit` makes them the ledger's, or `rollback` nothing."""

    def __init__(self, ledger: Ledger, now_ms: int) -> None:
        self.ledger = ledger
        # Leaf times never decrease, whatever the clock does (protocol, Session record).
        self.leaf_time_ms = max(now_ms, ledger.last_time_ms)
        self.first_index = ledger.next_index
        self.placed: list[Placed] = []
        self._sequences: dict[bytes, int] = {}
        self._sessions: dict[bytes, Session] = {}
        self._messages: list[MessageRow] = []
        self._forks: list[tuple[Session, Fork]] = []
        self._lengths: dict[bytes, tuple[Session, int]] = {}

    @property
    def next_index(self) -> int:
        """Index that the next leaf gets."""
        return self.first_index + len(self.placed)

    @property
    def is_empty(self) -> bool:
        """Tell whether there is nothing to store."""
        return not self.placed and not self._forks

    def session(self, record_hash: bytes) -> Session | None:
        """Return a session of this draft or of the ledger's cache."""
        return self._sessions.get(record_hash) or self.ledger.sessions.get(record_hash)

    @property
    def new_sessions(self) -> list[SessionRow]:
        """The rows of this draft's sessions."""
        return [session.row for session in self._sessions.values()]

    def place(
        self,
        type_: LeafType,
        obj: bytes,
        object_hash: bytes,
        conversation: Conversation | None = None,
        user_tags: tuple[bytes, ...] = (),
    ) -> Placed:
        """Give the object the log's next leaf and, in a conversation, its next sequence."""
        sequence = 0
        if conversation is not None:
            sequence = self._sequences.get(conversation.id, conversation.next_sequence)
            self._sequences[conversation.id] = sequence + 1
        leaf = Leaf(
            type=type_,
            conversation_tag=conversation.tag if conversation else b"",
            conversation_sequence=sequence,
            user_tags=user_tags,
            object_hash=object_hash,
            relay_time_ms=self.leaf_time_ms,
            # A draft holds one leaf of the directory at most: publishing is a transaction of its own.
            directory_sequence=self.ledger.directory.numbers.next if type_ in NUMBERED else 0,
            text_hash=text_hash_of(type_, obj),
        )
        placed = Placed(self.next_index, type_, conversation, sequence, encode(leaf), obj)
        self.placed.append(placed)
        return placed

    def add_session(self, session: Session) -> None:
        """Add a session whose record was placed."""
        self._sessions[session.row.record_hash] = session

    def add_message(self, session: Session, index: int, leaf_index: int, message_hash: bytes) -> None:
        """Add a message that was placed."""
        self._lengths.setdefault(session.row.record_hash, (session, len(session.hashes)))
        session.hashes.append(message_hash)
        session.leaves.append(leaf_index)
        self._messages.append(MessageRow(session.row.number, index, leaf_index, message_hash))

    def add_fork(self, session: Session, fork: Fork) -> None:
        """Keep evidence of a fork: the first of an index convicts its device, the others would only fill the disk."""
        if fork.index not in session.forked:
            session.forked.add(fork.index)
            self._forks.append((session, fork))

    def store(self, conn: Connection) -> None:
        """Write everything inside the caller's transaction.

        Raises:
            LogMoved: the log does not end where the ledger says.
        """
        if self.placed:
            entries = [
                NewEntry(
                    type=each.type,
                    leaf=each.leaf,
                    object=each.object,
                    conversation=each.conversation.number if each.conversation else None,
                    sequence=each.sequence if each.conversation else None,
                )
                for each in self.placed
            ]
            if not append_entries(conn, entries, self.first_index):
                raise LogMoved
        if self._sessions:
            add_sessions(conn, self.new_sessions)
        if self._messages:
            add_messages(conn, self._messages)
        for session, fork in self._forks:
            add_fork(conn, fork, session.row.sender_device)

    def commit(self) -> None:
        """Let the ledger know what is durable now."""
        ledger = self.ledger
        ledger.next_index = self.next_index
        ledger.last_time_ms = self.leaf_time_ms if self.placed else ledger.last_time_ms
        ledger.next_session += len(self._sessions)
        for session in self._sessions.values():
            ledger.sessions.put(session)
        for each in self.placed:
            if each.conversation is not None:
                each.conversation.next_sequence = each.sequence + 1

    def rollback(self) -> None:
        """Undo what the sessions of the ledger were told."""
        for session, length in self._lengths.values():
            session.cut(length)
        for session, fork in self._forks:
            session.forked.discard(fork.index)
