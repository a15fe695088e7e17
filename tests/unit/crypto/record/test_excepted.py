"""What the officers may except a record from is passed over alone: every other check of `verify_record` holds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from record_kit import DIRECTORY_LEAVES, NOTE_SIZE, T0, Draft, make_world, view_of

from tapeline.base.rules import Refused, Rule
from tapeline.crypto.group import B
from tapeline.crypto.limits import SUPERSEDED_MS
from tapeline.crypto.record.excepted import verify_with_exceptions
from tapeline.crypto.record.facts import Facts
from tapeline.crypto.record.parse import parse_record
from tapeline.crypto.record.verify import EXCEPTABLE, verify_record
from tapeline.wire.v1 import objects_pb2 as pb

WORLD = make_world(seed="excepted")
SUPERSEDED = replace(WORLD.others[0].fact.prekeys[0], superseded_ms=T0 - SUPERSEDED_MS - 1)
ALL = frozenset(EXCEPTABLE)


def nothing(draft: Draft) -> None:
    pass


def without_a_row(draft: Draft) -> None:
    draft.rows.pop(1)
    draft.slots.pop(1)


def made(change: Callable[[Draft], None] = nothing, **options: object) -> bytes:
    draft = WORLD.draft()
    change(draft)
    return WORLD.finish(draft, **options)


def refusal(record: bytes, facts: Facts, allowed: frozenset[Rule] = ALL) -> Rule | None:
    with pytest.raises(Refused) as caught:
        verify_with_exceptions(parse_record(record), facts, allowed)
    return caught.value.rule


VIEWS = [
    (Rule.REC_MISSING_ROW, without_a_row, WORLD.facts()),
    (Rule.REC_STALE_PREKEY, nothing, WORLD.with_device(1, prekeys=(SUPERSEDED,))),
    (Rule.REC_REVOKED, nothing, WORLD.with_device(1, revoked_index=NOTE_SIZE - 1)),
    (Rule.REC_DIRECTORY, nothing, WORLD.facts(directory_leaves=DIRECTORY_LEAVES + 1)),
]


@pytest.mark.parametrize(("rule", "change", "facts"), VIEWS, ids=lambda one: getattr(one, "name", ""))
def test_a_record_is_judged_by_all_other_rules(rule: Rule, change: Callable[[Draft], None], facts: Facts) -> None:
    record = made(change)
    verified, broken = verify_with_exceptions(parse_record(record), facts, ALL)
    assert (verified.record_hash, broken) == (parse_record(record).record_hash, {rule})
    assert refusal(record, facts, ALL - {rule}) is rule
    assert verify_with_exceptions(parse_record(made()), WORLD.facts(), ALL)[1] == frozenset()


def test_every_rule_that_a_record_breaks_needs_its_own() -> None:
    facts = WORLD.facts(directory_leaves=DIRECTORY_LEAVES + 1)
    both = frozenset({Rule.REC_DIRECTORY, Rule.REC_MISSING_ROW})
    record = made(without_a_row)
    assert verify_with_exceptions(parse_record(record), facts, both)[1] == both
    for one in both:
        assert refusal(record, facts, frozenset({one})) in both - {one}


def other_secret(draft: Draft) -> None:
    without_a_row(draft)
    draft.escrow_rows[0] = replace(draft.escrow_rows[0], sealed=draft.escrow_rows[0].sealed + B)


def forged(header: pb.SessionHeader) -> None:
    header.signature = bytes(64)


@pytest.mark.parametrize(
    ("rule", "record", "facts"),
    [
        (Rule.REC_PROOF, made(other_secret), WORLD.facts()),
        (Rule.REC_SIGNATURE, made(without_a_row, edit=forged), WORLD.facts()),
        (Rule.REC_ESCROW_KEY, made(without_a_row), WORLD.with_escrow("acme", superseded=True)),
        (Rule.REC_REVOKED, made(without_a_row), WORLD.with_escrow("acme", revoked_index=NOTE_SIZE - 1)),
        (Rule.REC_REVOKED, made(without_a_row), WORLD.with_device(0, revoked_index=NOTE_SIZE - 1)),
        (Rule.REC_MEMBERSHIP_OLD, made(without_a_row), WORLD.facts(newest_membership=bytes(64))),
        (Rule.REC_GHOST_ROW, made(), WORLD.with_device(1, prekeys=())),
    ],
)
def test_nothing_else_can_be_passed_over(rule: Rule, record: bytes, facts: Facts) -> None:
    assert refusal(record, facts, frozenset(Rule)) is rule


def test_an_expired_prekey_is_no_matter_of_the_view() -> None:
    fact = WORLD.others[0].fact.prekeys[0]
    expired = replace(fact, prekey=replace(fact.prekey, not_after_ms=T0))
    assert refusal(made(), WORLD.with_device(1, prekeys=(expired,))) is Rule.REC_STALE_PREKEY


def test_only_a_whole_record_is_excepted_and_only_from_these_rules() -> None:
    device, missing = WORLD.others[0], frozenset({Rule.REC_MISSING_ROW})
    with pytest.raises(TypeError):
        verify_record(view_of(made(), device), WORLD.facts(), own=device.fact, excepted=missing)
    with pytest.raises(TypeError):
        verify_record(parse_record(made()), WORLD.facts(), excepted=frozenset({Rule.REC_PROOF}))
