from __future__ import annotations

from itertools import combinations

import pytest
from dkg_kit import seeded

from tapeline.base.errors import MalformedInput
from tapeline.base.rules import Refused, Rule
from tapeline.base.secret import Secret
from tapeline.crypto.group import Scalar
from tapeline.crypto.shamir import KeyShare, check_indices, evaluate, interpolate, lagrange_at_zero

POLYNOMIAL = [Scalar.random(seeded("polynomial")) for _ in range(3)]


def test_any_three_of_five_shares_give_the_secret_and_two_do_not() -> None:
    shares = {index: evaluate(POLYNOMIAL, index) for index in range(1, 6)}
    for chosen in combinations(shares, 3):
        assert interpolate({index: shares[index] for index in chosen}) == POLYNOMIAL[0]
    for chosen in combinations(shares, 2):
        assert interpolate({index: shares[index] for index in chosen}) != POLYNOMIAL[0]


@pytest.mark.rule(Rule.DKG_INDEX)
@pytest.mark.parametrize("indices", [[0], [1, 2, 0], [1, 1], [4], [-1]])
def test_indices_are_distinct_from_1_to_n(indices: list[int]) -> None:
    with pytest.raises(Refused) as refusal:
        check_indices(indices, 3)
    assert refusal.value.rule is Rule.DKG_INDEX


def test_no_one_gets_the_polynomial_at_zero() -> None:
    with pytest.raises(Refused) as refusal:
        evaluate(POLYNOMIAL, 0)
    assert refusal.value.rule is Rule.DKG_INDEX


def test_a_weight_is_of_a_member_of_the_set() -> None:
    with pytest.raises(ValueError, match="interpolated set"):
        lagrange_at_zero(4, [1, 2, 3])


def test_a_share_is_stored_as_36_bytes_and_shows_nothing() -> None:
    share = KeyShare(7, POLYNOMIAL[0])
    assert KeyShare.from_secret(share.to_secret()) == share
    assert share.secret.to_bytes().hex() not in repr(share)
    for length in (35, 37):
        with pytest.raises(MalformedInput):
            KeyShare.from_secret(Secret(b"\1" * length))
