"""Proving one message to a third party: its MK_i shows its text, and nothing of any other (protocol, Messages)."""

from __future__ import annotations

from tapeline.base.secret import Secret
from tapeline.crypto.message.open import open_with_key
from tapeline.crypto.message.ratchet import message_key_at
from tapeline.crypto.message.verify import parse_message, verify_alone


def export_key(root: Secret, index: int) -> Secret:
    """Return MK_i, 64 bytes: the step is one-way, so neither root nor other messages follow from it."""
    return message_key_at(root, index)


def verify_export(message: bytes, message_key: Secret, *, sender_key: bytes) -> bytes:
    """Return the content that the holder of `sender_key` signed and committed to.

    Args:
        message: Message bytes, as archived.
        message_key: MK_i, as exported.
        sender_key: Ed25519 key of the sender's device entry; its record and leaf say who and when.

    Raises:
        Refused: MSG-5, MSG-6, MSG-7, MSG-8, or of the wire format.
    """
    return open_with_key(verify_alone(parse_message(message), sender_key=sender_key), message_key)
