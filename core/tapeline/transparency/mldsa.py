"""The ML-DSA-44 cosignature's message and its verification (C2SP tlog-cosignature, ML-DSA-44 signed message).

    struct {
        uint8 label[12] = "subtree/v1\\n\\0";
        opaque cosigner_name<1..2^8-1>;
        uint64 timestamp;
        opaque log_origin<1..2^8-1>;
        uint64 start;       zero for a checkpoint
        uint64 end;         its size
        uint8 hash[32];     its root
    } cosigned_message;

Unlike the Ed25519 one, it names the cosigner, and says nothing about the checkpoint's extension lines.
"""

from __future__ import annotations

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PublicKey

from tapeline.transparency.checkpoint import Checkpoint

PUBLIC_BYTES = 1312
SIGNATURE_BYTES = 2420
MAX_NAME_BYTES = 255
_LABEL = b"subtree/v1\n\0"


def checkpoint_message(cosigner: str, checkpoint: Checkpoint, timestamp: int) -> bytes | None:
    """Return what a cosigner of this name signs; None where a name is too long to be stated."""
    name, origin = cosigner.encode(), checkpoint.origin.encode()
    if not (0 < len(name) <= MAX_NAME_BYTES and 0 < len(origin) <= MAX_NAME_BYTES):
        return None
    numbers = (timestamp.to_bytes(8, "big"), bytes(8) + checkpoint.size.to_bytes(8, "big"))
    return b"".join(
        (_LABEL, bytes([len(name)]), name, numbers[0], bytes([len(origin)]), origin, numbers[1], checkpoint.root)
    )


def mldsa44_holds(public: bytes, message: bytes, signature: bytes) -> bool:
    """Tell whether `signature` is the public key's over `message`, with FIPS 204's empty context."""
    if len(public) != PUBLIC_BYTES or len(signature) != SIGNATURE_BYTES:
        return False
    try:
        MLDSA44PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True
