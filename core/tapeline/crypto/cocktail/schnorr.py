"""The specification's own Schnorr signature: R ‖ z, deterministic nonce (Schnorr Signature Scheme).

It is no EdDSA: no verifier of RFC 8032 accepts it, thanks to the prefixes. Its nonce is the specified deterministic
one; both keys that sign with it are fresh for one ceremony and sign one message each.
"""

from __future__ import annotations

from tapeline.base.errors import CryptoFailure
from tapeline.base.rules import Refused
from tapeline.crypto.cocktail.suite import H7_PREFIX, NONCE_PREFIX, SIGNATURE_BYTES, hash_to_scalar
from tapeline.crypto.group import POINT_BYTES, Point, Scalar


def sign(secret: Scalar, message: bytes) -> bytes:
    """Return the 64-byte signature (Schnorr Sign Algorithm)."""
    nonce = hash_to_scalar(nonce_input(secret, message))
    commitment = nonce.base_mul()
    challenge = hash_to_scalar(challenge_input(commitment.encode(), secret.base_mul(), message))
    return commitment.encode() + (nonce + challenge * secret).to_bytes()


def signature_holds(public: Point, message: bytes, signature: bytes) -> bool:
    """Tell whether the signature verifies (Schnorr Verify Algorithm); z = 0 is refused too, which no signer makes."""
    if len(signature) != SIGNATURE_BYTES:
        return False
    try:
        commitment = Point.decode(signature[:POINT_BYTES])
        response = Scalar.decode(signature[POINT_BYTES:])
        challenge = hash_to_scalar(challenge_input(commitment.encode(), public, message))
        return response.base_mul() == commitment + public.mul(challenge)
    except (Refused, CryptoFailure):
        return False


def nonce_input(secret: Scalar, message: bytes) -> bytes:
    """Return the secret bytes whose hash is the nonce."""
    return NONCE_PREFIX + secret.to_bytes() + message


def challenge_input(commitment: bytes, public: Point, message: bytes) -> bytes:
    """Return the bytes whose hash is the challenge."""
    return H7_PREFIX + commitment + public.encode() + message
