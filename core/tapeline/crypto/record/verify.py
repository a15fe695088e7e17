"""`verify_record`: the one judgement of a session record, for relay, recipient, custodian and auditor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tapeline.base.rules import Rule
from tapeline.crypto.group import Point
from tapeline.crypto.membership import VerifiedMembership
from tapeline.crypto.record import judge_header, judge_rows
from tapeline.crypto.record.facts import DeviceFact, Facts
from tapeline.crypto.record.parse import ParsedHeader, ParsedRecord, ParsedView
from tapeline.crypto.record.proof import Statement, verify_proof
from tapeline.crypto.record.rows import EscrowRow, Shard
from tapeline.crypto.reservation import VerifiedReservation

EXCEPTABLE = frozenset({Rule.REC_MISSING_ROW, Rule.REC_STALE_PREKEY, Rule.REC_REVOKED, Rule.REC_DIRECTORY})
"""What a sender breaks who was shown a directory with a hole: of REC-7 only what is superseded, of REC-17 only rows."""


@dataclass(frozen=True)
class VerifiedRecord:
    """A record that every check held for, but for those that the caller excepted.

    Session id, cq and C0 are still to be held against the caller's table.
    """

    record_hash: bytes
    deployment: bytes
    conversation: bytes
    session_id: bytes
    cq: bytes
    reservation_hash: bytes
    c0: Point
    escrow_rows: tuple[EscrowRow, ...]
    retention_classes: tuple[str, ...]
    context: bytes
    sender: DeviceFact
    membership: VerifiedMembership
    not_before_ms: int
    not_after_ms: int
    note_size: int
    leaf_index: int
    leaf_time_ms: int
    row_users: frozenset[tuple[str, str]] | None
    """The (firm, user) of every row; None where only a view was judged."""


def verify_record(
    record: ParsedRecord | ParsedView,
    facts: Facts,
    *,
    own: DeviceFact | None = None,
    proven: bool = False,
    excepted: frozenset[Rule] = frozenset(),
) -> VerifiedRecord:
    """Judge a record by the directory's facts; the same answer at once, three weeks later and seven years later.

    The plan; what each step judges by is in brackets:

    1. suite, deployment, conversation and membership statement are those of the facts;
    2. the archive note is that of the facts; note, window and leaf lie close together  [τ, leaf time]; the sender
       knew all directory leaves below the note  [view];
    3. the sender is a member's device, and signed  [view, τ; revocation at the leaf];
    4. the membership statement is in the view, and still the newest  [view; leaf index];
    5. one escrow row for each firm, under its current E, of its class, with its V  [view, τ; revocation at the leaf];
    6. reservation and receipts fit one another, the context and (in full) the vault slots  [τ];
    7. the shards are the header's, cut and sorted as they must be, with their slots;
    8. the rows are exactly one for each other current device; of a view, the reader's own, every other row of its
       shard, and no device left out that must be in that shard  [view, τ; revocation at the leaf];
    9. no two rows are under one key;
    10. each shard's proof verifies: every row holds what the escrow rows hold.

    Args:
        record: a whole record, or one reader's view of it.
        facts: as the directory built them for this record's context and leaf.
        own: the reader's device, of a view with a row; None otherwise.
        proven: this very object passed here before, so that step 10, which depends on no facts and is most of the
            work, need not be done again; everything else is judged anew.
        excepted: rules of `EXCEPTABLE` that are passed over, of a whole record; see `verify_with_exceptions`.

    Raises:
        Refused: of the rule broken; retryable where fresher facts of the sender would help.
    """
    if not excepted <= EXCEPTABLE or (excepted and not isinstance(record, ParsedRecord)):
        raise TypeError("only a whole record is excepted, and only from rules about the directory's view")
    header = record.header
    judge_header.judge_place(header.context, facts)  # 1
    judge_header.judge_time(header.context, facts, excepted)  # 2
    judge_header.judge_sender(header, facts)  # 3
    judge_header.judge_membership(facts)  # 4
    keys = judge_header.judge_escrow(header, facts)  # 5
    slots = record.vault_slots if isinstance(record, ParsedRecord) else None
    reservation = judge_header.judge_receipts(header, keys, facts, slots)  # 6
    row_users, shards = _judge_device_rows(record, facts, own, excepted)  # 7, 8
    judge_rows.judge_distinct(header, [row for shard in shards for row in shard.rows])  # 9
    if not proven:
        _judge_proofs(header, shards)  # 10
    return _verified(header, facts, reservation, row_users)


def _judge_device_rows(
    record: ParsedRecord | ParsedView, facts: Facts, own: DeviceFact | None, excepted: frozenset[Rule]
) -> tuple[frozenset[tuple[str, str]] | None, Sequence[Shard]]:
    if isinstance(record, ParsedRecord):
        judge_rows.judge_shards(record)  # 7
        return judge_rows.judge_rows(record.rows, facts, excepted), record.shards  # 8
    if (own is None) != (record.row_index is None):
        raise TypeError("a view with a row is judged for its reader's device")
    judge_rows.judge_shard_of_view(record)  # 7
    if own is not None:
        judge_rows.judge_own_row(record, own, facts)  # 8
    judge_rows.judge_rows_of_view(record, facts)
    return None, (record.shard,)


def _judge_proofs(header: ParsedHeader, shards: Sequence[Shard]) -> None:
    for shard in shards:
        statement = Statement(header.label, header.c0, header.c0_hat, header.escrow_rows, shard.rows)
        verify_proof(statement, header.proofs[shard.number])


def _verified(
    header: ParsedHeader,
    facts: Facts,
    reservation: VerifiedReservation,
    row_users: frozenset[tuple[str, str]] | None,
) -> VerifiedRecord:
    context = header.context
    return VerifiedRecord(
        record_hash=header.record_hash,
        deployment=context.deployment,
        conversation=context.conversation,
        session_id=context.session_id,
        cq=header.cq,
        reservation_hash=reservation.reservation_hash,
        c0=header.c0,
        escrow_rows=header.escrow_rows,
        retention_classes=tuple(context.retention_classes),
        context=header.context_bytes,
        sender=facts.sender,
        membership=facts.membership,
        not_before_ms=context.not_before_ms,
        not_after_ms=context.not_after_ms,
        note_size=facts.note_size,
        leaf_index=facts.leaf_index,
        leaf_time_ms=facts.leaf_time_ms,
        row_users=row_users,
    )
