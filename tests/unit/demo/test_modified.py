"""The modified client's draft: unmodified it is a sound record that opens; each falsified step has its own rule."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from record_kit import LEAF_INDEX, T0, World, escrow_opens, make_world

from tapeline.base.rules import Refused, Rule
from tapeline.base.times import MINUTE
from tapeline.crypto.group import Scalar
from tapeline.crypto.record.parse import parse_record
from tapeline.crypto.record.root import session_root
from tapeline.crypto.record.verify import VerifiedRecord, verify_record
from tapeline.demo.modified import Draft


@pytest.fixture
def world() -> World:
    return make_world({"acme": {"ann": 1, "ben": 2, "cora": 1}}, seed="modified")


def begin(world: World) -> Draft:
    pending = world.reserve()
    return Draft.begin(world.facts(), pending, world.receipts(pending), T0 + MINUTE, world.rng)


def judge(world: World, draft: Draft) -> VerifiedRecord:
    return verify_record(parse_record(draft.finish(world.sender.key, world.rng).record), world.facts())


def test_the_unmodified_twin_is_sound_and_escrow_opens_it(world: World) -> None:
    draft = begin(world)
    made = draft.finish(world.sender.key, world.rng)
    verified = verify_record(parse_record(made.record), world.facts())
    assert (verified.record_hash, verified.leaf_index) == (made.record_hash, LEAF_INDEX)
    m = escrow_opens(world, verified.c0, verified.escrow_rows[0])
    assert session_root(m, draft.reservation.q, made.record_hash) == made.root


def other_secret(world: World, draft: Draft) -> None:
    row = draft.escrow_rows[0]
    other = Scalar.random(world.rng).base_mul()
    draft.escrow_rows[0] = replace(row, sealed=other + row.point.mul(draft.r))


def ghost_key(world: World, draft: Draft) -> None:
    ghost = Scalar.random(world.rng).base_mul()
    row, ghost_id = draft.escrow_rows[0], world.rng(64)
    draft.context.escrow_key_ids[0] = ghost_id
    draft.escrow_rows[0] = replace(row, key_id=ghost_id, point=ghost, sealed=draft.m + ghost.mul(draft.r))


def ghost_member(world: World, draft: Draft) -> None:
    draft.add_row(world.outsider("acme", "zoe").prekey)


@pytest.mark.parametrize(
    ("change", "rule"),
    [(other_secret, Rule.REC_PROOF), (ghost_key, Rule.REC_ESCROW_KEY), (ghost_member, Rule.REC_GHOST_ROW)],
)
def test_each_falsified_step_is_refused_by_its_rule(
    change: Callable[[World, Draft], None], rule: Rule, world: World
) -> None:
    draft = begin(world)
    change(world, draft)
    with pytest.raises(Refused) as refused:
        judge(world, draft)
    assert refused.value.rule is rule
