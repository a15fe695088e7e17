"""Partial decryption: D_j = x_j C0 with a proof that names one certificate, record and warrant.

`make_partial` is the custodian's, after its whole gate; combining is the reviewer's, in `combine`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self, final

from tapeline.base.errors import MalformedInput
from tapeline.base.hashing import HASH_BYTES
from tapeline.base.rules import Rule, require
from tapeline.base.times import Rng
from tapeline.crypto.culprit import naming
from tapeline.crypto.dleq import PROOF_BYTES, EqualityProof, EqualityStatement, equality_holds, prove_equality
from tapeline.crypto.group import POINT_BYTES, Point
from tapeline.crypto.shamir import KeyShare

_INDEX_BYTES = 4
_LEAF_HASH_BYTES = 32
PARTIAL_BYTES = _INDEX_BYTES + POINT_BYTES + PROOF_BYTES


@final
@dataclass(frozen=True, slots=True)
class PartialContext:
    """What a partial is for: certificate and record hash of 64 bytes, RFC 6962 leaf hash of the warrant of 32."""

    certificate_hash: bytes
    record_hash: bytes
    warrant_leaf: bytes

    def __post_init__(self) -> None:
        lengths = (len(self.certificate_hash), len(self.record_hash), len(self.warrant_leaf))
        if lengths != (HASH_BYTES, HASH_BYTES, _LEAF_HASH_BYTES):
            raise MalformedInput("A partial's certificate, record or warrant leaf hash has a wrong length.")


@final
@dataclass(frozen=True, slots=True)
class Partial:
    """index (u32 little-endian) ‖ D ‖ c ‖ z: 100 bytes."""

    index: int
    point: Point
    proof: EqualityProof

    def encode(self) -> bytes:
        """Return the 100 bytes."""
        return self.index.to_bytes(_INDEX_BYTES, "little") + self.point.encode() + self.proof.encode()

    @classmethod
    def decode(cls, encoded: bytes) -> Self:
        """Return the partial; a point or scalar that is not canonical is refused (GRP-1, GRP-2), naming its index."""
        if len(encoded) != PARTIAL_BYTES:
            raise MalformedInput("A partial decryption is not 100 bytes.")
        index, rest = int.from_bytes(encoded[:_INDEX_BYTES], "little"), encoded[_INDEX_BYTES:]
        with naming(index):
            return cls(index, Point.decode(rest[:POINT_BYTES]), EqualityProof.decode(rest[POINT_BYTES:]))


@final
@dataclass(frozen=True, slots=True)
class VerifiedPartial:
    """A partial that `verify_partial` accepted, with what it was verified for."""

    partial: Partial
    c0: Point
    context: PartialContext


def make_partial(share: KeyShare, c0: Point, context: PartialContext, rng: Rng) -> Partial:
    """Return D_j = x_j C0 with its proof; call it only after every check of the gate."""
    point = c0.mul(share.secret)
    statement = _statement(share.index, share.public, c0, point, context)
    return Partial(share.index, point, prove_equality(statement, share.secret, rng))


def verify_partial(
    partial: Partial, verification_shares: Sequence[Point], c0: Point, context: PartialContext
) -> VerifiedPartial:
    """Return the verified partial, or refuse it (PAR-1) and name its custodian by index.

    `verification_shares` are Y_1 … Y_n of the certificate whose hash the context holds.
    """
    require(
        1 <= partial.index <= len(verification_shares) and _holds(partial, verification_shares, c0, context),
        Rule.PARTIAL_PROOF,
        "A partial decryption's proof does not verify.",
        culprit=str(partial.index),
    )
    return VerifiedPartial(partial, c0, context)


def _holds(partial: Partial, verification_shares: Sequence[Point], c0: Point, context: PartialContext) -> bool:
    public = verification_shares[partial.index - 1]
    return equality_holds(_statement(partial.index, public, c0, partial.point, context), partial.proof)


def _statement(index: int, public: Point, c0: Point, point: Point, context: PartialContext) -> EqualityStatement:
    binding = (
        index.to_bytes(_INDEX_BYTES, "little"),
        context.certificate_hash,
        context.record_hash,
        context.warrant_leaf,
    )
    return EqualityStatement("partial", public, c0, point, binding)
