"""Opening a session, as a recipient and as a reviewer; making one."""

from __future__ import annotations

from dataclasses import replace

import pytest
from record_kit import T0, Draft, escrow_opens, make_world, view_of

from tapeline.base.errors import StateError
from tapeline.base.rules import Refused, Rule
from tapeline.base.secret import Secret
from tapeline.base.times import HOUR, MINUTE
from tapeline.crypto.group import Point, Scalar
from tapeline.crypto.hpke import seal
from tapeline.crypto.record.facts import Facts, PrekeyFact
from tapeline.crypto.record.open import open_as_recipient, open_row
from tapeline.crypto.record.open_escrow import open_with_m
from tapeline.crypto.record.parse import ParsedView, parse_record
from tapeline.crypto.record.root import session_root
from tapeline.crypto.record.rows import slot_info
from tapeline.crypto.record.seal import create_record
from tapeline.crypto.record.verify import VerifiedRecord, verify_record
from tapeline.crypto.wire import encode

WORLD = make_world(seed="open")
BEN = WORLD.others[0]


def judged(record: bytes) -> tuple[ParsedView, VerifiedRecord]:
    view = view_of(record, BEN)
    return view, verify_record(view, WORLD.facts(), own=BEN.fact)


def opening_refused(draft: Draft) -> Rule:
    view, verified = judged(WORLD.finish(draft))
    with pytest.raises(Refused) as caught:
        open_as_recipient(view, verified, BEN.secret)
    return caught.value.rule


def test_sender_recipients_and_escrow_reach_one_root() -> None:
    pending = WORLD.reserve()
    created = WORLD.create(pending=pending)
    for device in WORLD.others:
        view = view_of(created.record, device)
        verified = verify_record(view, WORLD.facts(), own=device.fact)
        assert open_as_recipient(view, verified, device.secret) == created.root
    full = verify_record(parse_record(created.record), WORLD.facts())
    for row in full.escrow_rows:
        m = escrow_opens(WORLD, full.c0, row)
        assert open_with_m(full, m, pending.q) == created.root
    assert len(created.root) == 64


def test_the_root_depends_on_m_q_and_record() -> None:
    m, other = Scalar.from_int(2).base_mul(), Scalar.from_int(3).base_mul()
    q = Secret(bytes(32))
    roots = [
        session_root(m, q, bytes(64)), session_root(other, q, bytes(64)),
        session_root(m, Secret(b"\1" * 32), bytes(64)), session_root(m, q, b"\1" * 64),
    ]  # fmt: skip
    assert len({root.reveal() for root in roots}) == 4


@pytest.mark.rule(Rule.OPEN_SECRET)
def test_a_row_that_holds_the_identity_is_refused() -> None:
    """M = 0 passes every proof, since all rows agree; its readers refuse it."""
    draft = WORLD.draft()
    draft.escrow_rows = [replace(row, sealed=row.point.mul(draft.r)) for row in draft.escrow_rows]
    draft.rows = [replace(row, sealed=row.point.mul(draft.r)) for row in draft.rows]
    assert opening_refused(draft) is Rule.OPEN_SECRET


@pytest.mark.rule(Rule.OPEN_HYBRID)
def test_a_slot_with_another_q_than_the_vaults_is_refused() -> None:
    draft = WORLD.draft()
    place = [row.prekey for row in draft.rows].index(BEN.prekey.prekey_hash)
    info = slot_info(encode(draft.context), BEN.prekey.prekey_hash)
    draft.slots[place] = seal(BEN.prekey.hpke, info, bytes(32))
    assert opening_refused(draft) is Rule.OPEN_HYBRID


@pytest.mark.rule(Rule.OPEN_HYBRID)
def test_a_slot_sealed_for_another_context_is_refused() -> None:
    draft = WORLD.draft()
    draft.context.not_after_ms += 1  # the slots were sealed under the context as it was
    assert opening_refused(draft) is Rule.OPEN_HYBRID


@pytest.mark.rule(Rule.OPEN_HYBRID)
def test_a_reviewer_refuses_a_q_that_does_not_match() -> None:
    created = WORLD.create()
    verified = verify_record(parse_record(created.record), WORLD.facts())
    for q in (Secret(bytes(32)), Secret(b"")):
        with pytest.raises(Refused) as caught:
            open_with_m(verified, Point.decode(created.m.reveal()), q)
        assert caught.value.rule is Rule.OPEN_HYBRID


def test_views_verdicts_and_secrets_must_belong_together() -> None:
    view, verified = judged(WORLD.create().record)
    other_view, other = judged(WORLD.create().record)
    with pytest.raises(StateError):
        open_row(other_view, verified, BEN.secret)
    with pytest.raises(StateError):
        open_row(view, other, BEN.secret)
    with pytest.raises(StateError):
        open_row(view, verified, WORLD.others[1].secret)


def test_secrets_are_shown_nowhere() -> None:
    created = WORLD.create()
    for secret in (created.root, created.m):
        assert secret.reveal().hex() not in repr(created)
        assert repr(secret.reveal()) not in repr(created)
    view, verified = judged(created.record)
    opened = open_row(view, verified, BEN.secret)
    assert opened.m.encode() == created.m.reveal()
    for secret in (opened.m.encode(), opened.q.reveal()):
        assert secret[:4].hex() not in repr(opened) + repr(opened.m)


# --- making a record ---


def creation_refused(facts: Facts) -> Rule:
    with pytest.raises(Refused) as caught:
        WORLD.create(facts)
    return caught.value.rule


def test_two_records_share_nothing() -> None:
    one, two = (parse_record(WORLD.create().record).header for _ in range(2))
    assert one.c0 != two.c0
    assert one.cq != two.cq
    assert one.context.session_id != two.context.session_id


def test_the_newest_usable_prekey_is_sealed_to() -> None:
    new = PrekeyFact(WORLD.prekey_of(BEN), 30, None)
    late = PrekeyFact(WORLD.prekey_of(BEN, 3), 100, None)  # after the note
    old = replace(BEN.fact.prekeys[0], superseded_ms=T0 - HOUR)
    record = parse_record(WORLD.create(WORLD.with_device(1, prekeys=(old, new, late))).record)
    sealed_to = {row.prekey for row in record.rows}
    assert new.prekey.prekey_hash in sealed_to
    assert not sealed_to & {old.prekey.prekey_hash, late.prekey.prekey_hash}


@pytest.mark.rule(Rule.REC_ESCROW_KEY)
def test_without_a_current_escrow_key_nothing_is_sealed() -> None:
    assert creation_refused(WORLD.with_escrow("bolt", superseded=True)) is Rule.REC_ESCROW_KEY
    doubled = WORLD.facts(escrow=(*WORLD.facts().escrow, WORLD.facts().escrow[0]))
    assert creation_refused(doubled) is Rule.REC_ESCROW_KEY


@pytest.mark.rule(Rule.REC_VAULT_KEY)
def test_a_reservation_of_an_old_epoch_is_not_used() -> None:
    assert creation_refused(WORLD.with_escrow("bolt", v_key_id=bytes(64))) is Rule.REC_VAULT_KEY


@pytest.mark.rule(Rule.RESERVATION_BINDING)
def test_a_reservation_for_other_firms_is_not_used() -> None:
    membership = replace(WORLD.membership, firms=WORLD.membership.firms[:1])
    assert creation_refused(WORLD.facts(membership=membership)) is Rule.RESERVATION_BINDING


@pytest.mark.rule(Rule.PREKEY_DISTINCT)
def test_equal_keys_are_not_sealed_to() -> None:
    copy = replace(WORLD.others[1].prekey, point=BEN.prekey.point)
    assert creation_refused(WORLD.with_device(2, prekeys=(PrekeyFact(copy, 20, None),))) is Rule.PREKEY_DISTINCT


@pytest.mark.rule(Rule.RECEIPT_SET)
def test_a_receipt_short_nothing_is_sealed() -> None:
    pending = WORLD.reserve()
    with pytest.raises(Refused) as caught:
        create_record(
            signing_key=WORLD.sender.key, reservation=pending, receipts=WORLD.receipts(pending)[:1],
            facts=WORLD.facts(), not_before_ms=T0 + MINUTE, not_after_ms=T0 + HOUR, rng=WORLD.rng,
        )  # fmt: skip
    assert caught.value.rule is Rule.RECEIPT_SET
