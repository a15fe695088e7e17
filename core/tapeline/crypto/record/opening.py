"""Proof that a revealed M is what a record's row holds: the equality of two logarithms.

A recipient that knows p proves log_B P = log_C0 (C_i − M); the sender, who has no row, knows r and proves
log_B C0 = log_E1 (C_e1 − M). Either way M is what escrow's row holds, in a record whose shard's proof verifies.
"""

from __future__ import annotations

from tapeline.base.rules import Rule, refusing, require
from tapeline.crypto.dleq import EqualityProof, EqualityStatement, equality_holds
from tapeline.crypto.group import Point
from tapeline.crypto.record.rows import EscrowRow, Row

TAG = "opening"


def recipient_statement(record_hash: bytes, c0: Point, row: Row, m: Point) -> EqualityStatement:
    """Return log_B P = log_C0 (C − M)."""
    return EqualityStatement(TAG, public=row.point, base=c0, image=row.sealed - m, binding=(record_hash,))


def sender_statement(record_hash: bytes, c0: Point, row: EscrowRow, m: Point) -> EqualityStatement:
    """Return log_B C0 = log_E1 (C_e1 − M), for the first escrow row."""
    return EqualityStatement(TAG, public=c0, base=row.point, image=row.sealed - m, binding=(record_hash,))


def verify_opening(statement: EqualityStatement, proof: bytes) -> None:
    """Refuse under OPN-1 a proof that does not verify: M is not what the row holds."""
    with refusing(Rule.OPEN_SECRET, "The granted secret is not proven to be what the record's row holds."):
        require(
            equality_holds(statement, EqualityProof.decode(proof)),
            Rule.OPEN_SECRET,
            "The challenge is another.",
        )
