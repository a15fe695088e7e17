"""The one verifier of Ed25519, for messages, statements and C2SP notes alike.

Two verifiers that disagree would let one party accept what another refuses: OpenSSL takes the identity as a public
key, RFC 8032 leaves low-order components open. Here libsodium verifies, and only under points of the prime-order group.
"""

from __future__ import annotations

from functools import lru_cache

from nacl import bindings as sodium
from nacl.exceptions import BadSignatureError

PUBLIC_BYTES = 32
SIGNATURE_BYTES = 64
_IDENTITY = (1).to_bytes(PUBLIC_BYTES, "little")


def is_prime_order_point(encoded: bytes) -> bool:
    """Tell whether the bytes are a canonical point of the prime-order subgroup, and not the identity."""
    return (
        len(encoded) == PUBLIC_BYTES
        and encoded != _IDENTITY
        and bool(sodium.crypto_core_ed25519_is_valid_point(encoded))
    )


@lru_cache(maxsize=8192)  # public keys recur with every message, and the check costs as much as the verification
def is_public_key(public: bytes) -> bool:
    """Tell whether the bytes are a public key: under one of small order anything verifies.

    A low-order component would let one signature hold for several keys.
    """
    return is_prime_order_point(public)


def ed25519_holds(public: bytes, message: bytes, signature: bytes) -> bool:
    """Tell whether `signature` (64 bytes) is the public key's over exactly `message`."""
    if len(signature) != SIGNATURE_BYTES or not is_public_key(public):
        return False
    try:
        sodium.crypto_sign_open(signature + message, public)
    except BadSignatureError:
        return False
    return True
