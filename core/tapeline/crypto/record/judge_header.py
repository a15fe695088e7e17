"""Steps 1 to 6 of `verify_record`: place, time, sender, membership, escrow keys, receipts."""

from __future__ import annotations

from collections.abc import Sequence

from tapeline.base.rules import Rule, require
from tapeline.crypto.limits import NOTE_AGE_MS, SESSION_MS
from tapeline.crypto.receipt import require_vault_slot, verify_receipt
from tapeline.crypto.record.current import in_view, is_current_key, revoked_at_leaf
from tapeline.crypto.record.facts import EscrowFact, Facts
from tapeline.crypto.record.parse import ParsedHeader
from tapeline.crypto.record.rows import EscrowRow
from tapeline.crypto.reservation import VerifiedReservation, verify_reservation
from tapeline.crypto.signing import signature_holds
from tapeline.wire.v1.objects_pb2 import SUITE_V1, Context

RECORD_KIND = "record"


def judge_place(context: Context, facts: Facts) -> None:
    """Step 1: the record is of this suite, deployment, conversation and statement."""
    require(
        context.suite == SUITE_V1
        and context.deployment == facts.deployment == facts.membership.deployment
        and context.conversation == facts.membership.conversation
        and context.membership == facts.membership.statement_hash,
        Rule.REC_DEPLOYMENT,
        "The record is of another suite, deployment, conversation or membership statement.",
    )


def judge_time(context: Context, facts: Facts, excepted: frozenset[Rule] = frozenset()) -> None:
    """Step 2: the note is the one that the facts were built from; note, window and leaf lie close together."""
    require(context.archive_note == facts.archive_note, Rule.REC_NOTE, "The record names another archive note.")
    require(
        facts.note_size <= facts.leaf_index
        and facts.note_time_ms <= facts.leaf_time_ms <= facts.note_time_ms + NOTE_AGE_MS,
        Rule.REC_NOTE_AGE,
        "The archive note is later than the leaf, or more than 10 minutes older.",
    )
    # Whoever withholds a directory leaf from a sender makes records that all others refuse, whatever it was about.
    require(
        context.directory_leaves == facts.directory_leaves or Rule.REC_DIRECTORY in excepted,
        Rule.REC_DIRECTORY,
        "The sender knew another number of directory leaves below its note than there are.",
    )
    require(
        abs(context.not_before_ms - facts.leaf_time_ms) <= NOTE_AGE_MS
        and context.not_before_ms < context.not_after_ms <= context.not_before_ms + SESSION_MS,
        Rule.REC_WINDOW,
        "The session does not start within 10 minutes of its leaf, or lasts more than 24 hours.",
    )


def judge_sender(header: ParsedHeader, facts: Facts) -> None:
    """Step 3: the sender is a member's device, logged and valid in the view, and signed this record hash."""
    sender = facts.sender
    require(
        header.context.sender_device == sender.device.entry_hash
        and in_view(sender.leaf_index, facts)
        and sender.device.valid_at(facts.note_time_ms)
        and sender.person in facts.membership.people,
        Rule.REC_SENDER,
        "The sender device is not the one named, not logged, not valid, or no member's.",
    )
    require(not revoked_at_leaf(sender.revoked_index, facts), Rule.REC_REVOKED, "The sender device was revoked before.")
    require(
        signature_holds(sender.device.device_key, RECORD_KIND, header.record_hash, header.signature),
        Rule.REC_SIGNATURE,
        "The record's signature is not its sender device's.",
    )


def judge_membership(facts: Facts) -> None:
    """Step 4: the statement is in the view, and still the conversation's newest at the leaf."""
    require(
        in_view(facts.membership_leaf_index, facts),
        Rule.REC_MEMBERSHIP_VIEW,
        "The membership statement is later than the record's note.",
    )
    require(
        facts.newest_membership == facts.membership.statement_hash,
        Rule.REC_MEMBERSHIP_OLD,
        "A newer membership statement precedes the record.",
    )


def judge_escrow(header: ParsedHeader, facts: Facts) -> list[EscrowFact]:
    """Step 5: exactly one row for each firm of the statement, under its current key; return the keys' facts."""
    context, rows = header.context, header.escrow_rows
    firms = [firm for firm, _ in facts.membership.firms]
    require(
        list(context.firms) == firms and [row.firm for row in rows] == firms,
        Rule.REC_FIRMS,
        "The escrow rows are not one for each firm of the members, sorted.",
    )
    require(
        list(context.retention_classes) == [name for _, name in facts.membership.firms],
        Rule.REC_CLASS,
        "The record names other retention classes than the conversation's.",
    )
    require(
        list(context.escrow_key_ids) == [row.key_id for row in rows],
        Rule.REC_ESCROW_KEY,
        "The context names other escrow keys than the rows.",
    )
    keys = [
        _current_key(row, retention_class, facts)
        for row, (_, retention_class) in zip(rows, facts.membership.firms, strict=True)
    ]
    require(
        list(context.v_key_ids) == [key.v_key_id for key in keys],
        Rule.REC_VAULT_KEY,
        "The record names another vault key than the one certified with the escrow key.",
    )
    return keys


def _current_key(row: EscrowRow, retention_class: str, facts: Facts) -> EscrowFact:
    found = [
        key
        for key in facts.escrow
        if (key.firm, key.key_id) == (row.firm, row.key_id) and key.retention_class == retention_class
    ]
    require(
        len(found) == 1 and is_current_key(found[0], facts),
        Rule.REC_ESCROW_KEY,
        "An escrow row is not under the firm's certified, current key of its class.",
    )
    key = found[0]
    require(row.point == key.point, Rule.REC_ROW_KEY, "An escrow row's point is not that of the key it names.")
    require(
        not revoked_at_leaf(key.revoked_index, facts), Rule.REC_REVOKED, "An escrow or vault key was revoked before."
    )
    return key


def judge_receipts(
    header: ParsedHeader, keys: Sequence[EscrowFact], facts: Facts, vault_slots: Sequence[bytes] | None
) -> VerifiedReservation:
    """Step 6: the reservation is the sender's, in force at τ, and every firm's vault has receipted it and its slot.

    `vault_slots` is None for a view, which carries none.
    """
    reservation = verify_reservation(header.reservation, facts.sender.device, facts.note_time_ms)
    require(
        reservation.firms == tuple(header.context.firms) and reservation.session_id == header.context.session_id,
        Rule.RESERVATION_BINDING,
        "The reservation is for other firms or another session than the record.",
    )
    require(
        len(header.receipts) == len(keys) and (vault_slots is None or len(vault_slots) == len(keys)),
        Rule.RECEIPT_SET,
        "The record has not exactly one receipt and vault slot for each firm.",
    )
    slot_hashes = [
        verify_receipt(
            receipt,
            key.vault_signer,
            reservation_hash=reservation.reservation_hash,
            v_key_id=key.v_key_id,
            cq=header.cq,
        )
        for receipt, key in zip(header.receipts, keys, strict=False)  # equal counts are the check above
    ]
    for slot, slot_hash in zip(vault_slots or (), slot_hashes, strict=False):
        require_vault_slot(slot, slot_hash)
    return reservation
