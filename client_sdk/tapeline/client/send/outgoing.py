"""One message on its way out, and the receipt that it earns."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from tapeline.client.proofs import Logged, Proofs
from tapeline.client.store.outbox import OutboxRow


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
    _proofs: Proofs = field(repr=False, compare=False)

    async def logged(self) -> Logged:
        """Wait until the message is proven under a checkpoint that a quorum of witnesses cosigned.

        Raises:
            Refused: REC-22 or REC-23, the proof fails: the log's operator hides or back-dates entries.
        """
        return await self._proofs.wait(self.index)


@dataclass(slots=True, eq=False)
class Outgoing:
    """A row of the outbox with those who wait for it.

    Attributes:
        row: as stored; without a position until it is.
        accepted: resolved with the receipt, or with the error that ended it; None for records and restored rows.
        attempts: sessions in which it was refused.
        stored: whether the finished ciphertext is on disk; nothing leaves before.
    """

    row: OutboxRow
    accepted: asyncio.Future[Receipt] | None = None
    attempts: int = 0
    stored: bool = False

    def fail(self, error: Exception) -> None:
        """Tell who waits that it will not be sent."""
        if self.accepted is not None and not self.accepted.done():
            self.accepted.set_exception(error)
