"""Shamir sharing over the scalars, Feldman's check and Lagrange interpolation (RFC 9591, appendix C).

Indices run from 1 to n; the secret lies at 0, so an index 0 would be the secret itself (DKG-2).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Self, final

from tapeline.base.errors import MalformedInput
from tapeline.base.rules import Rule, require
from tapeline.base.secret import Secret
from tapeline.crypto.group import SCALAR_BYTES, Point, Scalar, sum_points, sum_scalars

MAX_PARTICIPANTS = 255
_INDEX_BYTES = 4


@final
@dataclass(frozen=True, slots=True)
class KeyShare:
    """One custodian's share x_j of an escrow key; it never leaves the machine except sealed."""

    index: int
    secret: Scalar

    @property
    def public(self) -> Point:
        """The verification share Y_j = x_j B."""
        return self.secret.base_mul()

    def to_secret(self) -> Secret:
        """Return index (u32 little-endian) ‖ scalar, for a sealed store."""
        return Secret(self.index.to_bytes(_INDEX_BYTES, "little") + self.secret.to_bytes())

    @classmethod
    def from_secret(cls, stored: Secret) -> Self:
        """Return the share of 36 stored bytes."""
        data = stored.reveal()
        if len(data) != _INDEX_BYTES + SCALAR_BYTES:
            raise MalformedInput("A stored share is not 36 bytes.", "Restore the share from its backup.")
        index = int.from_bytes(data[:_INDEX_BYTES], "little")
        check_indices([index])
        return cls(index, Scalar.decode(data[_INDEX_BYTES:]))


def check_indices(indices: Collection[int], count: int = MAX_PARTICIPANTS) -> None:
    """Refuse (DKG-2) an index that is 0, doubled, or above `count`."""
    require(
        len(set(indices)) == len(indices) and all(1 <= index <= count for index in indices),
        Rule.DKG_INDEX,
        f"The participants' indices are not distinct numbers from 1 to {count}.",
    )


def evaluate(coefficients: Sequence[Scalar], index: int) -> Scalar:
    """Return f(index) of the polynomial with these coefficients, constant term first."""
    check_indices([index])
    return sum_scalars(a * Scalar.from_int(index**k) for k, a in enumerate(coefficients))


def evaluate_in_exponent(commitments: Sequence[Point], index: int) -> Point:
    """Return f(index) B from the commitments to the coefficients, constant term first."""
    check_indices([index])
    return sum_points(c.mul(Scalar.from_int(index**k)) for k, c in enumerate(commitments))


def lagrange_at_zero(index: int, indices: Collection[int]) -> Scalar:
    """Return λ_index, the weight of f(index) in f(0), over the set `indices` that holds `index`."""
    check_indices(indices)
    others = [other for other in indices if other != index]
    if len(others) != len(indices) - 1:
        raise ValueError("the index is not one of the interpolated set")
    numerator = _product(others)
    denominator = _product([other - index for other in others])
    return numerator * denominator.inverse()


def _product(values: Sequence[int]) -> Scalar:
    return reduce(Scalar.__mul__, (Scalar.from_int(value) for value in values), Scalar.from_int(1))


def interpolate(shares: Mapping[int, Scalar]) -> Scalar:
    """Return f(0) from at least deg f + 1 shares by index."""
    return sum_scalars(share * lagrange_at_zero(index, shares.keys()) for index, share in shares.items())


def interpolate_points(points: Mapping[int, Point]) -> Point:
    """Return f(0) G from at least deg f + 1 points f(j) G by index."""
    return sum_points(point.mul(lagrange_at_zero(index, points.keys())) for index, point in points.items())
