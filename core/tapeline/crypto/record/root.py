"""The session root: the secret that messages are keyed from (protocol, step 6); never importable by the relay."""

from __future__ import annotations

from cryptography.hazmat.primitives.hashes import SHA512
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from tapeline.base.rules import Rule, require
from tapeline.base.secret import Secret
from tapeline.crypto.group import Point
from tapeline.crypto.limits import Q_BYTES
from tapeline.crypto.record.verify import VerifiedRecord
from tapeline.crypto.reservation import hybrid_commitment

ROOT_BYTES = 64
_INFO = b"tapeline/v1/root"


def session_root(m: Point, q: Secret, record_hash: bytes) -> Secret:
    """Return HKDF-SHA512(ikm = enc(M) ‖ q, salt = record_hash, info = "tapeline/v1/root"), 64 bytes."""
    kdf = HKDF(SHA512(), length=ROOT_BYTES, salt=record_hash, info=_INFO)
    return Secret(kdf.derive(m.encode() + q.reveal()))


def require_q(q: Secret, verified: VerifiedRecord) -> None:
    """Refuse under OPN-2 a q that is not the one the record's cq commits to."""
    require(
        len(q) == Q_BYTES and hybrid_commitment(q, verified.reservation_hash) == verified.cq,
        Rule.OPEN_HYBRID,
        "The opened q does not match the record's cq.",
    )
