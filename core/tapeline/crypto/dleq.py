"""Proofs that two points have the same logarithm, log_B Y = log_G D (Chaum and Pedersen 1992), compact (c, z)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self, final

from tapeline.base.errors import CryptoFailure, MalformedInput
from tapeline.base.hashing import counted
from tapeline.base.times import Rng
from tapeline.crypto.group import SCALAR_BYTES, B, Point, Scalar

PROOF_BYTES = 2 * SCALAR_BYTES


@final
@dataclass(frozen=True, slots=True)
class EqualityStatement:
    """log_B `public` = log_`base` `image`, bound to a tag of its own and to further hashed parts."""

    tag: str
    public: Point
    base: Point
    image: Point
    binding: tuple[bytes, ...]

    def challenge(self, over_b: Point, over_base: Point) -> Scalar:
        """Return c = H(tag, B, Y, G, D, both commitments, binding…) as a scalar."""
        points = (B, self.public, self.base, self.image, over_b, over_base)
        return Scalar.from_hash(self.tag, *(point.encode() for point in points), *self.binding)

    def encode(self) -> bytes:
        """Return the statement unambiguously, for the nonce's hash."""
        points = (self.public, self.base, self.image)
        return counted([self.tag.encode("ascii"), *(point.encode() for point in points), *self.binding])


@final
@dataclass(frozen=True, slots=True)
class EqualityProof:
    """Challenge and response, 64 bytes."""

    challenge: Scalar
    response: Scalar

    def encode(self) -> bytes:
        """Return c ‖ z."""
        return self.challenge.to_bytes() + self.response.to_bytes()

    @classmethod
    def decode(cls, encoded: bytes) -> Self:
        """Return the proof; scalars that are zero or not reduced are refused (GRP-2)."""
        if len(encoded) != PROOF_BYTES:
            raise MalformedInput("A proof of equal logarithms is not 64 bytes.")
        return cls(Scalar.decode(encoded[:SCALAR_BYTES]), Scalar.decode(encoded[SCALAR_BYTES:]))


def prove_equality(statement: EqualityStatement, secret: Scalar, rng: Rng) -> EqualityProof:
    """Prove the statement with its witness `secret`.

    The nonce is hedged: H(secret, statement, fresh randomness), so neither a repeated random string nor a faulty
    second run over another statement repeats a nonce (protocol, Partial decryption and opening).
    """
    nonce = Scalar.from_hash("nonce/" + statement.tag, secret.to_bytes(), statement.encode(), rng(32))
    challenge = statement.challenge(nonce.base_mul(), statement.base.mul(nonce))
    return EqualityProof(challenge, nonce + challenge * secret)


def equality_holds(statement: EqualityStatement, proof: EqualityProof) -> bool:
    """Tell whether the proof verifies: recompute both commitments from (c, z) and compare the challenge."""
    c, z = proof.challenge, proof.response
    try:
        over_b = z.base_mul() - statement.public.mul(c)
        over_base = statement.base.mul(z) - statement.image.mul(c)
    except CryptoFailure:  # a commitment that is the identity: no honest prover makes one
        return False
    return statement.challenge(over_b, over_base) == c
