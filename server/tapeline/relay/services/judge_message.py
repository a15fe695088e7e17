"""Judging a message by the table of its session."""

from __future__ import annotations

from tapeline.base.rules import Rule, require
from tapeline.crypto.limits import SESSION_MESSAGES
from tapeline.crypto.message.verify import ParsedMessage, require_signature, verify_message
from tapeline.relay.services.draft import Draft
from tapeline.relay.services.judge_session import require_open
from tapeline.relay.services.sessions import Session
from tapeline.relay.storage.sessions import Fork
from tapeline.wire.v1.objects_pb2 import LeafType


def place_message(parsed: ParsedMessage, data: bytes, device: bytes, draft: Draft) -> int:
    """Place a message in the draft, and return its leaf index; that of the stored one where it is there already.

    1. The session is known, and the submitting device's own.
    2. The same bytes again are acknowledged again, even after the session's end; other bytes are kept as evidence.
    3. The session has not ended.
    4. Index, previous hash and signature fit.

    Raises:
        Refused: MSG-1 to MSG-5.
    """
    session = draft.session(parsed.record_hash)
    require(session is not None, Rule.MSG_SESSION, "The message is of a session that the relay does not know.")  # 1
    assert session is not None
    require(session.row.sender_device == device, Rule.MSG_SESSION, "The message is of another device's session.")
    sender_key = draft.ledger.directory.device(device).device.device_key
    if parsed.index < len(session.hashes):  # 2
        _require_same(session, parsed, data, sender_key, draft)
        return session.leaves[parsed.index]
    require_open(session, draft)  # 3
    full = len(session.hashes) >= SESSION_MESSAGES
    require(not full, Rule.MSG_SESSION, "The session is over: it holds as many messages as one may.")
    verified = verify_message(  # 4
        parsed,
        sender_key=sender_key,
        record_hash=session.row.record_hash,
        expected_index=len(session.hashes),
        expected_previous=session.previous,
    )
    conversation = draft.ledger.conversations.get(session.conversation)
    placed = draft.place(LeafType.LEAF_TYPE_MESSAGE, data, verified.message_hash, conversation)
    draft.add_message(session, verified.index, placed.index, verified.message_hash)
    return placed.index


def _require_same(session: Session, parsed: ParsedMessage, data: bytes, sender_key: bytes, draft: Draft) -> None:
    is_stored = session.hashes[parsed.index] == parsed.message_hash
    if not is_stored:
        # Only what the device signed is evidence against it.
        require_signature(parsed, sender_key)
        draft.add_fork(session, Fork(session.row.number, parsed.index, parsed.message_hash, data, draft.leaf_time_ms))
    require(is_stored, Rule.MSG_FORK, "The session has another message at this index.")
