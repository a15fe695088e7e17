"""Login by a signed challenge: origin, key, the server's nonce, audience, expiry (governance, Roles)."""

from __future__ import annotations

from dataclasses import dataclass

from tapeline.base.errors import PermissionRefused
from tapeline.crypto.limits import KEY_BYTES
from tapeline.crypto.objects import open_object, seal_object
from tapeline.crypto.signing import SigningKey, verify_signature
from tapeline.crypto.wire import encode, fixed
from tapeline.wire.v1.common_pb2 import Challenge, LoginBody

KIND = "login"
RELAY = "relay"
"""Audience of the relay; the origin of its challenges is the archive log's."""
ESCROW = "escrow"
"""Audience of the escrow service; the origin of its challenges is the audit log's."""
VAULT = "vault"
"""Audience of the vault; the origin of its challenges is the audit log's too."""

MAX_BODY = 2 * 1024
MAX_NONCE = 64


@dataclass(frozen=True)
class VerifiedLogin:
    """A login whose signature is its key's own; whose key that is, and whether the nonce is fresh, is yet to be asked.

    Attributes:
        key: Ed25519 public key, 32 bytes.
        nonce: the server's, as it stood in the challenge.
        expires_ms: the challenge's, unix milliseconds.
    """

    key: bytes
    nonce: bytes
    expires_ms: int


def sign_login(key: SigningKey, challenge: Challenge, *, origin: str, audience: str) -> bytes:
    """Return the SignedObject bytes that answer `challenge`.

    Args:
        key: the device's or person's.
        challenge: as the server sent it.
        origin: the log origin that the caller's roster names: another server cannot pass our answer on.
        audience: `RELAY`, `ESCROW` or `VAULT`.

    Raises:
        PermissionRefused: the challenge is of another origin.
    """
    if challenge.origin != origin:
        raise PermissionRefused("The login challenge is of another origin.", "Check the server's address.")
    body = LoginBody(
        origin=origin, key=key.public, nonce=challenge.nonce, audience=audience, expires_ms=challenge.expires_ms
    )
    return seal_object(key, KIND, encode(body))


def verify_login(obj: bytes, *, origin: str, audience: str, now_ms: int) -> VerifiedLogin:
    """Verify what a login says of itself.

    Raises:
        PermissionRefused: another origin or audience, or expired.
        Refused: SIG-1, or of the wire format.
    """
    signed, body = open_object(obj, LoginBody, what="login", limit=MAX_BODY)
    fixed(body.key, KEY_BYTES, "login key")
    if (body.origin, body.audience) != (origin, audience) or len(body.nonce) > MAX_NONCE:
        raise PermissionRefused("The login is for another server.", "Ask this server for a challenge.")
    if body.expires_ms <= now_ms:
        raise PermissionRefused("The login is expired.", "Ask for a new challenge; check the clock.")
    verify_signature(body.key, KIND, signed.body, signed.signature, "The login is not signed by its key.")
    return VerifiedLogin(body.key, body.nonce, body.expires_ms)
