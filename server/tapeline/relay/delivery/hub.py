"""Who is told of a new leaf: the streams of those who may see it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from tapeline.relay.delivery.entry import LiveEntry
from tapeline.relay.delivery.source import Source
from tapeline.relay.delivery.subscription import Subscription
from tapeline.relay.services.conversations import Person
from tapeline.relay.services.draft import Placed
from tapeline.relay.services.ledger import Ledger
from tapeline.wire.v1.objects_pb2 import Ack, LeafType


class Hub:
    """Subscriptions by person and by conversation."""

    def __init__(self, ledger: Ledger, source: Source) -> None:
        self._ledger, self._source = ledger, source
        self._of_person: dict[Person, set[Subscription]] = {}
        self._of_conversation: dict[bytes, set[Subscription]] = {}
        self._streams: set[asyncio.Event] = set()

    @contextmanager
    def stream(self, wake: asyncio.Event) -> Iterator[None]:
        """Wake a stream for checkpoints and the relay's stop, while inside; subscribed or not."""
        self._streams.add(wake)
        try:
            yield
        finally:
            self._streams.discard(wake)

    def add(self, subscription: Subscription, cursors: Mapping[bytes, int]) -> None:
        """Start a subscription."""
        self._of_person.setdefault(subscription.person, set()).add(subscription)
        for conversation in self._ledger.conversations.of(subscription.person):
            self._of_conversation.setdefault(conversation.id, set()).add(subscription)
        subscription.start(cursors)

    def remove(self, subscription: Subscription) -> None:
        """End a subscription."""
        self._of_person.get(subscription.person, set()).discard(subscription)
        for conversation in self._ledger.conversations.of(subscription.person):
            self._of_conversation.get(conversation.id, set()).discard(subscription)

    def deliver(self, committed: Sequence[tuple[Placed, Ack]]) -> None:
        """Remember committed entries and wake their readers; called by the writer after its transaction."""
        touched: dict[bytes, None] = {}
        for placed, ack in committed:
            if placed.conversation is None:
                continue
            identifier = placed.conversation.id
            self._source.remember(LiveEntry(identifier, placed.sequence, placed.type, ack, placed.object))
            touched[identifier] = None
            if placed.type == LeafType.LEAF_TYPE_MEMBERSHIP:
                self._join(identifier)
        for identifier in touched:
            for subscription in self._of_conversation.get(identifier, ()):
                subscription.notice(identifier)

    def devices_changed(self, person: Person, size: int) -> None:
        """Tell those who talk with a person that the person's devices changed below a size of the log.

        It lets them seal to a device that joined before they are refused, and to one that was revoked no more.
        """
        for conversation in self._ledger.conversations.of(person):
            if person in conversation.newest.people:
                for subscription in self._of_conversation.get(conversation.id, ()):
                    subscription.directory_size = size
                    subscription.wake.set()

    def wake_all(self) -> None:
        """Wake every stream: there is a new checkpoint, or the relay stops."""
        for wake in self._streams:
            wake.set()

    def _join(self, identifier: bytes) -> None:
        conversation = self._ledger.conversations.get(identifier)
        if conversation is None:
            return
        readers = self._of_conversation.setdefault(identifier, set())
        for person in conversation.newest.people:
            readers.update(self._of_person.get(person, ()))
