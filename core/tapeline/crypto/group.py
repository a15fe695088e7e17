"""The only doors to the group: strict points and scalars of edwards25519 (protocol, Notation).

libsodium's raw calls forgive too much: `add` and `sub` return the identity silently and accept torsion points,
`scalarmult` raises a bare RuntimeError for 0 and for the identity, `noclamp` ignores bit 255 of the scalar,
`scalar_add` is wrong for unreduced input. Nothing outside this module calls them.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from functools import reduce
from typing import NoReturn, final

from nacl import bindings as sodium

from tapeline.base.ed25519 import is_prime_order_point
from tapeline.base.errors import CryptoFailure
from tapeline.base.hashing import tagged_hash
from tapeline.base.rules import Rule, require
from tapeline.base.times import Rng

ORDER = 2**252 + 27742317777372353535851937790883648493
SCALAR_BYTES = 32
POINT_BYTES = 32
_ZERO = bytes(SCALAR_BYTES)
_IDENTITY = (1).to_bytes(32, "little")


@final
class Point:
    """A point of the prime-order subgroup that is not the identity; 32 bytes, RFC 8032 section 5.1.2."""

    __slots__ = ("_encoded",)
    _encoded: bytes

    def __init__(self) -> None:
        raise TypeError("use Point.decode, Scalar.base_mul or Point.from_hash")

    @classmethod
    def decode(cls, encoded: bytes) -> Point:
        """Return the point, or refuse what is not 32 bytes, not canonical, of small order, torsion or identity."""
        require(
            is_prime_order_point(encoded),
            Rule.GROUP_POINT,
            "A group element is not a canonical point of the prime-order subgroup, or is the identity.",
        )
        return cls._trusted(encoded)

    @classmethod
    def _trusted(cls, encoded: bytes) -> Point:
        point = object.__new__(cls)
        point._encoded = bytes(encoded)
        return point

    @classmethod
    def from_hash(cls, digest: bytes) -> Point:
        """Map the first 32 bytes of a hash to a point nobody knows the logarithm of (Elligator 2, cofactor cleared)."""
        return cls.decode(sodium.crypto_core_ed25519_from_uniform(digest[:32]))

    def encode(self) -> bytes:
        """Return the 32 canonical bytes."""
        return self._encoded

    def __add__(self, other: Point) -> Point:
        return _checked_result(sodium.crypto_core_ed25519_add(self._encoded, other._encoded))

    def __sub__(self, other: Point) -> Point:
        return _checked_result(sodium.crypto_core_ed25519_sub(self._encoded, other._encoded))

    def mul(self, scalar: Scalar) -> Point:
        """Return scalar · point; the scalar is non-zero by its type, so the result is no identity."""
        return Point._trusted(sodium.crypto_scalarmult_ed25519_noclamp(scalar.to_bytes(), self._encoded))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Point) and hmac.compare_digest(self._encoded, other._encoded)

    def __hash__(self) -> int:
        return hash(self._encoded)

    def __repr__(self) -> str:
        return "<Point>"  # no byte of it: a session's M is a point too


@final
class Scalar:
    """A scalar in [1, ℓ): secret where it is a key, so redacted, compared in constant time, never pickled."""

    __slots__ = ("_encoded",)
    _encoded: bytes

    def __init__(self) -> None:
        raise TypeError("use Scalar.decode, Scalar.random or Scalar.from_hash")

    @classmethod
    def decode(cls, encoded: bytes) -> Scalar:
        """Return the scalar of 32 little-endian bytes, or refuse 0 and anything ≥ ℓ."""
        # A secret is never a Python integer, whose comparison stops at the first digit that differs: below ℓ is what
        # libsodium's reduction leaves as it is.
        require(
            len(encoded) == SCALAR_BYTES
            and hmac.compare_digest(encoded, sodium.crypto_core_ed25519_scalar_reduce(encoded + _ZERO))
            and not hmac.compare_digest(encoded, _ZERO),
            Rule.GROUP_SCALAR,
            "A scalar is zero, not reduced, or not 32 bytes.",
        )
        return cls._trusted(encoded)

    @classmethod
    def _trusted(cls, encoded: bytes) -> Scalar:
        scalar = object.__new__(cls)
        scalar._encoded = bytes(encoded)
        return scalar

    @classmethod
    def wide(cls, digest: bytes) -> Scalar:
        """Reduce 64 uniform bytes modulo ℓ; zero has probability 2⁻²⁵² and is refused."""
        if len(digest) != 64:
            raise ValueError("wide reduction takes 64 bytes")
        return cls.decode(sodium.crypto_core_ed25519_scalar_reduce(digest))

    @classmethod
    def from_hash(cls, tag: str, *parts: bytes) -> Scalar:
        """Return H(tag, parts…) reduced to a scalar."""
        return cls.wide(tagged_hash(tag, *parts))

    @classmethod
    def random(cls, rng: Rng) -> Scalar:
        """Return a uniform non-zero scalar from 64 bytes of `rng`."""
        return cls.wide(rng(64))

    @classmethod
    def from_int(cls, value: int) -> Scalar:
        """Return a small public integer (a participant's index, say) as a scalar."""
        return cls.decode((value % ORDER).to_bytes(SCALAR_BYTES, "little"))

    def to_bytes(self) -> bytes:
        """Return the 32 little-endian bytes; the caller must not store or print those of a secret."""
        return self._encoded

    def base_mul(self) -> Point:
        """Return scalar · B."""
        return Point._trusted(sodium.crypto_scalarmult_ed25519_base_noclamp(self._encoded))

    def __add__(self, other: Scalar) -> Scalar:
        return Scalar.decode(sodium.crypto_core_ed25519_scalar_add(self._encoded, other._encoded))

    def __sub__(self, other: Scalar) -> Scalar:
        return Scalar.decode(sodium.crypto_core_ed25519_scalar_sub(self._encoded, other._encoded))

    def __mul__(self, other: Scalar) -> Scalar:
        return Scalar._trusted(sodium.crypto_core_ed25519_scalar_mul(self._encoded, other._encoded))

    def inverse(self) -> Scalar:
        """Return the multiplicative inverse modulo ℓ."""
        return Scalar._trusted(sodium.crypto_core_ed25519_scalar_invert(self._encoded))

    def negate(self) -> Scalar:
        """Return ℓ − scalar."""
        return Scalar._trusted(sodium.crypto_core_ed25519_scalar_negate(self._encoded))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Scalar) and hmac.compare_digest(self._encoded, other._encoded)

    __hash__ = None  # type: ignore[assignment]  # a secret is no dictionary key

    def __repr__(self) -> str:
        return "<Scalar, redacted>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Scalar is not pickled")


def _checked_result(encoded: bytes) -> Point:
    """Return the sum or difference of two valid points, refusing the identity, which libsodium returns silently."""
    if hmac.compare_digest(encoded, _IDENTITY):
        raise CryptoFailure("A sum of group elements is the identity.", "The input was crafted; discard it.")
    return Point._trusted(encoded)


def sum_points(points: Iterable[Point]) -> Point:
    """Return the sum of at least one point, refusing only a total that is the identity.

    Partial sums may be the identity: two colluding dealers can make theirs cancel, and that must harm no one else.
    """
    first, *rest = (point.encode() for point in points)
    return _checked_result(reduce(sodium.crypto_core_ed25519_add, rest, first))


def sum_scalars(scalars: Iterable[Scalar]) -> Scalar:
    """Return the sum of at least one scalar, refusing only a total of zero; partial sums may be zero."""
    first, *rest = (scalar.to_bytes() for scalar in scalars)
    return Scalar.decode(reduce(sodium.crypto_core_ed25519_scalar_add, rest, first))


B = Scalar.from_int(1).base_mul()
# Protocol, Notation: the second generator, whose logarithm to B nobody knows.
B_HAT = Point.from_hash(tagged_hash("generator2"))
