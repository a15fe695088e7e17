"""Judging a session record by the directory as of now, and by the table of what was used before."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from tapeline.base.rules import Rule, require
from tapeline.crypto.record.parse import ParsedRecord
from tapeline.crypto.record.verify import VerifiedRecord, verify_record
from tapeline.relay.services.draft import Draft
from tapeline.relay.services.sessions import Session
from tapeline.relay.services.submissions import Submitted
from tapeline.relay.storage.sessions import SessionRow
from tapeline.wire.v1.objects_pb2 import LeafType

INLINE_ROWS = 32
"""A record of more rows goes to a thread, so that the loop stays alive."""

Used = tuple[bytes, bytes, bytes, bytes]
"""Session id, reservation, cq and C0 of a stored session."""
FindReuse = Callable[[SessionRow], Awaitable[Sequence[Used]]]


async def place_record(parsed: ParsedRecord, item: Submitted, draft: Draft, find_reuse: FindReuse) -> int:
    """Place a record in the draft and return its leaf index; that of the stored one where it is there already.

    1. The submitting device is its sender.
    2. The same record again is acknowledged again; a new one is of a known conversation.
    3. `verify_record`, with facts as of the leaf that it will get; its proofs were verified while it was prepared.
    4. Session id, reservation, cq and C0 are new.

    Raises:
        Refused: of the rule broken.
    """
    require(parsed.sender_device == item.device, Rule.REC_SENDER, "The record is of another device than sends it.")  # 1
    known = draft.session(parsed.record_hash)
    if known is not None:  # 2
        return known.row.leaf_index
    conversation = draft.ledger.conversations.get(parsed.conversation)
    require(conversation is not None, Rule.REC_DEPLOYMENT, "The record is of a conversation unknown here.")
    assert conversation is not None
    directory = draft.ledger.directory
    facts = directory.facts_of(parsed, leaf_index=draft.next_index, leaf_time_ms=draft.leaf_time_ms)  # 3
    if len(parsed.rows) > INLINE_ROWS:
        verified = await asyncio.to_thread(verify_record, parsed, facts, proven=item.is_proven)
    else:
        verified = verify_record(parsed, facts, proven=item.is_proven)
    row = _row(verified, draft, conversation.number, facts.note_size)
    _require_new(row, await find_reuse(row), draft)  # 4
    draft.place(LeafType.LEAF_TYPE_SESSION, item.data, verified.record_hash, conversation)
    draft.add_session(Session(row, conversation.id))
    return row.leaf_index


def _row(verified: VerifiedRecord, draft: Draft, conversation: int, note_size: int) -> SessionRow:
    return SessionRow(
        number=draft.ledger.next_session + len(draft.new_sessions),
        leaf_index=draft.next_index,
        record_hash=verified.record_hash,
        session_id=verified.session_id,
        reservation=verified.reservation_hash,
        cq=verified.cq,
        c0=verified.c0.encode(),
        conversation=conversation,
        sender_device=verified.sender.device.entry_hash,
        membership=verified.membership.statement_hash,
        note_size=note_size,
        leaf_time_ms=draft.leaf_time_ms,
        not_after_ms=verified.not_after_ms,
    )


def _require_new(row: SessionRow, stored: Sequence[Used], draft: Draft) -> None:
    drafted = [(each.session_id, each.reservation, each.cq, each.c0) for each in draft.new_sessions]
    for session_id, reservation, cq, c0 in (*stored, *drafted):
        # Two records with one r open each other (protocol, Session record).
        require(c0 != row.c0, Rule.REC_C0_REUSED, "The record's C0 was used before.")
        reserved = (session_id == row.session_id, reservation == row.reservation, cq == row.cq)
        require(
            not any(reserved), Rule.RESERVATION_REUSED, "The record's reservation, session id or cq was used before."
        )
