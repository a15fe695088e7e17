"""A session as its reader holds it: the stored row, the open chain, the sender's key."""

from __future__ import annotations

from dataclasses import dataclass

from tapeline.base.secret import Secret
from tapeline.client.store.inbox import SessionRow, SessionState
from tapeline.crypto.message.chain import ReceivingChain


@dataclass(slots=True)
class Reading:
    """One session; the chain is None where nothing is read."""

    row: SessionRow
    chain: ReceivingChain | None = None

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

    def drop(self) -> None:
        """Read nothing more of it, and forget its keys."""
        self.row.state = SessionState.DROPPED
        self.row.view = None
        self.chain = None

    def to_row(self) -> SessionRow:
        """Return the row to store, with the chain's state as of now."""
        self.row.chain = None if self.chain is None else self.chain.to_state().reveal()
        return self.row
