"""One message on its way out, and the receipt that it earns."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from tapeline.client.proofs import Logged, Proofs
from tapeline.client.store.outbox import OutboxRow

PATIENCE_SECONDS = 60.0
"""A message is given up only after definitive refusals for so long."""
LEAST_ATTEMPTS = 6


@dataclass(frozen=True, slots=True)
class Receipt:
    """The relay's verified promise that a message is durable.

    Attributes:
        conversation: id, 64 bytes.
        message_id: 16 bytes, inside the content.
        message_hash: 64 bytes; what replies, edits and reactions name.
        record_hash: of the session, 64 bytes.
        index: of the leaf in the archive log.
        sequence: of the leaf in the conversation.
        relay_time_ms: the leaf's time.
    """

    conversation: bytes
    message_id: bytes
    message_hash: bytes
    record_hash: bytes
    index: int
    sequence: int
    relay_time_ms: int
    _leaf: bytes = field(repr=False)
    _proofs: Proofs = field(repr=False, compare=False)

    async def logged(self) -> Logged:
        """Wait until the message's own leaf is proven under a checkpoint that a quorum of witnesses cosigned.

        Raises:
            Refused: REC-22 or REC-23, the proof fails: the log's operator hides or back-dates entries.
        """
        return await self._proofs.wait(self.index, self._leaf)


@dataclass(slots=True, eq=False)
class Outgoing:
    """A row of the outbox with those who wait for it.

    Attributes:
        row: as stored; without a position until it is.
        accepted: resolved with the receipt, or with the error that ended it; None for records and restored rows.
        attempts: how often it was refused for good, or no session for it could be opened.
        first_refused_s: when that happened first, by the loop's clock.
        stored: whether the finished ciphertext is on disk; nothing leaves before.
    """

    row: OutboxRow
    accepted: asyncio.Future[Receipt] | None = None
    attempts: int = 0
    first_refused_s: float | None = None
    stored: bool = False

    def count(self, now_s: float) -> None:
        """Count one more definitive refusal."""
        self.attempts += 1
        if self.first_refused_s is None:
            self.first_refused_s = now_s

    def is_hopeless(self, now_s: float) -> bool:
        """Tell whether it was refused often enough and for long enough: neither a burst nor one sleep decides."""
        since = self.first_refused_s
        return since is not None and self.attempts >= LEAST_ATTEMPTS and now_s - since >= PATIENCE_SECONDS

    def fail(self, error: Exception) -> None:
        """Tell who waits that it will not be sent."""
        if self.accepted is not None and not self.accepted.done():
            self.accepted.set_exception(error)
