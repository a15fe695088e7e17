"""Constants and hashes of COCKTAIL(Ed25519, SHA-512) (COCKTAIL-DKG, Ciphersuite Definitions)."""

from __future__ import annotations

import hashlib

from tapeline.crypto.group import POINT_BYTES, SCALAR_BYTES, Point, Scalar

SUITE_ID = b"COCKTAIL(Ed25519, SHA-512)"
H6_PREFIX = b"COCKTAIL-DKG-Ed25519-SHA512-H6"
H7_PREFIX = b"COCKTAIL-DKG-Ed25519-SHA512-H7"
NONCE_PREFIX = b"COCKTAIL-DKG-Ed25519-SHA512-NONCE"

SIGNATURE_BYTES = POINT_BYTES + SCALAR_BYTES
AEAD_TAG_BYTES = 16
MIN_CIPHERTEXT_BYTES = SCALAR_BYTES + AEAD_TAG_BYTES
MAX_CIPHERTEXT_BYTES = 65_536
"""Protocol Messages: the interoperability floor is our ceiling."""
_KEY_BYTES, _NONCE_BYTES = 32, 24


def hash_to_scalar(data: bytes) -> Scalar:
    """Return SHA-512(data) reduced (Schnorr Hash-to-Scalar Reduction); a zero aborts, as Sign step 3 demands."""
    return Scalar.wide(hashlib.sha512(data).digest())


def ecdh_encode(shared: Point) -> bytes:
    """Return the 32 bytes of RFC 8032, as the published vectors have it.

    The specification's table names the Ristretto255 encoding; its own vectors do not use it (C2SP issue 299).
    """
    return shared.encode()


def key_and_nonce(
    shared: bytes, ephemeral: Point, sender: Point, recipient: Point, context: bytes
) -> tuple[bytes, bytes]:
    """Return the AEAD key (32) and nonce (24) of one ciphertext: H6, split (Ciphersuites)."""
    keys = ephemeral.encode() + sender.encode() + recipient.encode()
    h6 = hashlib.sha512(H6_PREFIX + shared + keys + len(context).to_bytes(8, "little") + context).digest()
    return h6[:_KEY_BYTES], h6[_KEY_BYTES : _KEY_BYTES + _NONCE_BYTES]
