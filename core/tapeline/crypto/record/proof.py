"""The proof that one secret is in every row of a shard (protocol, step 4), verifying side.

Statement: ∃ r: C0 = rB ∧ Ĉ0 = rĜ ∧ for every escrow row but the first, and every row of the shard,
C_k − C_e1 = r(P_k − E_1). A compact AND-composed sigma protocol, c ‖ z, 64 bytes. Ĉ0 is TDH2's second half of the
header: whoever makes a record knows r, so nobody can bend another's C0 into a ciphertext of their own.
Every relation is checked by itself: a random linear combination would be faster, and a coin more to get wrong.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tapeline.base.hashing import counted
from tapeline.base.rules import Rule, refusing, require
from tapeline.crypto.group import B_HAT, B, Point, Scalar
from tapeline.crypto.limits import PROOF_BYTES
from tapeline.crypto.record.rows import EscrowRow, Row, hash_rows
from tapeline.crypto.wire import fixed


@dataclass(frozen=True)
class Statement:
    """One shard's statement: the label, the header, the escrow rows, and the shard's rows."""

    label: bytes
    c0: Point
    c0_hat: Point
    escrow_rows: Sequence[EscrowRow]
    rows: Sequence[Row]

    def bases(self) -> list[Point]:
        """Return B, Ĝ and every P_k − E_1: what r multiplies."""
        first = self.escrow_rows[0].point
        return [B, B_HAT, *(row.point - first for row in self._relations())]

    def images(self) -> list[Point]:
        """Return C0, Ĉ0 and every C_k − C_e1, in the order of `bases`."""
        first = self.escrow_rows[0].sealed
        return [self.c0, self.c0_hat, *(row.sealed - first for row in self._relations())]

    def challenge(self, commitments: Sequence[Point]) -> Scalar:
        """Return c = H("proof", B, Ĝ, label, C0, Ĉ0, escrow rows, rows, commitments), reduced."""
        return Scalar.from_hash(
            "proof",
            B.encode(),
            B_HAT.encode(),
            self.label,
            self.c0.encode(),
            self.c0_hat.encode(),
            hash_rows(self.escrow_rows),
            hash_rows(self.rows),
            counted(point.encode() for point in commitments),
        )

    def _relations(self) -> list[EscrowRow | Row]:
        return [*self.escrow_rows[1:], *self.rows]


def verify_proof(statement: Statement, proof: bytes) -> None:
    """Refuse under REC-9 a proof that does not verify; a sum that is the identity refuses as well."""
    fixed(proof, PROOF_BYTES, "shard's proof")
    with refusing(Rule.REC_PROOF, "A shard's proof does not verify: its rows may hold another secret than escrow's."):
        _check(statement, proof)


def _check(statement: Statement, proof: bytes) -> None:
    challenge, response = Scalar.decode(proof[:32]), Scalar.decode(proof[32:])
    commitments = [
        base.mul(response) - image.mul(challenge)
        for base, image in zip(statement.bases(), statement.images(), strict=True)
    ]
    require(statement.challenge(commitments) == challenge, Rule.REC_PROOF, "The challenge is another.")
