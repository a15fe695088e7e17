from __future__ import annotations

import pytest
from tlog_kit import ORIGIN, MemoryTiles, checkpoint_of, leaves, policy, signed

from tapeline.base.rules import Refused, Rule
from tapeline.transparency.proofs import inclusion_proof
from tapeline.transparency.tlogproof import TlogProof, parse_tlog_proof, verify_tlog_proof

NOTE = signed(checkpoint_of(leaves(11)), {"w1": 5, "w2": 6, "w3": 7})


def _proof(index: int, extra: bytes | None = None) -> TlogProof:
    tree = MemoryTiles()
    tree.append(leaves(11))
    return TlogProof(index, tuple(inclusion_proof(tree, index, 11)), NOTE, extra)


@pytest.mark.parametrize("index", range(11))
@pytest.mark.parametrize("extra", [None, b"context"])
def test_a_proof_survives_the_journey_and_verifies(index: int, extra: bytes | None) -> None:
    proof = _proof(index, extra)
    assert parse_tlog_proof(proof.encode()) == proof
    assert verify_tlog_proof(proof.encode(), b"leaf %d" % index, policy())[0] == index


@pytest.mark.rule(Rule.LOG_INCLUSION)
def test_another_leaf_or_place_is_refused() -> None:
    proof = _proof(4)
    for raw, leaf in [
        (proof.encode(), b"leaf 5"),
        (TlogProof(5, proof.path, NOTE).encode(), b"leaf 4"),
        (TlogProof(11, proof.path, NOTE).encode(), b"leaf 4"),
    ]:
        with pytest.raises(Refused) as refusal:
            verify_tlog_proof(raw, leaf, policy())
        assert refusal.value.rule is Rule.LOG_INCLUSION


@pytest.mark.rule(Rule.NOTE_SIGNATURE)
def test_another_log_is_refused() -> None:
    with pytest.raises(Refused) as refusal:
        verify_tlog_proof(_proof(4).encode(), b"leaf 4", policy(), log_origin=ORIGIN + "x")
    assert refusal.value.rule is Rule.NOTE_SIGNATURE


@pytest.mark.rule(Rule.POLICY_SYNTAX)
@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"c2sp.org/tlog-proof@v2\nindex 0\n\nx\n",
        b"c2sp.org/tlog-proof@v1\n\nx\n",
        b"c2sp.org/tlog-proof@v1\nindex 0\n\n",
        b"c2sp.org/tlog-proof@v1\nINDEX 0\n\nx\n",
        b"c2sp.org/tlog-proof@v1\nindex 00\n\nx\n",
        b"c2sp.org/tlog-proof@v1\nindex  0\n\nx\n",
        b"c2sp.org/tlog-proof@v1\nindex 9223372036854775808\n\nx\n",
        b"c2sp.org/tlog-proof@v1\nindex 0\nextra AA==\n\nx\n",
        b"c2sp.org/tlog-proof@v1\nextra \nindex 0\n\nx\n",
        b"c2sp.org/tlog-proof@v1\nextra AB==\nindex 0\n\nx\n",
        b"c2sp.org/tlog-proof@v1\nextra " + b"AAAA" * 20_000 + b"\nindex 0\n\nx\n",
        b"c2sp.org/tlog-proof@v1\nindex 0\nAAAA\n\nx\n",
        b"c2sp.org/tlog-proof@v1\nindex 0\n" + (b"A" * 43 + b"=\n") * 64 + b"\nx\n",
        b"c2sp.org/tlog-proof@v1\nindex 0\n\n" + b"x" * 500_000,
        "c2sp.org/tlog-proof@v1\nindex ٠\n\nx\n".encode(),
    ],
)
def test_a_malformed_proof_is_refused(raw: bytes) -> None:
    with pytest.raises(Refused) as refusal:
        parse_tlog_proof(raw)
    assert refusal.value.rule is Rule.POLICY_SYNTAX
