"""What can be said in a conversation: the kinds of content that an application sends and reads."""

from __future__ import annotations

from tapeline.crypto.message.content import (
    Body,
    Delete,
    DisclosureAck,
    Edit,
    Notice,
    Reaction,
    ReadReceipt,
    RecordingDisclosure,
    Reply,
    Said,
    Text,
    Unknown,
    decode_content,
    encode_content,
)

__all__ = [
    "Body",
    "Delete",
    "DisclosureAck",
    "Edit",
    "Notice",
    "Reaction",
    "ReadReceipt",
    "RecordingDisclosure",
    "Reply",
    "Said",
    "Text",
    "Unknown",
    "decode_content",
    "encode_content",
]
