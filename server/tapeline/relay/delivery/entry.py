"""One leaf of a conversation, ready to be delivered; what is the same for all receivers is made once."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from tapeline.crypto.record.facts import DeviceFact
from tapeline.crypto.record.parse import ParsedRecord, parse_record
from tapeline.crypto.record.view import view_for
from tapeline.relay.services.preparing import SMALL_BYTES
from tapeline.wire.v1.objects_pb2 import Ack, LeafType
from tapeline.wire.v1.relay_pb2 import Delivery


@dataclass(slots=True)
class LiveEntry:
    """A durable leaf of a conversation with its object."""

    conversation: bytes
    sequence: int
    type: LeafType
    ack: Ack
    object: bytes
    _shared: Delivery | None = field(default=None)
    _record: ParsedRecord | None = field(default=None)

    async def load(self) -> None:
        """Decode a large record in a thread, once, so that delivering it holds nobody up."""
        if self.type == LeafType.LEAF_TYPE_SESSION and self._record is None and len(self.object) > SMALL_BYTES:
            self._record = await asyncio.to_thread(parse_record, self.object)

    def delivery_for(self, device: DeviceFact) -> Delivery:
        """Return what a device gets: of a record its own view, and of its own or a foreign one none."""
        if self.type != LeafType.LEAF_TYPE_SESSION:
            self._shared = self._shared or self._deliver_shared()
            return self._shared
        self._record = self._record or parse_record(self.object)
        record = self._record
        if record.sender_device == device.device.entry_hash:
            return Delivery(ack=self.ack, conversation=self.conversation, record_view=b"")
        view = view_for(record, {fact.prekey.prekey_hash for fact in device.prekeys})
        if view is None:
            return Delivery(ack=self.ack, conversation=self.conversation, withheld=record.header.encoded)
        return Delivery(ack=self.ack, conversation=self.conversation, record_view=view)

    def _deliver_shared(self) -> Delivery:
        if self.type == LeafType.LEAF_TYPE_MEMBERSHIP:
            return Delivery(ack=self.ack, conversation=self.conversation, membership=self.object)
        return Delivery(ack=self.ack, conversation=self.conversation, message=self.object)
