"""The session root: the secret that messages are keyed from (protocol, step 6)."""

from __future__ import annotations

from cryptography.hazmat.primitives.hashes import SHA512
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from tapeline.base.secret import Secret
from tapeline.crypto.group import Point

ROOT_BYTES = 64
_INFO = b"tapeline/v1/root"


def session_root(m: Point, q: Secret, record_hash: bytes) -> Secret:
    """Return HKDF-SHA512(ikm = enc(M) ‖ q, salt = record_hash, info = "tapeline/v1/root"), 64 bytes."""
    kdf = HKDF(SHA512(), length=ROOT_BYTES, salt=record_hash, info=_INFO)
    return Secret(kdf.derive(m.encode() + q.reveal()))
