"""Activation: each custodian proves, with the share it restored from its store, that it can decrypt.

C0 comes from a hash, so no one chooses it and the answer is no oracle; the proof has a tag of its own, so it is never
a partial decryption of a record.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self, final

from tapeline.base.errors import MalformedInput
from tapeline.base.hashing import tagged_hash
from tapeline.base.rules import Rule, require
from tapeline.base.times import Rng
from tapeline.crypto.dleq import PROOF_BYTES, EqualityProof, EqualityStatement, equality_holds, prove_equality
from tapeline.crypto.group import POINT_BYTES, Point
from tapeline.crypto.shamir import KeyShare

ACTIVATION_BYTES = POINT_BYTES + PROOF_BYTES


@final
@dataclass(frozen=True, slots=True)
class ActivationChallenge:
    """What one custodian answers: the ceremony's transcript hash, who it is, and a nonce."""

    transcript_hash: bytes
    custodian: str
    nonce: bytes

    @property
    def c0(self) -> Point:
        """The test's C0 = from_uniform(H("activate", transcript hash, custodian, nonce)[:32])."""
        return Point.from_hash(tagged_hash("activate", *self._fields()))

    def statement(self, public: Point, image: Point) -> EqualityStatement:
        """Return log_B Y = log_C0 D for this challenge."""
        return EqualityStatement("activation", public, self.c0, image, self._fields())

    def _fields(self) -> tuple[bytes, ...]:
        return self.transcript_hash, self.custodian.encode("utf-8"), self.nonce


@final
@dataclass(frozen=True, slots=True)
class ActivationAnswer:
    """D ‖ c ‖ z: 96 bytes."""

    point: Point
    proof: EqualityProof

    def encode(self) -> bytes:
        """Return the 96 bytes."""
        return self.point.encode() + self.proof.encode()

    @classmethod
    def decode(cls, encoded: bytes) -> Self:
        """Return the answer of exactly these bytes."""
        if len(encoded) != ACTIVATION_BYTES:
            raise MalformedInput(f"An activation answer is not {ACTIVATION_BYTES} bytes.")
        return cls(Point.decode(encoded[:POINT_BYTES]), EqualityProof.decode(encoded[POINT_BYTES:]))


def make_activation(share: KeyShare, challenge: ActivationChallenge, rng: Rng) -> ActivationAnswer:
    """Return the answer; `share` must be the one restored from the store."""
    point = challenge.c0.mul(share.secret)
    return ActivationAnswer(point, prove_equality(challenge.statement(share.public, point), share.secret, rng))


def verify_activation(answer: ActivationAnswer, verification_share: Point, challenge: ActivationChallenge) -> None:
    """Refuse (DKG-8) an answer that does not prove a share with this Y_j; names the custodian."""
    require(
        equality_holds(challenge.statement(verification_share, answer.point), answer.proof),
        Rule.ACTIVATION,
        "An activation answer does not prove a working share.",
        culprit=challenge.custodian,
    )
