"""What one device gets of a record, and what it can check with it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from record_kit import LEAF_INDEX, NOTE_SIZE, T0, Device, Draft, World, make_world, view_of

from tapeline.base.rules import Refused, Rule
from tapeline.base.times import HOUR
from tapeline.crypto.group import B
from tapeline.crypto.limits import SHARD_ROWS
from tapeline.crypto.record.facts import DeviceFact, Facts, PrekeyFact
from tapeline.crypto.record.parse import ParsedView, parse_record, parse_view
from tapeline.crypto.record.verify import VerifiedRecord, verify_record
from tapeline.crypto.record.view import view_for
from tapeline.crypto.wire import encode
from tapeline.wire.v1.objects_pb2 import RecordView

WORLD = make_world(seed="view")
WIDE = make_world({"acme": {"ann": 1, "ben": 67}, "bolt": {"cora": 1}}, seed="wide view")
BEN = WORLD.others[0]


def judge(view: ParsedView, own: DeviceFact = BEN.fact, facts: Facts | None = None) -> VerifiedRecord:
    """Judge a view as a recipient."""
    return verify_record(view, facts or WORLD.facts(), own=own)


def refused(view: ParsedView, own: DeviceFact = BEN.fact, facts: Facts | None = None) -> Rule:
    with pytest.raises(Refused) as caught:
        judge(view, own, facts)
    return caught.value.rule


def view_of_draft(draft: Draft, world: World = WORLD, device: Device = BEN) -> ParsedView:
    return view_of(world.finish(draft), device)


def test_every_recipient_verifies_its_view() -> None:
    created = WORLD.create()
    for device in WORLD.others:
        verified = judge(view_of(created.record, device), device.fact)
        assert verified.record_hash == created.record_hash
        assert verified.row_users is None


def test_a_view_stays_small_however_many_read() -> None:
    created = WIDE.create()
    sizes = [len(view_for(parse_record(created.record), {one.prekey.prekey_hash}) or b"") for one in WIDE.others]
    assert max(sizes) < 20_000 < len(created.record)


def test_views_of_both_shards_verify() -> None:
    record = WIDE.create().record
    rows = parse_record(record).rows
    for place in (0, SHARD_ROWS - 1, SHARD_ROWS, len(rows) - 1):
        device = WIDE.device_of(rows[place].prekey)
        view = view_of(record, device)
        assert (view.shard.number, view.row_index) == divmod(place, SHARD_ROWS)
        verify_record(view, WIDE.facts(), own=device.fact)


def test_a_device_without_a_row_has_no_view() -> None:
    record = parse_record(WORLD.create().record)
    assert view_for(record, {WORLD.sender.prekey.prekey_hash}) is None
    assert view_for(record, ()) is None


def test_a_view_is_judged_for_its_reader() -> None:
    view = view_of(WORLD.create().record, BEN)
    with pytest.raises(TypeError):
        verify_record(view, WORLD.facts())
    with pytest.raises(TypeError):
        verify_record(replace(view, row_index=None), WORLD.facts(), own=BEN.fact)


@pytest.mark.rule(Rule.REC_OWN_ROW)
def test_anothers_row_is_refused() -> None:
    view = view_of(WORLD.create().record, WORLD.others[1])
    assert refused(view) is Rule.REC_OWN_ROW


@pytest.mark.rule(Rule.REC_OWN_ROW)
def test_a_row_index_past_the_shard_is_refused() -> None:
    view = view_of(WORLD.create().record, BEN)
    assert refused(replace(view, row_index=len(view.shard.rows), device_slot=None)) is Rule.REC_OWN_ROW


@pytest.mark.rule(Rule.REC_OWN_ROW)
def test_a_reader_who_is_no_member_is_refused() -> None:
    members = tuple(one for one in WORLD.membership.members if one.user != "ben")
    facts = WORLD.facts(membership=replace(WORLD.membership, members=members))
    assert refused(view_of(WORLD.create().record, BEN), facts=facts) is Rule.REC_OWN_ROW


@pytest.mark.rule(Rule.REC_OWN_ROW)
def test_a_prekey_logged_after_the_note_is_refused() -> None:
    own = replace(BEN.fact, prekeys=(replace(BEN.fact.prekeys[0], leaf_index=NOTE_SIZE),))
    assert refused(view_of(WORLD.create().record, BEN), own) is Rule.REC_OWN_ROW


@pytest.mark.rule(Rule.REC_OWN_ROW)
def test_a_reader_whom_the_relay_would_call_a_ghost_is_refused() -> None:
    """Relay and reader judge one device alike: in the view, valid at τ, not the sender's own."""
    view = view_of(WORLD.create().record, BEN)
    expired = replace(BEN.fact, device=replace(BEN.fact.device, not_after_ms=WORLD.facts().note_time_ms))
    for own in (expired, replace(BEN.fact, leaf_index=NOTE_SIZE)):
        assert refused(view, own) is Rule.REC_OWN_ROW
    as_sender = WORLD.facts()
    as_sender = replace(as_sender, sender=replace(as_sender.sender, prekeys=BEN.fact.prekeys))
    assert refused(view, as_sender.sender, as_sender) is Rule.REC_OWN_ROW


@pytest.mark.rule(Rule.REC_ROW_KEY)
def test_another_point_under_the_own_prekey_hash_is_refused() -> None:
    draft = WORLD.draft()
    place = [row.prekey for row in draft.rows].index(BEN.prekey.prekey_hash)
    ghost = WORLD.sender.prekey.point
    draft.rows[place] = replace(draft.rows[place], point=ghost, sealed=draft.m + ghost.mul(draft.r))
    assert refused(view_of_draft(draft)) is Rule.REC_ROW_KEY


@pytest.mark.rule(Rule.REC_STALE_PREKEY)
def test_a_row_under_a_long_superseded_prekey_is_refused() -> None:
    own = replace(BEN.fact, prekeys=(replace(BEN.fact.prekeys[0], superseded_ms=T0 - 24 * HOUR - 1),))
    assert refused(view_of(WORLD.create().record, BEN), own) is Rule.REC_STALE_PREKEY


@pytest.mark.rule(Rule.REC_REVOKED)
def test_a_revoked_reader_is_refused() -> None:
    own = replace(BEN.fact, revoked_index=LEAF_INDEX - 1)
    assert refused(view_of(WORLD.create().record, BEN), own) is Rule.REC_REVOKED


@pytest.mark.rule(Rule.REC_SHARD_HASH)
@pytest.mark.parametrize("what", ["altered", "another's"])
def test_a_slot_that_the_shard_does_not_list_is_refused(what: str) -> None:
    record = WORLD.create().record
    view, other = view_of(record, BEN), view_of(record, WORLD.others[1])
    assert view.device_slot is not None
    slot = other.device_slot if what == "another's" else view.device_slot[:-1] + bytes([view.device_slot[-1] ^ 1])
    assert refused(replace(view, device_slot=slot)) is Rule.REC_SHARD_HASH


@pytest.mark.rule(Rule.REC_SHARD_HASH)
def test_rows_that_the_relay_changed_are_refused() -> None:
    view = view_of(WORLD.create().record, BEN)
    other = 1 if view.row_index == 0 else 0
    rows = list(view.shard.rows)
    rows[other] = replace(rows[other], sealed=B)
    assert refused(replace(view, shard=replace(view.shard, rows=tuple(rows)))) is Rule.REC_SHARD_HASH


@pytest.mark.rule(Rule.REC_ORDER)
def test_a_shard_of_a_number_that_the_header_lacks_is_refused() -> None:
    view = view_of(WORLD.create().record, BEN)
    assert refused(replace(view, shard=replace(view.shard, number=1))) is Rule.REC_ORDER


@pytest.mark.rule(Rule.REC_ORDER)
def test_a_short_shard_before_the_last_is_refused() -> None:
    draft = WIDE.draft()
    first, second = draft.shards()
    short = [replace(first, rows=first.rows[:60], slot_hashes=first.slot_hashes[:60]), second]
    draft.slots = draft.slots[:60] + draft.slots[64:]
    device = WIDE.device_of(first.rows[0].prekey)
    view = view_of_draft_with(draft, short, device)
    with pytest.raises(Refused) as caught:
        verify_record(view, WIDE.facts(), own=device.fact)
    assert caught.value.rule is Rule.REC_ORDER


def view_of_draft_with(draft: Draft, shards: list[object], device: Device) -> ParsedView:
    return view_of(WIDE.finish(draft, shards=shards), device)


@pytest.mark.rule(Rule.REC_PROOF)
def test_a_reader_refuses_a_session_that_escrow_cannot_open() -> None:
    draft = WORLD.draft()
    draft.escrow_rows[1] = replace(draft.escrow_rows[1], sealed=draft.escrow_rows[1].sealed + B)
    assert refused(view_of_draft(draft)) is Rule.REC_PROOF


def test_a_reader_needs_only_its_own_shards_proof() -> None:
    """The promise is each reader's own: escrow has what it has. Relay and auditor refuse the record as a whole."""
    draft = WIDE.draft()
    draft.rows[-1] = replace(draft.rows[-1], sealed=draft.rows[-1].sealed + B)
    device = WIDE.device_of(draft.rows[0].prekey)
    verify_record(view_of_draft(draft, WIDE, device), WIDE.facts(), own=device.fact)


@pytest.mark.rule(Rule.PREKEY_DISTINCT)
def test_a_shard_with_one_point_twice_is_refused() -> None:
    copy = replace(WORLD.others[2].prekey, point=WORLD.others[1].prekey.point)
    facts = WORLD.with_device(3, prekeys=(PrekeyFact(copy, 20, None),))
    assert refused(view_of_draft(WORLD.draft(facts)), facts=facts) is Rule.PREKEY_DISTINCT


# --- the others' rows: a reader who knows better refuses -------------------------------------------------------------


@pytest.mark.rule(Rule.REC_REVOKED)
def test_a_row_of_anothers_revoked_device_is_refused_by_every_reader_of_its_shard() -> None:
    view = view_of(WORLD.create().record, BEN)
    assert refused(view, facts=WORLD.with_device(2, revoked_index=LEAF_INDEX - 1)) is Rule.REC_REVOKED
    judge(view, facts=WORLD.with_device(2, revoked_index=LEAF_INDEX))  # later than the record


@pytest.mark.rule(Rule.REC_STALE_PREKEY)
def test_a_row_under_anothers_long_superseded_prekey_is_refused() -> None:
    fact = WORLD.others[1].fact
    stale = replace(fact.prekeys[0], superseded_ms=T0 - 24 * HOUR - 1)
    view = view_of(WORLD.create().record, BEN)
    assert refused(view, facts=WORLD.with_device(2, prekeys=(stale,))) is Rule.REC_STALE_PREKEY


@pytest.mark.rule(Rule.REC_GHOST_ROW)
def test_a_row_of_a_stranger_is_refused_by_every_reader_of_its_shard() -> None:
    draft = WORLD.draft()
    WORLD.add_row(draft, WORLD.outsider("acme", "eve").prekey)
    assert refused(view_of_draft(draft)) is Rule.REC_GHOST_ROW


@pytest.mark.rule(Rule.REC_MISSING_ROW)
def test_a_device_that_is_left_out_is_missed_by_the_others() -> None:
    hidden = WORLD.others[1].fact
    sender_sees = WORLD.facts(devices=tuple(one.fact for one in WORLD.devices if one.fact is not hidden))
    assert refused(view_of(WORLD.create(sender_sees).record, BEN)) is Rule.REC_MISSING_ROW


@pytest.mark.rule(Rule.REC_MISSING_ROW)
def test_a_reader_misses_what_must_stand_in_its_own_shard_and_nothing_else() -> None:
    order = sorted(WIDE.others, key=lambda one: one.prekey.prekey_hash)
    hidden = order[10]
    sender_sees = WIDE.facts(devices=tuple(one.fact for one in WIDE.devices if one is not hidden))
    record = WIDE.create(sender_sees).record
    near, far = order[5], order[-1]
    with pytest.raises(Refused) as caught:
        verify_record(view_of(record, near), WIDE.facts(), own=near.fact)
    assert caught.value.rule is Rule.REC_MISSING_ROW
    assert view_of(record, far).shard.number == 1
    verify_record(view_of(record, far), WIDE.facts(), own=far.fact)
    # A second usable prekey could stand in the other shard: then the reader cannot tell.
    other = WIDE.prekey_of(hidden)
    while other.prekey_hash < order[-1].prekey.prekey_hash:
        other = WIDE.prekey_of(hidden)
    place = WIDE.devices.index(hidden)
    twice = WIDE.with_device(place, prekeys=(*hidden.fact.prekeys, PrekeyFact(other, 30, None)))
    verify_record(view_of(record, near), twice, own=near.fact)


@pytest.mark.rule(Rule.WIRE_SIZE)
def test_a_view_without_a_slot_does_not_parse() -> None:
    view = RecordView.FromString(view_for(parse_record(WORLD.create().record), {BEN.prekey.prekey_hash}) or b"")
    view.ClearField("device_slot")
    with pytest.raises(Refused) as caught:
        parse_view(encode(view))
    assert caught.value.rule is Rule.WIRE_SIZE
