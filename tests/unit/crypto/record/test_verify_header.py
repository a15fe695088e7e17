"""Steps 1 to 6 of `verify_record`: every record here is signed by its sender, a modified client."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from record_kit import CLASS, DIRECTORY_LEAVES, LEAF_INDEX, NOTE_SIZE, T0, Draft, hash_of, make_world, refusal_of

from tapeline.base.rules import Refused, Rule
from tapeline.base.times import DAY, HOUR, MINUTE
from tapeline.crypto.limits import RESERVATION_MS
from tapeline.crypto.objects import seal_object
from tapeline.crypto.receipt import sign_receipt, vault_slot_hash
from tapeline.crypto.record.facts import Facts
from tapeline.crypto.record.parse import parse_record
from tapeline.crypto.record.verify import verify_record
from tapeline.crypto.reservation import hybrid_commitment
from tapeline.crypto.wire import encode
from tapeline.wire.v1 import objects_pb2 as pb

WORLD = make_world(seed="verify")
LEAF_MS = T0 + MINUTE


def refused(change: Callable[[Draft], None], facts: Facts | None = None) -> Rule:
    """Let the modified client change its draft, sign it, and tell which rule refuses it."""
    draft = WORLD.draft()
    change(draft)
    return refusal_of(WORLD.finish(draft), facts or WORLD.facts())


def refused_facts(facts: Facts) -> Rule:
    """Tell which rule refuses an honest record where the directory says otherwise."""
    return refusal_of(WORLD.finish(WORLD.draft()), facts)


def in_context(field: str, value: object) -> Callable[[Draft], None]:
    return lambda draft: setattr(draft.context, field, value)


def test_an_honest_record_is_accepted() -> None:
    created = WORLD.create()
    verified = verify_record(parse_record(created.record), WORLD.facts())
    assert verified.record_hash == created.record_hash
    assert verified.row_users == {("acme", "ben"), ("bolt", "cora")}
    assert verified.sender == WORLD.sender.fact
    assert (verified.leaf_index, verified.leaf_time_ms) == (LEAF_INDEX, LEAF_MS)
    assert verified.retention_classes == (CLASS, CLASS)


def test_the_kits_modified_client_makes_acceptable_records_when_it_changes_nothing() -> None:
    verify_record(parse_record(WORLD.finish(WORLD.draft())), WORLD.facts())


def test_what_is_looked_up_by_is_readable_before_verification() -> None:
    record = parse_record(WORLD.create().record)
    assert record.sender_device == WORLD.sender.entry.entry_hash
    assert record.conversation == WORLD.membership.conversation
    assert record.membership == WORLD.membership.statement_hash
    assert record.archive_note == WORLD.facts().archive_note
    assert record.context.session_id


# --- 1: place ---


@pytest.mark.rule(Rule.REC_DEPLOYMENT)
@pytest.mark.parametrize(
    ("field", "value"),
    [("suite", 0), ("suite", 2), ("deployment", bytes(32)), ("conversation", bytes(64)), ("membership", bytes(64))],
)
def test_another_suite_deployment_or_conversation_is_refused(field: str, value: object) -> None:
    assert refused(in_context(field, value)) is Rule.REC_DEPLOYMENT


@pytest.mark.rule(Rule.REC_DEPLOYMENT)
def test_a_statement_of_another_deployment_is_refused() -> None:
    membership = replace(WORLD.membership, deployment=bytes(32))
    assert refused_facts(WORLD.facts(membership=membership)) is Rule.REC_DEPLOYMENT


# --- 2: time ---


@pytest.mark.rule(Rule.REC_NOTE)
def test_another_note_than_the_judges_is_refused() -> None:
    assert refused(in_context("archive_note", b"another log's note")) is Rule.REC_NOTE


@pytest.mark.rule(Rule.REC_NOTE_AGE)
@pytest.mark.parametrize(
    "facts",
    [
        WORLD.facts(leaf_time_ms=T0 - 1),
        WORLD.facts(leaf_time_ms=T0 + 10 * MINUTE + 1),
        WORLD.facts(note_size=LEAF_INDEX + 1),
    ],
    ids=["later", "too old", "holds the leaf"],
)
def test_a_note_later_than_the_leaf_or_too_old_is_refused(facts: Facts) -> None:
    assert refused_facts(facts) is Rule.REC_NOTE_AGE


def test_a_note_of_ten_minutes_is_accepted() -> None:
    for leaf_time in (T0, T0 + 10 * MINUTE):
        verify_record(parse_record(WORLD.finish(WORLD.draft())), WORLD.facts(leaf_time_ms=leaf_time))


@pytest.mark.rule(Rule.REC_WINDOW)
@pytest.mark.parametrize(
    ("not_before", "not_after"),
    [
        (LEAF_MS - 10 * MINUTE - 1, LEAF_MS + HOUR),
        (LEAF_MS + 10 * MINUTE + 1, LEAF_MS + HOUR),
        (LEAF_MS, LEAF_MS + DAY + 1),
        (LEAF_MS, LEAF_MS),
        (LEAF_MS, LEAF_MS - 1),
    ],
)
def test_a_session_too_long_or_not_around_its_leaf_is_refused(not_before: int, not_after: int) -> None:
    def change(draft: Draft) -> None:
        draft.context.not_before_ms, draft.context.not_after_ms = not_before, not_after

    assert refused(change) is Rule.REC_WINDOW


# --- 3: sender ---


@pytest.mark.rule(Rule.REC_SENDER)
@pytest.mark.parametrize(
    "facts",
    [
        WORLD.facts(sender=WORLD.others[0].fact),
        WORLD.with_device(0, leaf_index=NOTE_SIZE),
        WORLD.with_device(0, device=replace(WORLD.sender.entry, not_after_ms=T0)),
        WORLD.with_device(0, device=replace(WORLD.sender.entry, not_before_ms=T0 + 1)),
        WORLD.facts(membership=replace(WORLD.membership, members=WORLD.membership.members[1:])),
    ],
    ids=["another device", "unlogged", "expired", "not yet valid", "no member"],
)
def test_a_sender_unknown_expired_or_no_member_is_refused(facts: Facts) -> None:
    assert refused_facts(facts) is Rule.REC_SENDER


@pytest.mark.rule(Rule.REC_SIGNATURE)
def test_a_record_signed_by_another_device_is_refused() -> None:
    record = WORLD.draft().finish(WORLD.others[0].key, WORLD.rng)
    assert refusal_of(record, WORLD.facts()) is Rule.REC_SIGNATURE


@pytest.mark.rule(Rule.REC_SIGNATURE)
def test_a_header_changed_after_signing_is_refused() -> None:
    def other_proof(header: pb.SessionHeader) -> None:
        header.proofs[0] = bytes(64)

    assert refusal_of(WORLD.finish(WORLD.draft(), edit=other_proof), WORLD.facts()) is Rule.REC_SIGNATURE


@pytest.mark.rule(Rule.REC_SIGNATURE)
def test_a_signature_of_another_kind_is_refused() -> None:
    record_hash = parse_record(WORLD.finish(WORLD.draft())).record_hash

    def other_kind(header: pb.SessionHeader) -> None:
        header.signature = WORLD.sender.key.sign("msg", record_hash)

    assert refusal_of(WORLD.finish(WORLD.draft(), edit=other_kind), WORLD.facts()) is Rule.REC_SIGNATURE


@pytest.mark.rule(Rule.REC_REVOKED)
@pytest.mark.parametrize("index", [0, NOTE_SIZE - 1, NOTE_SIZE, LEAF_INDEX - 1])
def test_a_revoked_sender_is_refused(index: int) -> None:
    assert refused_facts(WORLD.with_device(0, revoked_index=index)) is Rule.REC_REVOKED


def test_a_revocation_after_the_leaf_changes_nothing() -> None:
    verify_record(parse_record(WORLD.create().record), WORLD.with_device(0, revoked_index=LEAF_INDEX))


# --- 4: membership ---


@pytest.mark.rule(Rule.REC_MEMBERSHIP_VIEW)
def test_a_statement_later_than_the_note_is_refused() -> None:
    assert refused_facts(WORLD.facts(membership_leaf_index=NOTE_SIZE)) is Rule.REC_MEMBERSHIP_VIEW


@pytest.mark.rule(Rule.REC_DIRECTORY)
@pytest.mark.parametrize("count", [DIRECTORY_LEAVES - 1, DIRECTORY_LEAVES + 1])
def test_a_sender_who_was_shown_another_directory_is_refused_and_may_try_again(count: int) -> None:
    with pytest.raises(Refused) as caught:
        verify_record(parse_record(WORLD.create().record), WORLD.facts(directory_leaves=count))
    assert caught.value.rule is Rule.REC_DIRECTORY
    assert caught.value.retryable


@pytest.mark.rule(Rule.REC_MEMBERSHIP_OLD)
def test_a_superseded_statement_is_refused_and_may_be_tried_again() -> None:
    with pytest.raises(Refused) as caught:
        verify_record(parse_record(WORLD.create().record), WORLD.facts(newest_membership=bytes(64)))
    assert caught.value.rule is Rule.REC_MEMBERSHIP_OLD
    assert caught.value.retryable


# --- 5: escrow keys ---


def drop_firm(draft: Draft) -> None:
    """Leave a firm out everywhere, consistently."""
    draft.escrow_rows.pop()
    draft.receipts.pop()
    draft.vault_slots.pop()
    for field in ("firms", "escrow_key_ids", "v_key_ids", "retention_classes"):
        del getattr(draft.context, field)[-1]


def drop_row(draft: Draft) -> None:
    draft.escrow_rows.pop()


def double_row(draft: Draft) -> None:
    draft.escrow_rows.append(draft.escrow_rows[-1])


def swap_rows(draft: Draft) -> None:
    draft.escrow_rows.reverse()


def rename_row(draft: Draft) -> None:
    draft.escrow_rows[1] = replace(draft.escrow_rows[1], firm="zinc")


def rename_in_context(draft: Draft) -> None:
    draft.context.firms[1] = "zinc"


@pytest.mark.rule(Rule.REC_FIRMS)
@pytest.mark.parametrize("change", [drop_firm, drop_row, double_row, swap_rows, rename_row, rename_in_context])
def test_a_firm_missing_doubled_or_foreign_is_refused(change: Callable[[Draft], None]) -> None:
    assert refused(change) is Rule.REC_FIRMS


@pytest.mark.rule(Rule.REC_CLASS)
def test_a_class_other_than_the_conversations_is_refused() -> None:
    def change(draft: Draft) -> None:
        draft.context.retention_classes[0] = "one-year"

    assert refused(change) is Rule.REC_CLASS


@pytest.mark.rule(Rule.REC_ESCROW_KEY)
@pytest.mark.parametrize(
    "facts",
    [
        WORLD.with_escrow("bolt", superseded=True),
        WORLD.with_escrow("bolt", leaf_index=NOTE_SIZE),
        WORLD.with_escrow("bolt", active_from_ms=T0 + 1),
        WORLD.with_escrow("bolt", not_after_ms=T0),
        WORLD.with_escrow("bolt", retention_class="one-year"),
        WORLD.with_escrow("bolt", key_id=bytes(64)),
    ],
    ids=["superseded", "unlogged", "not active", "expired", "of another class", "unknown"],
)
def test_an_escrow_key_that_is_not_current_is_refused(facts: Facts) -> None:
    assert refused_facts(facts) is Rule.REC_ESCROW_KEY


@pytest.mark.rule(Rule.REC_ESCROW_KEY)
def test_a_ghost_escrow_key_is_refused() -> None:
    """The sender's own key, under an id that no certificate names."""

    def change(draft: Draft) -> None:
        ghost = WORLD.outsider("acme", "eve").secret.scalar.base_mul()
        draft.escrow_rows[0] = replace(
            draft.escrow_rows[0], key_id=bytes(64), point=ghost, sealed=draft.m + ghost.mul(draft.r)
        )
        draft.context.escrow_key_ids[0] = bytes(64)

    assert refused(change) is Rule.REC_ESCROW_KEY


@pytest.mark.rule(Rule.REC_ESCROW_KEY)
def test_a_context_that_names_other_keys_than_the_rows_is_refused() -> None:
    def change(draft: Draft) -> None:
        draft.context.escrow_key_ids[0] = bytes(64)

    assert refused(change) is Rule.REC_ESCROW_KEY


@pytest.mark.rule(Rule.REC_ROW_KEY)
def test_a_ghost_point_under_a_certified_id_is_refused() -> None:
    def change(draft: Draft) -> None:
        ghost = WORLD.outsider("acme", "eve").secret.scalar.base_mul()
        draft.escrow_rows[0] = replace(draft.escrow_rows[0], point=ghost, sealed=draft.m + ghost.mul(draft.r))

    assert refused(change) is Rule.REC_ROW_KEY


@pytest.mark.rule(Rule.REC_VAULT_KEY)
def test_a_vault_key_not_certified_with_the_escrow_key_is_refused() -> None:
    assert refused(lambda draft: draft.context.v_key_ids.reverse()) is Rule.REC_VAULT_KEY


@pytest.mark.rule(Rule.REC_REVOKED)
@pytest.mark.parametrize("index", [0, NOTE_SIZE, LEAF_INDEX - 1])
def test_a_revoked_escrow_or_vault_key_is_refused(index: int) -> None:
    assert refused_facts(WORLD.with_escrow("bolt", revoked_index=index)) is Rule.REC_REVOKED


# --- 6: reservation and receipts ---


def re_reserve(draft: Draft, change: Callable[[pb.Reservation], None]) -> None:
    """Change the reservation, sign it, and let cq and both vaults' receipts follow, as if the vaults colluded."""
    body = pb.Reservation.FromString(pb.SignedObject.FromString(draft.reservation).body)
    change(body)
    draft.reservation = seal_object(WORLD.sender.key, "reservation", encode(body))
    reservation_hash = hash_of("reservation", draft.reservation)
    draft.cq = hybrid_commitment(draft.q, reservation_hash)
    draft.receipts = [
        sign_receipt(vault.signer, reservation_hash, vault.v_key_id, draft.cq, vault_slot_hash(slot))
        for vault, slot in zip(WORLD.escrow.values(), draft.vault_slots, strict=True)
    ]


def test_the_re_reserving_client_makes_acceptable_records_when_it_changes_nothing() -> None:
    draft = WORLD.draft()
    re_reserve(draft, lambda body: None)
    verify_record(parse_record(WORLD.finish(draft)), WORLD.facts())


@pytest.mark.rule(Rule.RESERVATION_BINDING)
@pytest.mark.parametrize(
    ("field", "value"),
    [("suite", 2), ("deployment", bytes(32)), ("sender_device", bytes(64)), ("session_id", bytes(32)),
     ("firms", ["acme"])],
)  # fmt: skip
def test_a_reservation_that_differs_from_the_context_is_refused(field: str, value: object) -> None:
    def change(body: pb.Reservation) -> None:
        if field == "firms":
            del body.firms[1:]
        else:
            setattr(body, field, value)

    assert refused(lambda draft: re_reserve(draft, change)) is Rule.RESERVATION_BINDING


@pytest.mark.rule(Rule.RESERVATION_EXPIRED)
@pytest.mark.parametrize("expires_ms", [T0, T0 + RESERVATION_MS + 1])
def test_a_reservation_not_in_force_at_the_notes_time_is_refused(expires_ms: int) -> None:
    def change(body: pb.Reservation) -> None:
        body.expires_ms = expires_ms

    assert refused(lambda draft: re_reserve(draft, change)) is Rule.RESERVATION_EXPIRED


@pytest.mark.rule(Rule.SIGNATURE)
def test_a_reservation_signed_by_another_device_is_refused() -> None:
    def change(draft: Draft) -> None:
        body = pb.SignedObject.FromString(draft.reservation).body
        draft.reservation = seal_object(WORLD.others[0].key, "reservation", body)

    assert refused(change) is Rule.SIGNATURE


@pytest.mark.rule(Rule.RECEIPT_BINDING)
def test_an_altered_reservation_breaks_its_receipts() -> None:
    def change(draft: Draft) -> None:
        body = pb.Reservation.FromString(pb.SignedObject.FromString(draft.reservation).body)
        body.expires_ms += 1
        draft.reservation = seal_object(WORLD.sender.key, "reservation", encode(body))

    assert refused(change) is Rule.RECEIPT_BINDING


@pytest.mark.rule(Rule.RECEIPT_BINDING)
def test_another_cq_than_the_receipts_is_refused() -> None:
    assert refused(lambda draft: setattr(draft, "cq", bytes(64))) is Rule.RECEIPT_BINDING


@pytest.mark.rule(Rule.RECEIPT_BINDING)
def test_receipts_in_another_order_are_refused() -> None:
    assert refused(lambda draft: draft.receipts.reverse()) is Rule.RECEIPT_BINDING


@pytest.mark.rule(Rule.RECEIPT_SIGNATURE)
def test_a_receipt_signed_by_the_sender_itself_is_refused() -> None:
    def change(draft: Draft) -> None:
        body = pb.SignedObject.FromString(draft.receipts[0]).body
        draft.receipts[0] = seal_object(WORLD.sender.key, "receipt", body)

    assert refused(change) is Rule.RECEIPT_SIGNATURE


@pytest.mark.rule(Rule.RECEIPT_SET)
def test_a_receipt_or_vault_slot_too_few_or_too_many_is_refused() -> None:
    assert refused(lambda draft: draft.receipts.pop()) is Rule.RECEIPT_SET
    assert refused(lambda draft: draft.receipts.append(draft.receipts[0])) is Rule.RECEIPT_SET
    assert refused(lambda draft: draft.vault_slots.pop()) is Rule.RECEIPT_SET
    assert refused(lambda draft: draft.vault_slots.append(draft.vault_slots[0])) is Rule.RECEIPT_SET


@pytest.mark.rule(Rule.VAULT_SLOT_HASH)
def test_a_vault_slot_other_than_its_receipts_is_refused() -> None:
    assert refused(lambda draft: draft.vault_slots.reverse()) is Rule.VAULT_SLOT_HASH
