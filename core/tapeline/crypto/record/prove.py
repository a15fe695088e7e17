"""The proof that one secret is in every row of a shard, proving side."""

from __future__ import annotations

from tapeline.base.times import Rng
from tapeline.crypto.group import Scalar
from tapeline.crypto.record.proof import Statement
from tapeline.crypto.record.rows import hash_rows


def prove(statement: Statement, r: Scalar, rng: Rng) -> bytes:
    """Return c ‖ z, 64 bytes, for the r of the statement's header."""
    nonce = _nonce(statement, r, rng)
    challenge = statement.challenge([base.mul(nonce) for base in statement.bases()])
    return challenge.to_bytes() + (nonce + challenge * r).to_bytes()


def _nonce(statement: Statement, r: Scalar, rng: Rng) -> Scalar:
    """Return H(secret, statement, fresh randomness): two challenges on one nonce would give r away."""
    return Scalar.from_hash(
        "nonce/proof", r.to_bytes(), statement.label, statement.c0.encode(), hash_rows(statement.rows), rng(64)
    )
