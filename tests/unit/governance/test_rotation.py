"""Replacing witnesses: what leaves no gap, and what does."""

from __future__ import annotations

from dataclasses import replace

import pytest
from gov_kit import T0, Log, make_roster, sign_roster, successor, witness

from tapeline.base.rules import Refused, Rule
from tapeline.base.times import HOUR, MINUTE
from tapeline.governance.chain import OVERLAP_MS, RosterChain
from tapeline.governance.roster import WitnessQuorum
from tapeline.governance.rotation import QuorumGap, quorum_gap

BOTH = make_roster(witnesses=(witness("in1"), witness("out1")))
THREE = make_roster()


@pytest.mark.parametrize(
    ("before", "after", "gap"),
    [
        (BOTH, (witness("in1"), witness("out2")), QuorumGap(("out1",), 72 * HOUR)),
        (BOTH, (witness("in2"), witness("out2")), QuorumGap(("in1", "out1"), 72 * HOUR)),
        (BOTH, (witness("in1"), witness("out1"), witness("out2")), None),
        (BOTH, (replace(witness("in1"), name="house", url="http://moved/"), witness("out1")), None),
        (BOTH, (witness("in1"), replace(witness("out2"), name="out1")), QuorumGap(("out1",), 72 * HOUR)),
        (THREE, (witness("in1"), witness("out2")), None),
        (THREE, (witness("in1"), witness("out2"), witness("late1")), None),
        # Two of three remain, yet none of them from outside.
        (
            make_roster(witnesses=(witness("in1"), witness("in2"), witness("out1"))),
            (witness("in1"), witness("in2"), witness("out2")),
            QuorumGap(("out1",), 72 * HOUR),
        ),
    ],
)
def test_the_quorum_before_must_be_met_by_those_who_stay(before: object, after: tuple, gap: QuorumGap | None) -> None:
    assert quorum_gap(before, successor(before, witnesses=after)) == gap  # type: ignore[arg-type, type-var]


def test_whose_cosignatures_may_be_needed_is_asked() -> None:
    chain = RosterChain.pin(BOTH.statement_hash)
    second = successor(BOTH, witnesses=(witness("in1"), witness("out2")))
    third = successor(second, witnesses=(witness("in2"), witness("out2")))
    for roster, seen in ((BOTH, T0), (second, T0)):
        chain.add(sign_roster(roster), seen)

    def asked(at_ms: int) -> list[str]:
        return [one.name for one in chain.witnesses_to_ask(at_ms)]

    change = T0 + 72 * HOUR
    assert asked(T0) == ["in1", "out1", "out2"]
    assert asked(change + OVERLAP_MS - 1) == ["in1", "out1", "out2"]
    assert asked(change + OVERLAP_MS) == ["in1", "out2"]
    chain.add(sign_roster(third), change + HOUR)
    assert asked(change + HOUR) == ["in1", "out2", "in2"]
    assert (chain.counts_from(change), chain.counts_from(change + 200 * HOUR)) == (change + 73 * HOUR, None)


@pytest.mark.rule(Rule.NOTE_QUORUM)
def test_an_announced_quorum_vouches_for_a_leaf_and_a_past_one_for_nothing() -> None:
    chain, log = RosterChain.pin(BOTH.statement_hash), Log("acme.example/audit")
    log.append(b"leaf")
    second = successor(BOTH, witnesses=(witness("late1"), witness("late2")), witness_quorum=WitnessQuorum(2, 1))
    for roster in (BOTH, second):
        chain.add(sign_roster(roster), T0)
    new, old = log.note(T0, by=("late1", "late2")), log.note(T0 + 80 * HOUR)
    assert chain.verify_announced_audit_note(new, T0 + MINUTE).size == 1
    assert chain.verify_announced_audit_note(log.note(T0), T0 + MINUTE).size == 1
    for verify in (
        lambda: chain.verify_audit_note(new),
        lambda: chain.verify_announced_audit_note(old, T0 + 80 * HOUR),
    ):
        with pytest.raises(Refused) as refusal:
            verify()
        assert refusal.value.rule is Rule.NOTE_QUORUM
