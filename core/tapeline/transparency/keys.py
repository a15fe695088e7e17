"""Verifier keys and private keys of notes, in their one-line text form (C2SP signed-note, Verifier keys).

    example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k

The private form `PRIVATE+KEY+<name>+<id>+<base64 of type and seed>` is the one of golang.org/x/mod/sumdb/note.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

from nacl.signing import SigningKey

from tapeline.base.ed25519 import is_public_key
from tapeline.base.rules import Rule, require
from tapeline.base.secret import Secret
from tapeline.transparency.encoding import decode_base64, encode_base64

ED25519 = 0x01
"""Signature type of a plain Ed25519 note signature."""
COSIGNATURE_V1 = 0x04
"""Signature type of a timestamped Ed25519 cosignature."""
COSIGNATURE_ML_DSA_44 = 0x06
"""Signature type of a timestamped ML-DSA-44 cosignature."""

MAX_KEY_TEXT = 2048
"""Room for an ML-DSA-44 key, 1752 characters, and its name."""
_PUBLIC_BYTES = {ED25519: 32, COSIGNATURE_V1: 32, COSIGNATURE_ML_DSA_44: 1312}
_PRIVATE = "PRIVATE+KEY+"


def key_id(name: str, kind: int, public: bytes) -> bytes:
    """Return SHA-256(name ‖ newline ‖ type ‖ public key)[:4]."""
    return hashlib.sha256(name.encode() + b"\n" + bytes([kind]) + public).digest()[:4]


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """A public key with its name and signature type; name and id together identify its signatures."""

    name: str
    kind: int
    public: bytes
    key_id: bytes = field(init=False)

    def __post_init__(self) -> None:
        require(is_key_name(self.name), Rule.POLICY_SYNTAX, "A key name is empty or holds a space or a plus sign.")
        object.__setattr__(self, "key_id", key_id(self.name, self.kind, self.public))

    def encode(self) -> str:
        """Return the vkey line, without a newline."""
        return f"{self.name}+{self.key_id.hex()}+{encode_base64(bytes([self.kind]) + self.public)}"

    def as_cosigner(self) -> VerifierKey:
        """Return the same key as one of timestamped cosignatures, under the id that this type gives."""
        if self.kind == COSIGNATURE_ML_DSA_44:
            return self
        return VerifierKey(self.name, COSIGNATURE_V1, self.public)


def is_key_name(name: str) -> bool:
    """Tell whether the name is non-empty, without Unicode spaces, control characters and plus signs."""
    return name != "" and "+" not in name and not any(char.isspace() or char < " " for char in name)


def parse_vkey(text: str) -> VerifierKey:
    """Parse the vkey of an Ed25519 key, plain (0x01) or of cosignatures (0x04), or of ML-DSA-44 cosignatures (0x06).

    Raises:
        Refused: POLICY_SYNTAX, also where the id is not the one that C2SP derives, or the point is of small order.
    """
    name, kind, public = _parse_parts(text)
    require(
        kind == COSIGNATURE_ML_DSA_44 or is_public_key(public),  # any 1312 bytes are an ML-DSA-44 key
        Rule.POLICY_SYNTAX,
        "The key is no point of the prime group.",
    )
    key = VerifierKey(name, kind, public)
    require(key.encode() == text, Rule.POLICY_SYNTAX, "The key's id is not the one of its name, type and key.")
    return key


def parse_signing_key(text: str) -> tuple[str, int, Secret]:
    """Parse a `PRIVATE+KEY+…` line into name, signature type and seed (32 bytes).

    Raises:
        Refused: POLICY_SYNTAX; the text itself is never part of the cause.
    """
    name, kind, seed = _parse_parts(text.removeprefix(_PRIVATE))
    require(kind != COSIGNATURE_ML_DSA_44, Rule.POLICY_SYNTAX, "This version signs with no ML-DSA-44 key.")
    expected = encode_signing_key(name, kind, Secret(seed))
    require(expected == text, Rule.POLICY_SYNTAX, "The private key's id is not the one of its name, type and key.")
    return name, kind, Secret(seed)


def encode_signing_key(name: str, kind: int, seed: Secret) -> str:
    """Return the `PRIVATE+KEY+…` line of a seed (32 bytes), without a newline; it is secret."""
    key = VerifierKey(name, kind, bytes(SigningKey(seed.reveal()).verify_key))
    return f"{_PRIVATE}{name}+{key.key_id.hex()}+{encode_base64(bytes([kind]) + seed.reveal())}"


def _parse_parts(text: str) -> tuple[str, int, bytes]:
    """Return name, type and key bytes of `<name>+<id>+<base64>`; the caller compares the whole encoding."""
    require(len(text) <= MAX_KEY_TEXT, Rule.POLICY_SYNTAX, "The key text is too long.")
    name, _, rest = text.partition("+")
    _, _, encoded = rest.partition("+")  # the base64 itself may hold plus signs
    material = decode_base64(encoded, Rule.POLICY_SYNTAX, "The key is not three parts, the last in base64.")
    require(
        len(material) - 1 == _PUBLIC_BYTES.get(material[0]),
        Rule.POLICY_SYNTAX,
        "The key is of a signature type that this version does not know, or not of its length.",
    )
    return name, material[0], material[1:]
