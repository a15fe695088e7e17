"""Where every conversation and session stands, in memory: the receiving side moves it, the sending side asks."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from sqlite3 import Connection

from tapeline.client.device import Device
from tapeline.client.receive.reading import Reading
from tapeline.client.store import inbox
from tapeline.client.store.inbox import ConversationRow, SessionRow, SessionState
from tapeline.crypto.limits import NOTE_AGE_MS
from tapeline.wire.v1.relay_pb2 import Cursor, Subscribe


class Inbox:
    """Cursors of conversations and sessions by record hash (`send.lane.Places`)."""

    def __init__(self, device: Device) -> None:
        self._device = device
        self.conversations: dict[bytes, ConversationRow] = {}
        self.readings: dict[bytes, Reading] = {}

    async def restore(self) -> None:
        """Load what the store holds."""
        conversations, sessions = await self._device.database.run(
            lambda db: (inbox.load_conversations(db), inbox.load_sessions(db))
        )
        self.conversations = {row.conversation: row for row in conversations}
        # An own session may be known here before the transaction that stores it: it is kept.
        fresh = {key: one for key, one in self.readings.items() if one.row.state is SessionState.OWN}
        self.readings = fresh | {row.record_hash: Reading.of(row) for row in sessions}

    async def forget_ended(self, note_time_ms: int) -> None:
        """Drop sessions, chain keys first, that ended well before a note whose leaves were all processed."""
        limit = note_time_ms - NOTE_AGE_MS
        ended = [key for key, one in self.readings.items() if one.row.not_after_ms < limit and one.row.is_settled]
        if ended:
            await self._device.database.run(partial(inbox.forget_sessions, record_hashes=ended))
            for key in ended:
                self.readings.pop(key, None)

    def subscription(self) -> Subscribe:
        """Return the cursors to go on from."""
        rows = self.conversations.values()
        cursors = [Cursor(conversation=row.conversation, next_sequence=row.next_sequence) for row in rows]
        return Subscribe(cursors=cursors)

    def newest_leaf(self, conversation: bytes) -> int:
        """Return the highest leaf index seen in the conversation."""
        row = self.conversations.get(conversation)
        return 0 if row is None else row.newest_leaf

    def sequence(self, conversation: bytes) -> int | None:
        """Return the highest conversation sequence seen."""
        row = self.conversations.get(conversation)
        return None if row is None else row.next_sequence - 1

    def tag(self, conversation: bytes) -> bytes | None:
        """Return the tag that the conversation's leaves carry here."""
        row = self.conversations.get(conversation)
        return None if row is None else row.tag

    def add_own_session(
        self, conversation: bytes, record_hash: bytes, not_after_ms: int
    ) -> Callable[[Connection], None]:
        """Take note of a session that this device opened, so that its echo is known; return the job that stores it."""
        row = SessionRow(
            state=SessionState.OWN,
            record_hash=record_hash,
            conversation=conversation,
            device=self._device.entry.entry_hash,
            chain=None,
            next_index=0,
            previous=record_hash,
            not_after_ms=not_after_ms,
            leaf=b"",
            leaf_index=0,
            view=None,
        )
        self.readings[record_hash] = Reading(row)
        return partial(inbox.put_session, row=row)
