"""Proof that a revealed M is what a record's row holds: the equality of two logarithms.

A recipient that knows p proves log_B P = log_C0 (C_i − M); the sender, who has no row, knows r and proves
log_B C0 = log_E1 (C_e1 − M). Either way M is what escrow's row holds, for a record whose shard proof verifies.
"""

from __future__ import annotations

from dataclasses import dataclass

from tapeline.base.rules import Rule, refusing, require
from tapeline.base.times import Rng
from tapeline.crypto.group import B, Point, Scalar
from tapeline.crypto.limits import PROOF_BYTES
from tapeline.crypto.wire import fixed


@dataclass(frozen=True)
class OpeningStatement:
    """log_B `public` = log_`base` (`sealed` − M), for one record; M is secret."""

    record_hash: bytes
    public: Point
    base: Point
    sealed: Point
    m: Point

    def challenge(self, over_b: Point, over_base: Point) -> Scalar:
        """Return c = H("opening", record_hash, B, public, base, sealed, M, both commitments), reduced."""
        points = (B, self.public, self.base, self.sealed, self.m, over_b, over_base)
        return Scalar.from_hash("opening", self.record_hash, *(point.encode() for point in points))


def prove_opening(statement: OpeningStatement, secret: Scalar, rng: Rng) -> bytes:
    """Return c ‖ z, 64 bytes, for the logarithm of `statement.public`."""
    # Hedged: two challenges on one nonce would give the secret away.
    nonce = Scalar.from_hash("nonce/opening", secret.to_bytes(), statement.record_hash, statement.m.encode(), rng(64))
    challenge = statement.challenge(nonce.base_mul(), statement.base.mul(nonce))
    return challenge.to_bytes() + (nonce + challenge * secret).to_bytes()


def verify_opening(statement: OpeningStatement, proof: bytes) -> None:
    """Refuse under OPN-1 a proof that does not verify: M is not what the row holds."""
    fixed(proof, PROOF_BYTES, "opening proof")
    with refusing(Rule.OPEN_SECRET, "The secret is not proven to be the one that the record's row holds."):
        _check(statement, proof)


def _check(statement: OpeningStatement, proof: bytes) -> None:
    challenge, response = Scalar.decode(proof[:32]), Scalar.decode(proof[32:])
    over_b = response.base_mul() - statement.public.mul(challenge)
    over_base = statement.base.mul(response) - (statement.sealed - statement.m).mul(challenge)
    require(statement.challenge(over_b, over_base) == challenge, Rule.OPEN_SECRET, "The challenge is another.")
