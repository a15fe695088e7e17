"""One stream's place in every conversation of its user."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from tapeline.relay.delivery.entry import LiveEntry
from tapeline.relay.delivery.source import Source
from tapeline.relay.services.conversations import Conversation, Person
from tapeline.relay.services.ledger import Ledger
from tapeline.wire.v1.relay_pb2 import Delivery

FRAME_DELIVERIES = 64
FRAME_BYTES = 2 * 1024 * 1024
"""A frame is closed once it holds so much: with one record or message more it stays below gRPC's default 4 MiB."""


class Subscription:
    """Cursors, and which conversations have something new; it holds no entries, so it cannot grow with them."""

    def __init__(self, ledger: Ledger, source: Source, person: Person, device: bytes, wake: asyncio.Event) -> None:
        self._ledger, self._source = ledger, source
        self.person, self._device = person, device
        self.wake = wake
        self.directory_size = 0
        self._cursors: dict[bytes, int] = {}
        self._dirty: dict[bytes, None] = {}

    def start(self, cursors: Mapping[bytes, int]) -> None:
        """Take the reader's cursors; conversations that it does not name start from the member's first leaf."""
        self._cursors.update(cursors)
        for conversation in self._ledger.conversations.of(self.person):
            self._dirty[conversation.id] = None
        self.wake.set()

    def notice(self, conversation: bytes) -> None:
        """Note that the conversation has a new leaf."""
        self._dirty[conversation] = None
        self.wake.set()

    @property
    def is_caught_up(self) -> bool:
        """Tell whether nothing is left to deliver."""
        return not self._dirty

    async def take(self) -> list[Delivery]:
        """Return the next deliveries, at most a frame's; none where the reader is caught up."""
        taken: list[Delivery] = []
        size = 0
        while self._dirty and len(taken) < FRAME_DELIVERIES and size < FRAME_BYTES:
            conversation = self._ledger.conversations.get(next(iter(self._dirty)))
            entries = await self._next(conversation, FRAME_DELIVERIES - len(taken)) if conversation else []
            if conversation is None or not entries:
                continue
            device = self._ledger.directory.device(self._device)
            for entry in entries:
                await entry.load()
                delivery = entry.delivery_for(device)
                taken.append(delivery)
                size += delivery.ByteSize()
                self._cursors[conversation.id] = entry.sequence + 1
                if size >= FRAME_BYTES:
                    break
            # To the end of the line, so that a busy conversation does not keep the others waiting.
            self._dirty.pop(conversation.id, None)
            self._dirty[conversation.id] = None
        return taken

    async def _next(self, conversation: Conversation, limit: int) -> list[LiveEntry]:
        """Return the next visible entries; none where there is nothing more for now, and then it is not dirty."""
        visible = conversation.next_visible(self.person, self._cursors.get(conversation.id, 0))
        if visible is not None:
            first, removed = visible
            end = conversation.next_sequence - 1 if removed is None else removed
            if first <= end:
                return await self._source.read(conversation, first, min(end, first + limit - 1))
        # Nothing was awaited since the check, so no notice is lost here.
        self._dirty.pop(conversation.id, None)
        return []
