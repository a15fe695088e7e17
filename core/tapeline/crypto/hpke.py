"""The hybrid leg, sealing side: HPKE base mode with MLKEM768_X25519 (protocol, Keys).

Everything public is bound through `info`, since the library's HPKE has no separate AAD. Opening and private keys live
in `hpke_open`, which the relay may not import. The library draws the encapsulation's randomness by itself, from the
operating system: sealing is the one step of this room whose randomness is not an argument.
"""

from __future__ import annotations

import hmac
from typing import Self, final

from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, MLKEM768X25519PublicKey, Suite

from tapeline.base.errors import MalformedInput
from tapeline.base.rules import Rule, refusing

SUITE = Suite(KEM.MLKEM768_X25519, KDF.HKDF_SHA256, AEAD.CHACHA20_POLY1305)

MLKEM_PUBLIC_BYTES = 1184
X25519_PUBLIC_BYTES = 32
HPKE_PUBLIC_BYTES = MLKEM_PUBLIC_BYTES + X25519_PUBLIC_BYTES
ENCAPSULATION_BYTES = 1120
"""ML-KEM-768 ciphertext of 1088 bytes, then an X25519 share of 32."""
AEAD_TAG_BYTES = 16
SEAL_OVERHEAD = ENCAPSULATION_BYTES + AEAD_TAG_BYTES


@final
class HpkePublic:
    """A public key that somebody has sealed to: ML-KEM-768 key of 1184 bytes, then X25519 key of 32."""

    __slots__ = ("_encoded",)
    _encoded: bytes

    def __init__(self) -> None:
        raise TypeError("use HpkePublic.decode or HpkePrivate.public")

    @classmethod
    def decode(cls, encoded: bytes) -> Self:
        """Return the key, or refuse (PRE-2) one of another length, not canonical, or that no one can seal to."""
        with refusing(Rule.PREKEY_SEALABLE, "An HPKE public key does not decode, or nothing can be sealed to it."):
            _trial_seal(encoded)
        key = object.__new__(cls)
        key._encoded = bytes(encoded)
        return key

    def encode(self) -> bytes:
        """Return the 1216 bytes."""
        return self._encoded

    def __eq__(self, other: object) -> bool:
        return isinstance(other, HpkePublic) and hmac.compare_digest(self._encoded, other._encoded)

    def __hash__(self) -> int:
        return hash(self._encoded)

    def __repr__(self) -> str:
        return f"<HpkePublic {self._encoded[:4].hex()}…>"


def seal(public: HpkePublic, info: bytes, plaintext: bytes) -> bytes:
    """Return encapsulation ‖ ciphertext ‖ tag, SEAL_OVERHEAD bytes longer than `plaintext`, bound to `info`."""
    return SUITE.encrypt(plaintext, _load(public.encode()), info)


def sealed_length(plaintext_length: int) -> int:
    """Return the exact length of a sealed plaintext, for a strict check on the wire."""
    return SEAL_OVERHEAD + plaintext_length


def _load(encoded: bytes) -> MLKEM768X25519PublicKey:
    if len(encoded) != HPKE_PUBLIC_BYTES:
        raise MalformedInput("An HPKE public key is not 1216 bytes.")
    # FIPS 203 section 7.2: the library refuses an encapsulation key with a coefficient that is not below q.
    lattice = MLKEM768PublicKey.from_public_bytes(encoded[:MLKEM_PUBLIC_BYTES])
    return MLKEM768X25519PublicKey(lattice, X25519PublicKey.from_public_bytes(encoded[MLKEM_PUBLIC_BYTES:]))


def _trial_seal(encoded: bytes) -> None:
    """Seal nothing to the key: an X25519 half of small order loads, and only then every seal fails."""
    SUITE.encrypt(b"", _load(encoded), b"")
