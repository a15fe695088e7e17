"""Secrets at rest under a passphrase: Argon2id (RFC 9106), then XChaCha20-Poly1305 with a key commitment.

Layout of a sealed blob, integers little-endian: magic 8 ‖ memory KiB u32 ‖ passes u32 ‖ lanes u32 ‖ salt 16 ‖
nonce 24 ‖ key commitment 32 ‖ ciphertext ‖ tag 16. The AAD is all that stands before the ciphertext, and the purpose.
The commitment tells a wrong passphrase from a damaged file, and leaves no file that opens under two passphrases.
"""

from __future__ import annotations

import struct
import unicodedata
from dataclasses import dataclass
from typing import final

from argon2.exceptions import HashingError
from argon2.low_level import Type, hash_secret_raw
from nacl import bindings as sodium
from nacl.exceptions import CryptoError

from tapeline.base.errors import CryptoFailure, MalformedInput
from tapeline.base.hashing import lp, tagged_hash
from tapeline.base.secret import Secret
from tapeline.base.times import Rng

_MAGIC = b"TPLSEAL1"
_HEADER = struct.Struct("<8sIII16s24s32s")
_SALT_BYTES, _NONCE_BYTES, _KEY_BYTES, _TAG_BYTES = 16, 24, 32, 16
MAX_PLAINTEXT_BYTES = 1 << 20
_MAX_MEMORY_KIB, _MAX_PASSES, _MAX_LANES = 1 << 20, 16, 16


class WrongPassphrase(CryptoFailure):
    """The passphrase is not the one that the secret was sealed under."""


@final
@dataclass(frozen=True, slots=True)
class Argon2Cost:
    """Argon2id's cost: memory in KiB, passes, lanes; bounded, since a stored file states it."""

    memory_kib: int = 64 * 1024
    passes: int = 3
    lanes: int = 4

    def __post_init__(self) -> None:
        within = 1 <= self.passes <= _MAX_PASSES and 1 <= self.lanes <= _MAX_LANES
        if not within or not 8 * self.lanes <= self.memory_kib <= _MAX_MEMORY_KIB:
            raise MalformedInput("The Argon2id cost lies outside 1 GiB, 16 passes and 16 lanes.")


DEFAULT_COST = Argon2Cost()


def passphrase_from_text(text: str) -> Secret:
    """Return the passphrase a person typed, in normal form C, so that any keyboard gives the same bytes."""
    if not text:
        raise MalformedInput("A passphrase is empty.", "Type a passphrase.")
    return Secret(unicodedata.normalize("NFC", text).encode("utf-8"))


def seal_under_passphrase(
    plaintext: Secret | bytes, passphrase: Secret, purpose: str, rng: Rng, cost: Argon2Cost = DEFAULT_COST
) -> bytes:
    """Return a sealed blob that opens with the same passphrase and purpose only."""
    opened = plaintext.reveal() if isinstance(plaintext, Secret) else plaintext
    if len(opened) > MAX_PLAINTEXT_BYTES:
        raise MalformedInput("A secret to seal is over 1 MiB.")
    salt, nonce = rng(_SALT_BYTES), rng(_NONCE_BYTES)
    key, commitment = _derive(passphrase, salt, cost)
    header = _HEADER.pack(_MAGIC, cost.memory_kib, cost.passes, cost.lanes, salt, nonce, commitment)
    sealed = sodium.crypto_aead_xchacha20poly1305_ietf_encrypt(opened, _aad(header, purpose), nonce, key)
    return header + sealed


def open_under_passphrase(sealed: bytes, passphrase: Secret, purpose: str) -> Secret:
    """Return the secret; raises `WrongPassphrase`, `MalformedInput` for a foreign form, `CryptoFailure` for damage."""
    if not _HEADER.size + _TAG_BYTES <= len(sealed) <= _HEADER.size + MAX_PLAINTEXT_BYTES + _TAG_BYTES:
        raise MalformedInput("A sealed secret has a wrong length.", "Restore the file from its backup.")
    header = sealed[: _HEADER.size]
    magic, memory_kib, passes, lanes, salt, nonce, commitment = _HEADER.unpack(header)
    if magic != _MAGIC:
        raise MalformedInput("This is not a sealed secret of a known version.", "Update this software.")
    key, expected = _derive(passphrase, salt, Argon2Cost(memory_kib, passes, lanes))
    if not sodium.sodium_memcmp(expected, commitment):
        raise WrongPassphrase("The passphrase is wrong.", "Try again.")
    try:
        opened = sodium.crypto_aead_xchacha20poly1305_ietf_decrypt(
            sealed[_HEADER.size :], _aad(header, purpose), nonce, key
        )
    except CryptoError:
        raise CryptoFailure("A sealed secret is damaged, or serves another purpose.", "Restore its backup.") from None
    return Secret(opened)


def _derive(passphrase: Secret, salt: bytes, cost: Argon2Cost) -> tuple[bytes, bytes]:
    """Return the AEAD key and the public commitment to it."""
    try:
        stretched = hash_secret_raw(
            passphrase.reveal(), salt, cost.passes, cost.memory_kib, cost.lanes, _KEY_BYTES, Type.ID
        )
    except HashingError as error:
        raise CryptoFailure("Argon2id could not run.", "Free some memory, then try again.") from error
    split = tagged_hash("passphrase", stretched)
    return split[:_KEY_BYTES], split[_KEY_BYTES:]


def _aad(header: bytes, purpose: str) -> bytes:
    return header + lp(purpose.encode("utf-8"))
