"""Steps 7 to 9 of `verify_record`, for a whole record: shards, device rows, distinct keys."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from record_kit import LEAF_INDEX, NOTE_SIZE, T0, Draft, make_world, refusal_of

from tapeline.base.rules import Refused, Rule
from tapeline.base.times import HOUR
from tapeline.crypto.limits import SHARD_ROWS
from tapeline.crypto.record.facts import DeviceFact, Facts, PrekeyFact
from tapeline.crypto.record.parse import parse_record
from tapeline.crypto.record.rows import Shard
from tapeline.crypto.record.verify import verify_record

WORLD = make_world(seed="rows")
WIDE = make_world({"acme": {"ann": 1, "ben": 67}, "bolt": {"cora": 1}}, seed="wide")
SUPERSEDED = 24 * HOUR


def refused(change: Callable[[Draft], None], facts: Facts | None = None) -> Rule:
    draft = WORLD.draft()
    change(draft)
    return refusal_of(WORLD.finish(draft), facts or WORLD.facts())


def refused_facts(facts: Facts) -> Rule:
    return refusal_of(WORLD.finish(WORLD.draft()), facts)


def refused_shards(change: Callable[[list[Shard]], list[Shard]]) -> Rule:
    """Let the modified client of the wide world cut its shards by itself."""
    draft = WIDE.draft()
    shards = change(draft.shards())
    return refusal_of(WIDE.finish(draft, shards=shards), WIDE.facts())


def with_prekey(fact: PrekeyFact) -> Facts:
    """Return facts in which Ben's first device has this prekey alone."""
    return WORLD.with_device(1, prekeys=(fact,))


# --- 7: shards ---


def test_rows_over_64_take_two_shards() -> None:
    record = parse_record(WIDE.create().record)
    assert [len(shard.rows) for shard in record.shards] == [SHARD_ROWS, 4]
    assert verify_record(record, WIDE.facts()).row_users == {("acme", "ben"), ("bolt", "cora")}


def test_a_conversation_of_one_device_has_one_empty_shard() -> None:
    alone = make_world({"acme": {"ann": 1}}, seed="alone")
    record = parse_record(alone.create().record)
    assert [len(shard.rows) for shard in record.shards] == [0]
    assert verify_record(record, alone.facts()).row_users == frozenset()


def reorder(draft: Draft) -> None:
    draft.rows.reverse()
    draft.slots.reverse()


def double(draft: Draft) -> None:
    draft.rows.insert(0, draft.rows[0])
    draft.slots.insert(0, draft.slots[0])


@pytest.mark.rule(Rule.REC_ORDER)
@pytest.mark.parametrize("change", [reorder, double])
def test_rows_reordered_or_doubled_are_refused(change: Callable[[Draft], None]) -> None:
    assert refused(change) is Rule.REC_ORDER


def renumber(shards: list[Shard]) -> list[Shard]:
    return [replace(shard, number=shard.number + 1) for shard in shards]


def swap(shards: list[Shard]) -> list[Shard]:
    return [replace(shard, number=n) for n, shard in enumerate(reversed(shards))]


def move_last_row(shards: list[Shard]) -> list[Shard]:
    """Move a row from the first shard to the second: another cut of the same rows."""
    first, second = shards
    return [
        Shard(0, first.rows[:-1], first.slot_hashes[:-1]),
        Shard(1, first.rows[-1:] + second.rows, first.slot_hashes[-1:] + second.slot_hashes),
    ]


def add_empty(shards: list[Shard]) -> list[Shard]:
    return [*shards, Shard(2, (), ())]


def lose_slot_hash(shards: list[Shard]) -> list[Shard]:
    return [shards[0], replace(shards[1], slot_hashes=shards[1].slot_hashes[:-1])]


@pytest.mark.rule(Rule.REC_ORDER)
@pytest.mark.parametrize("change", [renumber, swap, move_last_row, add_empty, lose_slot_hash])
def test_another_cut_into_shards_is_refused(change: Callable[[list[Shard]], list[Shard]]) -> None:
    assert refused_shards(change) is Rule.REC_ORDER


@pytest.mark.rule(Rule.REC_ORDER)
def test_a_shard_without_a_proof_of_its_own_is_refused() -> None:
    draft = WIDE.draft()
    proofs = list(parse_record(WIDE.finish(draft)).header.proofs)
    assert refusal_of(WIDE.finish(draft, proofs=proofs[:1]), WIDE.facts()) is Rule.REC_ORDER


@pytest.mark.rule(Rule.REC_SHARD_HASH)
def test_rows_other_than_the_shard_hash_commits_to_are_refused() -> None:
    """Another row with the same proof and signature: only the shard hash ties rows to them."""
    draft = WORLD.draft()
    record = parse_record(WORLD.finish(draft))
    rows = record.shards[0].rows
    moved = replace(record.shards[0], rows=(replace(rows[0], sealed=rows[1].sealed), *rows[1:]))
    with pytest.raises(Refused) as caught:
        verify_record(replace(record, shards=(moved,)), WORLD.facts())
    assert caught.value.rule is Rule.REC_SHARD_HASH


@pytest.mark.rule(Rule.REC_SHARD_HASH)
@pytest.mark.parametrize("what", ["swapped", "altered", "missing"])
def test_device_slots_other_than_the_shards_list_are_refused(what: str) -> None:
    draft = WORLD.draft()
    shards = draft.shards()
    if what == "swapped":
        draft.slots.reverse()
    elif what == "altered":
        draft.slots[0] = draft.slots[0][:-1] + bytes([draft.slots[0][-1] ^ 1])
    else:
        draft.slots.pop()
    assert refusal_of(WORLD.finish(draft, shards=shards), WORLD.facts()) is Rule.REC_SHARD_HASH


# --- 8: rows ---


@pytest.mark.rule(Rule.REC_GHOST_ROW)
def test_a_row_for_a_device_of_no_member_is_refused() -> None:
    eve = WORLD.outsider("acme", "eve")
    facts = WORLD.facts(devices=(*WORLD.facts().devices, eve.fact))
    assert refused(lambda draft: WORLD.add_row(draft, eve.prekey), facts) is Rule.REC_GHOST_ROW


@pytest.mark.rule(Rule.REC_GHOST_ROW)
def test_a_row_under_a_prekey_that_no_log_holds_is_refused() -> None:
    prekey = WORLD.prekey_of(WORLD.others[0])
    assert refused(lambda draft: WORLD.add_row(draft, prekey)) is Rule.REC_GHOST_ROW


@pytest.mark.rule(Rule.REC_GHOST_ROW)
def test_a_row_for_the_sender_device_itself_is_refused() -> None:
    assert refused(lambda draft: WORLD.add_row(draft, WORLD.sender.prekey)) is Rule.REC_GHOST_ROW


@pytest.mark.rule(Rule.REC_GHOST_ROW)
@pytest.mark.parametrize(
    "facts",
    [
        WORLD.with_device(1, leaf_index=NOTE_SIZE),
        with_prekey(replace(WORLD.others[0].fact.prekeys[0], leaf_index=NOTE_SIZE)),
        WORLD.with_device(1, device=replace(WORLD.others[0].entry, not_after_ms=T0)),
    ],
    ids=["device after the note", "prekey after the note", "device expired"],
)
def test_a_device_or_prekey_outside_the_view_is_refused(facts: Facts) -> None:
    assert refused_facts(facts) is Rule.REC_GHOST_ROW


@pytest.mark.rule(Rule.REC_ROW_KEY)
def test_a_row_whose_point_is_not_its_prekeys_is_refused() -> None:
    """The sender's own point under Ben's prekey hash: Ben could not open it."""

    def change(draft: Draft) -> None:
        ghost = WORLD.sender.prekey.point
        draft.rows[0] = replace(draft.rows[0], point=ghost, sealed=draft.m + ghost.mul(draft.r))

    assert refused(change) is Rule.REC_ROW_KEY


@pytest.mark.rule(Rule.REC_STALE_PREKEY)
@pytest.mark.parametrize(
    "changes",
    [{"prekey": replace(WORLD.others[0].prekey, not_after_ms=T0)}, {"superseded_ms": T0 - SUPERSEDED - 1}],
    ids=["expired", "superseded over 24 hours before"],
)
def test_an_expired_or_long_superseded_prekey_is_refused(changes: dict[str, object]) -> None:
    fact = replace(WORLD.others[0].fact.prekeys[0], **changes)  # type: ignore[arg-type]
    assert refused_facts(with_prekey(fact)) is Rule.REC_STALE_PREKEY


def test_a_prekey_superseded_by_24_hours_is_accepted_beside_its_successor() -> None:
    old = replace(WORLD.others[0].fact.prekeys[0], superseded_ms=T0 - SUPERSEDED)
    new = PrekeyFact(WORLD.prekey_of(WORLD.others[0]), 30, None)
    record = parse_record(WORLD.finish(WORLD.draft()))
    verify_record(record, WORLD.with_device(1, prekeys=(old, new)))


@pytest.mark.rule(Rule.REC_ORDER)
def test_two_rows_for_one_device_are_refused() -> None:
    prekey = WORLD.prekey_of(WORLD.others[0])
    facts = WORLD.with_device(1, prekeys=(*WORLD.others[0].fact.prekeys, PrekeyFact(prekey, 30, None)))
    assert refused(lambda draft: WORLD.add_row(draft, prekey), facts) is Rule.REC_ORDER


@pytest.mark.rule(Rule.REC_MISSING_ROW)
def test_a_members_device_left_out_is_refused_and_may_be_tried_again() -> None:
    draft = WORLD.draft()
    draft.rows.pop(1)
    draft.slots.pop(1)
    with pytest.raises(Refused) as caught:
        verify_record(parse_record(WORLD.finish(draft)), WORLD.facts())
    assert caught.value.rule is Rule.REC_MISSING_ROW
    assert caught.value.retryable


def stale() -> DeviceFact:
    fact = WORLD.others[1].fact
    return replace(fact, prekeys=(replace(fact.prekeys[0], superseded_ms=T0 - SUPERSEDED - 1),))


def test_a_stale_device_may_be_left_out() -> None:
    facts = WORLD.with_device(2, prekeys=stale().prekeys)
    created = WORLD.create(facts)
    assert [fact.device.entry_hash for fact in created.stale] == [WORLD.others[1].entry.entry_hash]
    verify_record(parse_record(created.record), facts)
    assert refusal_of(created.record, WORLD.facts()) is Rule.REC_MISSING_ROW


def test_a_device_that_came_after_the_note_may_be_left_out() -> None:
    late = WORLD.with_device(2, leaf_index=NOTE_SIZE)
    verify_record(parse_record(WORLD.create(late).record), late)


@pytest.mark.rule(Rule.REC_REVOKED)
@pytest.mark.parametrize("index", [0, NOTE_SIZE - 1, NOTE_SIZE, LEAF_INDEX - 1])
def test_a_row_for_a_revoked_device_is_refused(index: int) -> None:
    assert refused_facts(WORLD.with_device(1, revoked_index=index)) is Rule.REC_REVOKED


def test_a_device_revoked_in_the_view_is_left_out() -> None:
    facts = WORLD.with_device(1, revoked_index=NOTE_SIZE - 1)
    created = WORLD.create(facts)
    assert not created.stale
    verify_record(parse_record(created.record), facts)


@pytest.mark.rule(Rule.REC_MISSING_ROW)
def test_a_device_revoked_after_the_note_is_still_in_the_view() -> None:
    """Its row would be refused as revoked, and its absence as missing: the sender needs a newer note."""
    draft = WORLD.draft(WORLD.with_device(1, revoked_index=0))
    facts = WORLD.with_device(1, revoked_index=NOTE_SIZE)
    assert refusal_of(WORLD.finish(draft), facts) is Rule.REC_MISSING_ROW


# --- 9: distinct keys ---


@pytest.mark.rule(Rule.PREKEY_DISTINCT)
def test_two_devices_with_one_point_are_refused() -> None:
    copy = replace(WORLD.others[1].prekey, point=WORLD.others[0].prekey.point)
    facts = WORLD.with_device(2, prekeys=(PrekeyFact(copy, 20, None),))
    draft = WORLD.draft(facts)
    assert refusal_of(WORLD.finish(draft), facts) is Rule.PREKEY_DISTINCT


@pytest.mark.rule(Rule.PREKEY_DISTINCT)
@pytest.mark.parametrize("firm", ["acme", "bolt"])
def test_a_prekey_equal_to_an_escrow_key_is_refused(firm: str) -> None:
    point = WORLD.escrow[firm].scalar.base_mul()
    facts = with_prekey(PrekeyFact(replace(WORLD.others[0].prekey, point=point), 20, None))
    draft = WORLD.draft(facts)
    # P = E1 leaves its relation empty, so no proof can be made over it: any will do to come this far.
    assert refusal_of(WORLD.finish(draft, proofs=[bytes(63) + b"\1"]), facts) is Rule.PREKEY_DISTINCT


@pytest.mark.rule(Rule.PREKEY_DISTINCT)
def test_two_firms_with_one_escrow_key_are_refused() -> None:
    point = WORLD.escrow["acme"].scalar.base_mul()
    draft = WORLD.draft()
    draft.escrow_rows[1] = replace(draft.escrow_rows[1], point=point, sealed=draft.escrow_rows[0].sealed)
    record = WORLD.finish(draft, proofs=[bytes(63) + b"\1"])
    assert refusal_of(record, WORLD.with_escrow("bolt", point=point)) is Rule.PREKEY_DISTINCT
