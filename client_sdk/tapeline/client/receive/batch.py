"""What one frame of deliveries changes: stored in one transaction, told afterwards."""

from __future__ import annotations

from dataclasses import dataclass, field
from sqlite3 import Connection

from tapeline.base.errors import TapelineError
from tapeline.client.content import RecordingDisclosure
from tapeline.client.errors import MessageIdReused
from tapeline.client.events import Event
from tapeline.client.receive.reading import Reading
from tapeline.client.store import alarms, disclosures, history, inbox, leaves
from tapeline.client.store.alarms import AlarmRow
from tapeline.client.store.history import MessageRow
from tapeline.client.store.inbox import ConversationRow
from tapeline.client.store.leaves import PendingLeaf


@dataclass(slots=True)
class Batch:
    """Changes collected from deliveries; `messages` that were there already are marked by a position of 0.

    `now_ms` dates the alarms that only storing brings up.
    """

    now_ms: int
    conversations: dict[bytes, ConversationRow] = field(default_factory=dict)
    readings: dict[bytes, Reading] = field(default_factory=dict)
    messages: list[MessageRow] = field(default_factory=list)
    pending: list[PendingLeaf] = field(default_factory=list)
    alarms: list[tuple[AlarmRow, TapelineError]] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    memberships: list[tuple[bytes, int]] = field(default_factory=list)
    disclosures: list[tuple[MessageRow, RecordingDisclosure]] = field(default_factory=list)

    def store(self, db: Connection) -> None:
        """Store everything: the cursor moves with what it passed."""
        for conversation in self.conversations.values():
            inbox.put_conversation(db, conversation)
        for reading in self.readings.values():
            inbox.put_session(db, reading.to_row())
        for message in self.messages:
            if history.add(db, message) is history.Added.TWICE:
                self.alarms.append(_used_twice(message, self.now_ms))
        for message, _ in self.disclosures:
            if message.position:
                disclosures.hear(db, message.conversation, message.message_hash)
        leaves.add_pending(db, self.pending)
        for row, _ in self.alarms:
            alarms.add(db, row)


def _used_twice(message: MessageRow, now_ms: int) -> tuple[AlarmRow, TapelineError]:
    cause = "A message id was used twice, for different contents; both are shown."
    error = MessageIdReused(cause, "Ask the sender: an unmodified client never does so.")
    rule = type(error).__name__
    return AlarmRow(now_ms, rule, cause, message.conversation, message.record_hash, message.message_hash), error
