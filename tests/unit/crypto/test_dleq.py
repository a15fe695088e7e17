from __future__ import annotations

from dataclasses import replace

import pytest
from dkg_kit import seeded

from tapeline.base.errors import MalformedInput
from tapeline.crypto.dleq import PROOF_BYTES, EqualityProof, EqualityStatement, equality_holds, prove_equality
from tapeline.crypto.group import B, Point, Scalar

RNG = seeded("dleq")
SECRET = Scalar.random(RNG)
BASE = Scalar.random(RNG).base_mul()
STATEMENT = EqualityStatement("test", SECRET.base_mul(), BASE, BASE.mul(SECRET), (b"one", b"two"))
PROOF = prove_equality(STATEMENT, SECRET, RNG)


def test_a_proof_holds_and_comes_back() -> None:
    assert equality_holds(STATEMENT, PROOF)
    assert EqualityProof.decode(PROOF.encode()) == PROOF


@pytest.mark.parametrize(
    "change",
    [
        {"tag": "tess"},
        {"public": B},
        {"base": B},
        {"image": B},
        {"binding": (b"one", b"twO")},
        {"binding": (b"onet", b"wo")},
        {"binding": (b"one", b"two", b"")},
    ],
)
def test_every_part_of_the_statement_is_bound(change: dict[str, str | Point | tuple[bytes, ...]]) -> None:
    assert not equality_holds(replace(STATEMENT, **change), PROOF)  # type: ignore[arg-type]


def test_different_logarithms_have_no_proof() -> None:
    false = replace(STATEMENT, image=BASE.mul(SECRET + Scalar.from_int(1)))
    assert not equality_holds(false, prove_equality(false, SECRET, RNG))


def test_a_commitment_that_is_the_identity_is_no_proof() -> None:
    challenge = Scalar.from_int(9)
    assert not equality_holds(STATEMENT, EqualityProof(challenge, challenge * SECRET))


@pytest.mark.parametrize("length", [0, PROOF_BYTES - 1, PROOF_BYTES + 1])
def test_a_proof_has_one_length(length: int) -> None:
    with pytest.raises(MalformedInput):
        EqualityProof.decode(b"\1" * length)
