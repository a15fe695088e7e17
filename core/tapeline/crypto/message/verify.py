"""Judging a message without opening it: form, place in the session's chain, signature (protocol, Messages)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from tapeline.base.hashing import HASH_BYTES, tagged_hash
from tapeline.base.rules import Rule, require
from tapeline.crypto import limits
from tapeline.crypto.message.padme import is_padded_length
from tapeline.crypto.signing import signature_holds
from tapeline.crypto.wire import at_most, fixed, parse
from tapeline.wire.v1 import objects_pb2 as pb

KIND = "msg"
AEAD_TAG_BYTES = 16


@dataclass(frozen=True)
class ParsedMessage:
    """A message of strict form, with its hash recomputed; nothing is verified yet."""

    header: pb.MessageHeader
    header_bytes: bytes
    ciphertext: bytes
    signature: bytes
    message_hash: bytes

    @property
    def record_hash(self) -> bytes:
        """The session that the header names."""
        return self.header.record_hash

    @property
    def index(self) -> int:
        """The index that the header claims."""
        return self.header.index


@dataclass(frozen=True)
class VerifiedMessage:
    """A message in its place, signed by its session's device; only opening can tell what it says."""

    message_hash: bytes
    record_hash: bytes
    index: int
    header: pb.MessageHeader
    header_bytes: bytes
    ciphertext: bytes


def parse_message(data: bytes) -> ParsedMessage:
    """Return the message of Message bytes; raises Refused of WIR-1 to WIR-3 or MSG-7, or MalformedInput."""
    message = parse(pb.Message, data, limit=limits.MESSAGE_BYTES, what="message")
    header = parse(pb.MessageHeader, message.header, limit=limits.MESSAGE_HEADER_BYTES, what="message header")
    fixed(header.record_hash, HASH_BYTES, "record hash")
    fixed(header.previous, HASH_BYTES, "previous message hash")
    fixed(header.commitment, limits.COMMITMENT_BYTES, "key commitment")
    at_most(len(header.blob_hashes), limits.BLOBS, "attachments")
    for blob_hash in header.blob_hashes:
        fixed(blob_hash, HASH_BYTES, "blob hash")
    require(
        is_padded_length(len(message.ciphertext) - AEAD_TAG_BYTES),
        Rule.MSG_PADDING,
        "The ciphertext's length is not a padded one.",
    )
    return ParsedMessage(
        header=header,
        header_bytes=message.header,
        ciphertext=message.ciphertext,
        signature=fixed(message.signature, limits.SIGNATURE_BYTES, "message's signature"),
        message_hash=hash_message(message.header, message.ciphertext),
    )


def hash_message(header: bytes, ciphertext: bytes) -> bytes:
    """Return H("msg", header, SHA-512(ciphertext)), 64 bytes."""
    return tagged_hash("msg", header, hashlib.sha512(ciphertext).digest())


def verify_message(
    parsed: ParsedMessage, *, sender_key: bytes, record_hash: bytes, expected_index: int, expected_previous: bytes
) -> VerifiedMessage:
    """Return the message as verified; a second one at a used index is told from a gap by the caller's table.

    Args:
        parsed: the message.
        sender_key: Ed25519 key of the session's sender device.
        record_hash: of the session.
        expected_index: the session's next index.
        expected_previous: hash of the session's last message; the record hash at index 0.

    Raises:
        Refused: MSG-1 (session), MSG-2 (index), MSG-3 (previous hash), MSG-5 (signature).
    """
    require(parsed.record_hash == record_hash, Rule.MSG_SESSION, "The message is of another session.")
    require(
        parsed.index == expected_index < limits.SESSION_MESSAGES,
        Rule.MSG_INDEX,
        "The message's index is not the session's next.",
    )
    require(
        parsed.header.previous == expected_previous,
        Rule.MSG_PREVIOUS,
        "The message does not name the session's last message.",
    )
    require_signature(parsed, sender_key)
    return _verified(parsed)


def require_signature(parsed: ParsedMessage, sender_key: bytes) -> None:
    """Refuse under MSG-5 a message that the device of this key did not sign."""
    require(
        signature_holds(sender_key, KIND, parsed.message_hash, parsed.signature),
        Rule.MSG_SIGNATURE,
        "The message's signature is not its session's device's.",
    )


def verify_alone(parsed: ParsedMessage, *, sender_key: bytes) -> VerifiedMessage:
    """Return the message as signed by `sender_key`, whatever its place: for one exported out of its session.

    Raises:
        Refused: MSG-2 (an index that no session has), MSG-5 (signature).
    """
    require(parsed.index < limits.SESSION_MESSAGES, Rule.MSG_INDEX, "The message's index is past the session's 256.")
    require_signature(parsed, sender_key)
    return _verified(parsed)


def _verified(parsed: ParsedMessage) -> VerifiedMessage:
    return VerifiedMessage(
        message_hash=parsed.message_hash,
        record_hash=parsed.record_hash,
        index=parsed.index,
        header=parsed.header,
        header_bytes=parsed.header_bytes,
        ciphertext=parsed.ciphertext,
    )
