"""Where deliveries come from: a bounded memory of the newest entries, and the database behind it."""

from __future__ import annotations

from collections import OrderedDict

from sqlalchemy.ext.asyncio import AsyncEngine

from tapeline.base.errors import StateError
from tapeline.relay.delivery.entry import LiveEntry
from tapeline.relay.services.acks import Acknowledger
from tapeline.relay.services.conversations import Conversation
from tapeline.relay.storage.entries import read_conversation_entries

MAX_ENTRIES = 16_384
MAX_BYTES = 64 * 1024 * 1024


class Source:
    """Reads a conversation's entries; a slow reader costs no memory, since it simply finds them in the database."""

    def __init__(self, engine: AsyncEngine, acknowledger: Acknowledger) -> None:
        self._engine = engine
        self._acknowledger = acknowledger
        self._recent: OrderedDict[tuple[bytes, int], LiveEntry] = OrderedDict()
        self._bytes = 0

    def remember(self, entry: LiveEntry) -> None:
        """Keep an entry for the readers that are at the conversation's end; the oldest ones go."""
        self._recent[entry.conversation, entry.sequence] = entry
        self._bytes += len(entry.object)
        while len(self._recent) > MAX_ENTRIES or self._bytes > MAX_BYTES:
            _, gone = self._recent.popitem(last=False)
            self._bytes -= len(gone.object)

    async def read(self, conversation: Conversation, first: int, last: int) -> list[LiveEntry]:
        """Return entries from sequence `first` on, in order, at least one and none beyond `last`."""
        found: list[LiveEntry] = []
        for sequence in range(first, last + 1):
            entry = self._recent.get((conversation.id, sequence))
            if entry is None:
                break
            found.append(entry)
        found = found or await self._read_stored(conversation, first, last)
        if not found:
            raise StateError("The archive lacks an entry that it has acknowledged.", "Restore it from its backup.")
        return found

    async def _read_stored(self, conversation: Conversation, first: int, last: int) -> list[LiveEntry]:
        async with self._engine.connect() as conn:
            stored = await conn.run_sync(read_conversation_entries, conversation.number, first, last + 1 - first)
        return [
            LiveEntry(
                conversation=conversation.id,
                sequence=first + place,
                type=entry.type,
                ack=self._acknowledger.ack(entry.index, entry.leaf),
                object=entry.object,
            )
            for place, entry in enumerate(stored)
        ]
