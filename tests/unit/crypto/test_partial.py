from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import pytest
from dkg_kit import Table, seeded

from tapeline.base.errors import MalformedInput
from tapeline.base.hashing import tagged_hash
from tapeline.base.rules import Refused, Rule
from tapeline.crypto.combine import combine
from tapeline.crypto.group import B, Scalar
from tapeline.crypto.partial import (
    PARTIAL_BYTES,
    Partial,
    PartialContext,
    VerifiedPartial,
    make_partial,
    verify_partial,
)

OUTCOMES = Table(3, 5).outcomes()
TRANSCRIPT = OUTCOMES[1].transcript
SHARES = TRANSCRIPT.verification_shares()
RNG = seeded("record")
R, M = Scalar.random(RNG), Scalar.random(RNG).base_mul()
C0, C_E = R.base_mul(), M + TRANSCRIPT.group_key.mul(R)
CONTEXT = PartialContext(tagged_hash("test", b"certificate"), tagged_hash("test", b"record"), b"w" * 32)
PARTIALS = {i: make_partial(outcome.share, C0, CONTEXT, RNG) for i, outcome in OUTCOMES.items()}


def _verified(*indices: int) -> list[VerifiedPartial]:
    return [verify_partial(PARTIALS[index], SHARES, C0, CONTEXT) for index in indices]


@pytest.mark.parametrize("chosen", combinations(range(1, 6), 3))
def test_any_t_custodians_open_the_row(chosen: tuple[int, ...]) -> None:
    assert combine(C_E, C0, _verified(*chosen), 3, CONTEXT) == M


def test_more_than_t_open_it_too() -> None:
    assert combine(C_E, C0, _verified(5, 1, 4, 2, 3), 3, CONTEXT) == M


def test_a_partial_is_100_bytes_and_comes_back() -> None:
    encoded = PARTIALS[2].encode()
    assert len(encoded) == PARTIAL_BYTES == 100
    assert Partial.decode(encoded) == PARTIALS[2]
    for wrong in (encoded[:-1], encoded + b"\0", b""):
        with pytest.raises(MalformedInput):
            Partial.decode(wrong)


OTHER = b"o" * 64
FOREIGN = {
    "certificate": replace(CONTEXT, certificate_hash=OTHER),
    "record": replace(CONTEXT, record_hash=OTHER),
    "warrant": replace(CONTEXT, warrant_leaf=OTHER[:32]),
}


@pytest.mark.rule(Rule.PARTIAL_PROOF)
@pytest.mark.parametrize("context", FOREIGN.values(), ids=FOREIGN.keys())
def test_a_proof_made_for_another_context_does_not_verify(context: PartialContext) -> None:
    with pytest.raises(Refused) as refusal:
        verify_partial(PARTIALS[4], SHARES, C0, context)
    assert (refusal.value.rule, refusal.value.culprit) == (Rule.PARTIAL_PROOF, "4")


@pytest.mark.rule(Rule.PARTIAL_PROOF)
def test_a_false_point_index_or_c0_names_its_custodian() -> None:
    for partial, c0 in (
        (replace(PARTIALS[1], point=PARTIALS[1].point + B), C0),
        (replace(PARTIALS[1], index=2), C0),
        (replace(PARTIALS[1], index=0), C0),
        (replace(PARTIALS[1], index=6), C0),
        (PARTIALS[1], C0 + B),
    ):
        with pytest.raises(Refused) as refusal:
            verify_partial(partial, SHARES, c0, CONTEXT)
        assert (refusal.value.rule, refusal.value.culprit) == (Rule.PARTIAL_PROOF, str(partial.index))


@pytest.mark.rule(Rule.PARTIAL_CONTEXT)
@pytest.mark.parametrize("context", FOREIGN.values(), ids=FOREIGN.keys())
def test_partials_of_another_warrant_do_not_combine(context: PartialContext) -> None:
    """Both partials are valid, and would open the row: custodian 3 only answered another warrant."""
    foreign = make_partial(OUTCOMES[3].share, C0, context, RNG)
    partials = [*_verified(1, 2), verify_partial(foreign, SHARES, C0, context)]
    with pytest.raises(Refused) as refusal:
        combine(C_E, C0, partials, 3, CONTEXT)
    assert (refusal.value.rule, refusal.value.culprit) == (Rule.PARTIAL_CONTEXT, "3")


@pytest.mark.rule(Rule.PARTIAL_COUNT)
@pytest.mark.parametrize("indices", [(), (1, 2), (1, 2, 2), (1, 2, 3, 3)])
def test_t_distinct_custodians_are_needed(indices: tuple[int, ...]) -> None:
    with pytest.raises(Refused) as refusal:
        combine(C_E, C0, _verified(*indices), 3, CONTEXT)
    assert refusal.value.rule is Rule.PARTIAL_COUNT


@pytest.mark.rule(Rule.OPEN_SECRET)
def test_a_row_of_the_identity_is_refused() -> None:
    with pytest.raises(Refused) as refusal:
        combine(TRANSCRIPT.group_key.mul(R), C0, _verified(1, 2, 3), 3, CONTEXT)
    assert refusal.value.rule is Rule.OPEN_SECRET


def test_nonces_are_hedged() -> None:
    """A generator that repeats gives no repeated nonce over another statement, and a fresh one changes the proof."""
    stuck = bytes(32)
    share = OUTCOMES[1].share
    first = make_partial(share, C0, CONTEXT, lambda _: stuck)
    second = make_partial(share, C0, FOREIGN["warrant"], lambda _: stuck)

    def nonce(partial: Partial) -> Scalar:
        return partial.proof.response - partial.proof.challenge * share.secret

    assert nonce(first) != nonce(second)
    assert nonce(first) == nonce(make_partial(share, C0, CONTEXT, lambda _: stuck))
    assert nonce(first) != nonce(make_partial(share, C0, CONTEXT, RNG))


def test_a_context_is_three_hashes() -> None:
    for wrong in ((b"short", OTHER, OTHER[:32]), (OTHER, b"short", OTHER[:32]), (OTHER, OTHER, OTHER)):
        with pytest.raises(MalformedInput):
            PartialContext(*wrong)
