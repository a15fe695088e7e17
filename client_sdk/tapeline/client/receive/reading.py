"""A session as its reader holds it: the stored row, the open chain, the sender's key."""

from __future__ import annotations

from dataclasses import dataclass

from tapeline.base.rules import Rule, require
from tapeline.base.secret import Secret
from tapeline.client.store.inbox import SessionRow, SessionState
from tapeline.crypto.message.chain import ReceivingChain
from tapeline.directory import ending
from tapeline.directory.ending import Ending
from tapeline.directory.state import DirectoryState


@dataclass(slots=True)
class Reading:
    """One session; the chain is None where nothing is read."""

    row: SessionRow
    chain: ReceivingChain | None = None
    endings: tuple[Ending, ...] = ()
    judged_at: int = -1
    """How many changes of the directory `endings` heeds."""

    @classmethod
    def of(cls, row: SessionRow) -> Reading:
        """Return a session as stored."""
        if row.state is not SessionState.READING or row.chain is None:
            return cls(row)
        return cls(row, ReceivingChain.from_state(Secret(row.chain), row.record_hash))

    def advance(self, message_hash: bytes) -> None:
        """Move past a verified message."""
        self.row.next_index += 1
        self.row.previous = message_hash

    def require_open(self, directory: DirectoryState, leaf_index: int, leaf_time_ms: int) -> None:
        """Refuse under MSG-1 a message after the session's end, as far as the directory is known."""
        in_time = leaf_time_ms < self.row.not_after_ms
        require(in_time, Rule.MSG_SESSION, "The message came after its session ended.")
        if self.row.state is not SessionState.READING:
            return  # what this device sent is no news to it
        if self.judged_at != directory.changes:
            self.endings = ending.endings(directory, self._opened())
            self.judged_at = directory.changes
        ending.require_open(self.endings, leaf_index, leaf_time_ms)

    def _opened(self) -> ending.OpenedSession:
        row = self.row
        return ending.OpenedSession(row.membership, row.device, row.note_size, row.leaf_index, row.not_after_ms)

    def drop(self) -> None:
        """Read nothing more of it, and forget its keys."""
        self.row.state = SessionState.DROPPED
        self.row.view = None
        self.row.unsettled_leaf = self.row.unsettled_ms = 0
        self.chain = None

    def to_row(self) -> SessionRow:
        """Return the row to store, with the chain's state as of now."""
        self.row.chain = None if self.chain is None else self.chain.to_state().reveal()
        return self.row
