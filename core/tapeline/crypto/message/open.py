"""Opening one message with its key; never importable by the relay."""

from __future__ import annotations

import hmac

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from tapeline.base.rules import Rule, require
from tapeline.base.secret import Secret
from tapeline.crypto.message.padme import unpad
from tapeline.crypto.message.ratchet import MessageKeys
from tapeline.crypto.message.verify import VerifiedMessage


def open_with_key(message: VerifiedMessage, message_key: Secret) -> bytes:
    """Return the content that MK_i opens.

    Raises:
        Refused: MSG-6 (the header commits to another key), MSG-8 (ciphertext or header altered), MSG-7 (padding).
    """
    keys = MessageKeys.expand(message_key)
    # ChaCha20-Poly1305 does not commit to its key: without this, one ciphertext could open to two texts.
    require(
        hmac.compare_digest(keys.commitment, message.header.commitment),
        Rule.MSG_COMMITMENT,
        "The message's key is not the one that its header commits to.",
    )
    body = _decrypted(keys, message)
    require(body is not None, Rule.MSG_AEAD, "The ciphertext does not open under its header.")
    return unpad(body or b"")


def _decrypted(keys: MessageKeys, message: VerifiedMessage) -> bytes | None:
    try:
        return ChaCha20Poly1305(keys.key.reveal()).decrypt(keys.nonce, message.ciphertext, message.header_bytes)
    except InvalidTag:
        return None
