"""A received message as the application sees it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tapeline.client.content import Body, Edit, Reply, Text, decode_content
from tapeline.client.store.history import MessageRow


@dataclass(frozen=True, slots=True)
class Message:
    """One verified, opened and stored message; texts are as sent: pass them through `printable` before a terminal.

    Attributes:
        conversation: id, 64 bytes.
        firm, sender: who sent it.
        device: hash of the sending device's entry, 64 bytes.
        body: what it says.
        labels: the application's.
        message_id: 16 bytes, chosen by the sender.
        message_hash: 64 bytes; what replies, edits and reactions name.
        record_hash, index: the session and the message's place in it.
        sequence: of its leaf in the conversation.
        leaf_index: of its leaf in the archive log.
        relay_time_ms, client_time_ms: by the relay's clock, by the sender's.
        position: counts this store's messages, increasing; what `messages(after=…)` takes.
    """

    conversation: bytes
    firm: str
    sender: str
    device: bytes
    body: Body
    labels: Mapping[str, str]
    message_id: bytes
    message_hash: bytes
    record_hash: bytes
    index: int
    sequence: int
    leaf_index: int
    relay_time_ms: int
    client_time_ms: int
    position: int

    @property
    def text(self) -> str:
        """The text of a text, reply or edit; empty for anything else."""
        return self.body.text if isinstance(self.body, Text | Reply | Edit) else ""

    @classmethod
    def of(cls, row: MessageRow) -> Message:
        """Return a stored row as a message."""
        said = decode_content(row.content)
        return cls(
            conversation=row.conversation,
            firm=row.firm,
            sender=row.user,
            device=row.device,
            body=said.body,
            labels=said.labels,
            message_id=row.message_id,
            message_hash=row.message_hash,
            record_hash=row.record_hash,
            index=row.message_index,
            sequence=row.sequence,
            leaf_index=row.leaf_index,
            relay_time_ms=row.relay_time_ms,
            client_time_ms=row.client_time_ms,
            position=row.position,
        )
