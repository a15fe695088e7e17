"""Where and when a leaf stands."""

from __future__ import annotations

import pytest
from tlog_kit import leaves

from tapeline.base.rules import Refused, Rule
from tapeline.base.times import MINUTE, SECOND
from tapeline.crypto.record.dating import SeenCheckpoint, require_dated, require_included
from tapeline.transparency.merkle import leaf_hash, node_hash

LACKING = SeenCheckpoint(size=10, time_ms=1_000_000)
HOLDING = SeenCheckpoint(size=20, time_ms=1_060_000)


def test_a_leaf_between_its_checkpoints_passes() -> None:
    for leaf_time in (LACKING.time_ms - 30 * SECOND, LACKING.time_ms, HOLDING.time_ms, HOLDING.time_ms + 10 * MINUTE):
        require_dated(10, leaf_time, lacking=LACKING, holding=HOLDING)
    require_dated(10, 0, lacking=None, holding=None)


@pytest.mark.rule(Rule.REC_BACKDATED)
@pytest.mark.parametrize("leaf_time", [LACKING.time_ms - 30 * SECOND - 1, HOLDING.time_ms + 10 * MINUTE + 1])
def test_a_leaf_dated_falsely_is_refused(leaf_time: int) -> None:
    with pytest.raises(Refused) as caught:
        require_dated(10, leaf_time, lacking=LACKING, holding=HOLDING)
    assert caught.value.rule is Rule.REC_BACKDATED


def test_checkpoints_on_the_wrong_side_say_nothing() -> None:
    require_dated(9, LACKING.time_ms - MINUTE, lacking=LACKING, holding=None)
    require_dated(20, HOLDING.time_ms + 20 * MINUTE, lacking=None, holding=HOLDING)


@pytest.mark.rule(Rule.REC_INCLUSION)
def test_a_leaf_that_is_not_proven_to_be_included_is_refused() -> None:
    one, two = leaves(2)
    root = node_hash(leaf_hash(one), leaf_hash(two))
    require_included(one, 0, 2, [leaf_hash(two)], root)
    for leaf, index, proof in ((two, 0, [leaf_hash(two)]), (one, 1, [leaf_hash(two)]), (one, 0, [])):
        with pytest.raises(Refused) as caught:
            require_included(leaf, index, 2, proof, root)
        assert caught.value.rule is Rule.REC_INCLUSION
