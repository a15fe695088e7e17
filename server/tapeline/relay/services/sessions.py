"""Open sessions in memory: where each stands, taken from the database when it is first asked for."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field

from sqlalchemy import Connection

from tapeline.directory.ending import Ending
from tapeline.relay.storage.sessions import SessionRow, read_messages, read_sessions

MAX_CACHED = 8192


@dataclass(slots=True)
class Session:
    """A stored session and the messages it has so far, in order of their index."""

    row: SessionRow
    conversation: bytes
    hashes: list[bytes] = field(default_factory=list)
    leaves: list[int] = field(default_factory=list)
    judged_at: int = -1
    """The directory's generation that `endings` are of."""
    endings: tuple[Ending, ...] = ()
    """What ends the session."""
    forked: set[int] = field(default_factory=set)
    """Indices with a fork that is kept as evidence."""

    @property
    def previous(self) -> bytes:
        """What the next message must name as previous: the last message's hash, or the record's at index 0."""
        return self.hashes[-1] if self.hashes else self.row.record_hash

    def cut(self, count: int) -> None:
        """Forget all but the first `count` messages: those of a transaction that failed."""
        del self.hashes[count:], self.leaves[count:]


class SessionCache:
    """Recently used sessions by record hash."""

    def __init__(self) -> None:
        self._cached: OrderedDict[bytes, Session] = OrderedDict()

    def get(self, record_hash: bytes) -> Session | None:
        """Return a cached session; one that is not cached must be loaded first."""
        session = self._cached.get(record_hash)
        if session is not None:
            self._cached.move_to_end(record_hash)
        return session

    def put(self, session: Session) -> None:
        """Cache a session; the least recently used one goes where there are too many."""
        self._cached[session.row.record_hash] = session
        if len(self._cached) > MAX_CACHED:
            self._cached.popitem(last=False)

    def missing(self, record_hashes: Iterable[bytes]) -> list[bytes]:
        """Return which of these would have to be loaded."""
        return [each for each in dict.fromkeys(record_hashes) if each not in self._cached]

    def clear(self) -> None:
        """Forget everything; the database knows."""
        self._cached.clear()


def load_sessions(conn: Connection, record_hashes: list[bytes]) -> list[Session]:
    """Read sessions with their messages; unknown ones are left out."""
    sessions = {row.number: Session(row, conversation) for row, conversation in read_sessions(conn, record_hashes)}
    for message in read_messages(conn, sessions):
        sessions[message.session].hashes.append(message.message_hash)
        sessions[message.session].leaves.append(message.leaf_index)
    return list(sessions.values())
