"""Acknowledgements: the relay's signed promise that a leaf is durable (protocol, Acknowledgement and log leaves)."""

from __future__ import annotations

from tapeline.base.hashing import tagged_hash, u64
from tapeline.base.rules import Rule, require
from tapeline.crypto.bounds import require_bounded
from tapeline.crypto.signing import SigningKey, signature_holds
from tapeline.transparency.merkle import leaf_hash
from tapeline.wire.v1.objects_pb2 import Ack

KIND = "ack"


def sign_ack(key: SigningKey, origin: str, index: int, leaf: bytes) -> bytes:
    """Return the signature over (log origin, index, leaf hash); `leaf` is the log entry as it was appended."""
    return key.sign(KIND, _body(origin, index, leaf))


def verify_ack(public: bytes, origin: str, ack: Ack) -> None:
    """Refuse an acknowledgement that the relay key did not sign (ACK-1), or of an index beyond all logs (WIR-3)."""
    require_bounded(ack, "acknowledgement")
    require(
        signature_holds(public, KIND, _body(origin, ack.index, ack.leaf), ack.signature),
        Rule.ACK_SIGNATURE,
        "The acknowledgement's signature is not the relay's.",
    )


def _body(origin: str, index: int, leaf: bytes) -> bytes:
    return tagged_hash("ack", origin.encode(), u64(index), leaf_hash(leaf))
