"""Encryption of one share from one participant to another (Round 1, step 5; Round 2, step 3)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from nacl import bindings as sodium
from nacl.exceptions import CryptoError

from tapeline.base.rules import Refused
from tapeline.crypto.cocktail.suite import MAX_CIPHERTEXT_BYTES, MIN_CIPHERTEXT_BYTES, ecdh_encode, key_and_nonce
from tapeline.crypto.group import SCALAR_BYTES, Point, Scalar


@final
@dataclass(frozen=True, slots=True)
class Channel:
    """The way of one ciphertext: the sender's ephemeral and host key, the recipient's host key, the context."""

    ephemeral: Point
    sender: Point
    recipient: Point
    context: bytes


@final
@dataclass(frozen=True, slots=True, repr=False)
class ChannelSecrets:
    """The two Diffie-Hellman points of a channel, which either end computes."""

    ephemeral_static: Point
    static_static: Point

    def key_and_nonce(self, channel: Channel) -> tuple[bytes, bytes]:
        """Return the AEAD key and nonce of the channel's one ciphertext."""
        shared = ecdh_encode(self.ephemeral_static) + ecdh_encode(self.static_static)
        return key_and_nonce(shared, channel.ephemeral, channel.sender, channel.recipient, channel.context)


@final
@dataclass(frozen=True, slots=True, repr=False)
class OpenedShare:
    """A share s_{j,i} and the payload that came with it; secret."""

    share: Scalar
    payload: bytes


def seal_share(secrets: ChannelSecrets, channel: Channel, share: Scalar, payload: bytes) -> bytes:
    """Return the ciphertext: XChaCha20-Poly1305 with empty AAD over share ‖ payload."""
    key, nonce = secrets.key_and_nonce(channel)
    return sodium.crypto_aead_xchacha20poly1305_ietf_encrypt(share.to_bytes() + payload, None, nonce, key)


def open_share(secrets: ChannelSecrets, channel: Channel, ciphertext: bytes) -> OpenedShare | None:
    """Return share and payload, or None where the ciphertext does not open to a canonical share.

    A share of zero counts as none: no honest dealer's polynomial vanishes there, and a dishonest one is aborted.
    """
    if not MIN_CIPHERTEXT_BYTES <= len(ciphertext) <= MAX_CIPHERTEXT_BYTES:
        return None
    key, nonce = secrets.key_and_nonce(channel)
    try:
        plaintext = sodium.crypto_aead_xchacha20poly1305_ietf_decrypt(ciphertext, None, nonce, key)
        return OpenedShare(Scalar.decode(plaintext[:SCALAR_BYTES]), plaintext[SCALAR_BYTES:])
    except (CryptoError, Refused):
        return None
