"""Ed25519 signatures that name what they sign: over H("sig/" + kind, bytes) (protocol, Notation).

The kind makes a login challenge useless as a message. All verification is `tapeline.base.ed25519`.
"""

from __future__ import annotations

from typing import NoReturn, Self, final

from nacl import bindings as sodium

from tapeline.base.ed25519 import SIGNATURE_BYTES, ed25519_holds
from tapeline.base.errors import MalformedInput
from tapeline.base.hashing import tagged_hash
from tapeline.base.rules import Rule, require
from tapeline.base.secret import Secret
from tapeline.base.times import Rng

SEED_BYTES = 32


@final
class SigningKey:
    """An Ed25519 key pair of one person, device or service; redacted, never pickled or copied."""

    __slots__ = ("_expanded", "public")

    public: bytes
    _expanded: bytes  # libsodium's form: seed, then public key

    def __init__(self) -> None:
        raise TypeError("use SigningKey.from_seed or SigningKey.generate")

    @classmethod
    def from_seed(cls, seed: Secret) -> Self:
        """Return the key of a 32-byte RFC 8032 seed."""
        if len(seed) != SEED_BYTES:
            raise MalformedInput("A signing seed is not 32 bytes.", "Restore the key file from its backup.")
        key = object.__new__(cls)
        key.public, key._expanded = sodium.crypto_sign_seed_keypair(seed.reveal())
        return key

    @classmethod
    def generate(cls, rng: Rng) -> Self:
        """Return a fresh key from 32 bytes of `rng`."""
        return cls.from_seed(Secret(rng(SEED_BYTES)))

    @property
    def seed(self) -> Secret:
        """The 32-byte seed, for a sealed key file only."""
        return Secret(self._expanded[:SEED_BYTES])

    def sign(self, kind: str, body: bytes) -> bytes:
        """Return the 64-byte signature over H("sig/" + kind, body)."""
        return self.sign_framed(_digest(kind, body))

    def sign_framed(self, message: bytes) -> bytes:
        """Return the 64-byte signature over exactly `message`.

        Only for formats that separate themselves: DSSE's pre-authentication encoding and C2SP notes.
        """
        return sodium.crypto_sign(message, self._expanded)[:SIGNATURE_BYTES]

    def __repr__(self) -> str:
        return f"<SigningKey of {self.public[:4].hex()}…, redacted>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a SigningKey is not pickled")

    def __copy__(self) -> NoReturn:
        raise TypeError("a SigningKey is not copied")

    def __deepcopy__(self, memo: object) -> NoReturn:
        raise TypeError("a SigningKey is not copied")


def _digest(kind: str, body: bytes) -> bytes:
    return tagged_hash("sig/" + kind, body)


def verify_signature(
    public: bytes,
    kind: str,
    body: bytes,
    signature: bytes,
    cause: str = "A signature does not verify.",
    *,
    culprit: str | None = None,
) -> None:
    """Refuse under SIG-1 a signature that is not `public`'s over H("sig/" + kind, body)."""
    require(signature_holds(public, kind, body, signature), Rule.SIGNATURE, cause, culprit=culprit)


def signature_holds(public: bytes, kind: str, body: bytes, signature: bytes) -> bool:
    """Tell whether `signature` is `public`'s over H("sig/" + kind, body), for a rule of the caller's own."""
    return framed_signature_holds(public, _digest(kind, body), signature)


def framed_signature_holds(public: bytes, message: bytes, signature: bytes) -> bool:
    """Tell whether `signature` is `public`'s over exactly `message`: DSSE and C2SP notes only."""
    return ed25519_holds(public, message, signature)
