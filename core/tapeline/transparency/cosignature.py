"""The timestamped cosignature of a witness (C2SP tlog-cosignature), by Ed25519 (cosignature/v1) or ML-DSA-44.

We make Ed25519 ones and verify both. What an Ed25519 one signs (for the other see `mldsa`):

    cosignature/v1
    time 1679315147
    example.com/behind-the-sofa
    20852163
    CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=
"""

from __future__ import annotations

from nacl.signing import SigningKey

from tapeline.base.ed25519 import SIGNATURE_BYTES as ED25519_BYTES
from tapeline.base.ed25519 import ed25519_holds
from tapeline.base.errors import MalformedInput
from tapeline.base.rules import Rule, require
from tapeline.base.secret import Secret
from tapeline.transparency.checkpoint import parse_checkpoint
from tapeline.transparency.encoding import MAX_TIMESTAMP
from tapeline.transparency.keys import COSIGNATURE_ML_DSA_44, COSIGNATURE_V1, VerifierKey, parse_signing_key
from tapeline.transparency.mldsa import SIGNATURE_BYTES as MLDSA_BYTES
from tapeline.transparency.mldsa import checkpoint_message, mldsa44_holds
from tapeline.transparency.note import NoteSignature

_TIME_BYTES = 8


class Cosigner:
    """Cosigns checkpoints with one Ed25519 key; the key never leaves it."""

    def __init__(self, name: str, seed: Secret) -> None:
        self._seed = seed
        self.key = VerifierKey(name, COSIGNATURE_V1, bytes(SigningKey(seed.reveal()).verify_key))

    @classmethod
    def from_text(cls, text: str) -> Cosigner:
        """Read a `PRIVATE+KEY+…` line of signature type 0x04.

        Raises:
            Refused: POLICY_SYNTAX.
        """
        name, kind, seed = parse_signing_key(text)
        require(kind == COSIGNATURE_V1, Rule.POLICY_SYNTAX, "The private key is not one that cosigns.")
        return cls(name, seed)

    def cosign(self, text: bytes, timestamp: int) -> NoteSignature:
        """Return the cosignature line over a checkpoint's text at a POSIX time in seconds.

        Raises:
            MalformedInput: a time outside the years 1970 to 9999.
        """
        if not 0 < timestamp <= MAX_TIMESTAMP:
            raise MalformedInput("A cosignature's time is out of range.", "Set this machine's clock.")
        signature = SigningKey(self._seed.reveal()).sign(_message(text, timestamp)).signature
        value = timestamp.to_bytes(_TIME_BYTES, "big") + signature
        return NoteSignature(self.key.name, self.key.key_id, value)


def claimed_time(signature: NoteSignature) -> int:
    """Return the POSIX seconds that a cosignature claims; nothing is verified."""
    return int.from_bytes(signature.value[:_TIME_BYTES], "big")


def line_bytes(key: VerifierKey) -> int:
    """Return how long a cosignature's line by this key is in a note."""
    made = MLDSA_BYTES if key.kind == COSIGNATURE_ML_DSA_44 else ED25519_BYTES
    return len(NoteSignature(key.name, key.key_id, bytes(_TIME_BYTES + made)).line.encode())


def verify_cosignature(text: bytes, signature: NoteSignature, key: VerifierKey) -> int:
    """Return the cosignature's time, POSIX seconds, after verifying that `key` made it over `text`.

    Raises:
        Refused: NOTE_SIGNATURE; NOTE_SYNTAX where an ML-DSA-44 key is to have cosigned what is no checkpoint.
    """
    timestamp = claimed_time(signature)
    made = signature.value[_TIME_BYTES:]
    # tlog-cosignature, Format: at most 2^63 - 1; tlog-witness, add-checkpoint: never zero.
    valid = (
        signature.is_by(key)
        and 0 < timestamp <= MAX_TIMESTAMP
        and (_ed25519_made(text, timestamp, made, key) or _mldsa_made(text, timestamp, made, key))
    )
    require(valid, Rule.NOTE_SIGNATURE, "A known witness's cosignature does not verify.")
    return timestamp


def _message(text: bytes, timestamp: int) -> bytes:
    return b"cosignature/v1\ntime %d\n" % timestamp + text


def _ed25519_made(text: bytes, timestamp: int, made: bytes, key: VerifierKey) -> bool:
    return key.kind == COSIGNATURE_V1 and ed25519_holds(key.public, _message(text, timestamp), made)


def _mldsa_made(text: bytes, timestamp: int, made: bytes, key: VerifierKey) -> bool:
    if key.kind != COSIGNATURE_ML_DSA_44:
        return False
    message = checkpoint_message(key.name, parse_checkpoint(text), timestamp)
    return message is not None and mldsa44_holds(key.public, message, made)
