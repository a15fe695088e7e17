"""The hybrid leg, opening side: private keys and `open_sealed`; the relay may not import this module."""

from __future__ import annotations

import hashlib
from typing import NoReturn, Self, final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.hpke import MLKEM768X25519PrivateKey

from tapeline.base.errors import CryptoFailure, MalformedInput
from tapeline.base.secret import Secret
from tapeline.base.times import Rng
from tapeline.crypto.hpke import SEAL_OVERHEAD, SUITE, HpkePublic

HPKE_SEED_BYTES = 32
_MLKEM_SEED_BYTES = 64
_X25519_SEED_BYTES = 32


@final
class HpkePrivate:
    """A private key, kept as its 32-byte seed; redacted, never pickled or copied."""

    __slots__ = ("_lattice", "_seed", "_x25519")
    _seed: Secret
    _lattice: MLKEM768PrivateKey
    _x25519: X25519PrivateKey

    def __init__(self) -> None:
        raise TypeError("use HpkePrivate.from_seed or HpkePrivate.generate")

    @classmethod
    def from_seed(cls, seed: Secret) -> Self:
        """Expand the 32-byte seed: SHAKE256 to 64 bytes for ML-KEM, then 32 for X25519 (X-Wing, section 5.2)."""
        if len(seed) != HPKE_SEED_BYTES:
            raise MalformedInput("An HPKE seed is not 32 bytes.", "Restore the key from its backup.")
        expanded = hashlib.shake_256(seed.reveal()).digest(_MLKEM_SEED_BYTES + _X25519_SEED_BYTES)
        key = object.__new__(cls)
        key._seed = Secret(seed.reveal())
        key._lattice = MLKEM768PrivateKey.from_seed_bytes(expanded[:_MLKEM_SEED_BYTES])
        key._x25519 = X25519PrivateKey.from_private_bytes(expanded[_MLKEM_SEED_BYTES:])
        return key

    @classmethod
    def generate(cls, rng: Rng) -> Self:
        """Return a fresh key from 32 bytes of `rng`."""
        return cls.from_seed(Secret(rng(HPKE_SEED_BYTES)))

    @property
    def seed(self) -> Secret:
        """The seed, for a sealed store only."""
        return Secret(self._seed.reveal())

    def public(self) -> HpkePublic:
        """Return the public half."""
        lattice = self._lattice.public_key().public_bytes_raw()
        return HpkePublic.decode(lattice + self._x25519.public_key().public_bytes_raw())

    def _library_key(self) -> MLKEM768X25519PrivateKey:
        return MLKEM768X25519PrivateKey(self._lattice, self._x25519)

    def __repr__(self) -> str:
        return "<HpkePrivate, redacted>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("an HpkePrivate is not pickled")

    def __copy__(self) -> NoReturn:
        raise TypeError("an HpkePrivate is not copied")

    def __deepcopy__(self, memo: object) -> NoReturn:
        raise TypeError("an HpkePrivate is not copied")


def open_sealed(private: HpkePrivate, info: bytes, sealed: bytes) -> bytes:
    """Return the plaintext; one uniform `CryptoFailure` for another key, `info`, or any changed byte."""
    if len(sealed) < SEAL_OVERHEAD:
        raise _failure()
    try:
        return SUITE.decrypt(sealed, private._library_key(), info)
    except (InvalidTag, ValueError):
        # ValueError: an X25519 share of small order. The cause is kept out, so that failures look alike.
        raise _failure() from None


def _failure() -> CryptoFailure:
    return CryptoFailure("A sealed slot does not open with this key.", "It was made for another key, or altered.")
