"""The timestamped Ed25519 cosignature of a witness (C2SP tlog-cosignature, cosignature/v1).

What is signed:

    cosignature/v1
    time 1679315147
    example.com/behind-the-sofa
    20852163
    CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=
"""

from __future__ import annotations

from nacl.signing import SigningKey

from tapeline.base.ed25519 import ed25519_holds
from tapeline.base.errors import MalformedInput
from tapeline.base.rules import Rule, require
from tapeline.base.secret import Secret
from tapeline.transparency.encoding import MAX_TIMESTAMP
from tapeline.transparency.keys import COSIGNATURE_V1, VerifierKey, parse_signing_key
from tapeline.transparency.note import NoteSignature

_TIME_BYTES = 8
_SIGNATURE_BYTES = 64


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


def verify_cosignature(text: bytes, signature: NoteSignature, key: VerifierKey) -> int:
    """Return the cosignature's time, POSIX seconds, after verifying that `key` made it over `text`.

    Raises:
        Refused: NOTE_SIGNATURE.
    """
    timestamp = claimed_time(signature)
    # tlog-cosignature, Format: at most 2^63 - 1; tlog-witness, add-checkpoint: never zero.
    valid = (
        key.kind == COSIGNATURE_V1
        and signature.is_by(key)
        and len(signature.value) == _TIME_BYTES + _SIGNATURE_BYTES
        and 0 < timestamp <= MAX_TIMESTAMP
        and ed25519_holds(key.public, _message(text, timestamp), signature.value[_TIME_BYTES:])
    )
    require(valid, Rule.NOTE_SIGNATURE, "A known witness's cosignature does not verify.")
    return timestamp


def _message(text: bytes, timestamp: int) -> bytes:
    return b"cosignature/v1\ntime %d\n" % timestamp + text
