"""What a new record is made of and for: the firms' keys, and the context that names it all (protocol, step 2)."""

from __future__ import annotations

from collections.abc import Sequence

from tapeline.base.rules import Rule, require
from tapeline.crypto.limits import ROWS
from tapeline.crypto.record.current import Recipient, is_current_key
from tapeline.crypto.record.facts import EscrowFact, Facts
from tapeline.crypto.reservation import PendingReservation
from tapeline.crypto.wire import at_most
from tapeline.wire.v1 import objects_pb2 as pb


def choose_keys(facts: Facts, reservation: PendingReservation) -> list[EscrowFact]:
    """Return each firm's one current key; the firms are the members' and no one's choice."""
    firms = [firm for firm, _ in facts.membership.firms]
    require(
        list(reservation.firms) == firms, Rule.RESERVATION_BINDING, "The reservation is for other firms: reserve again."
    )
    keys = []
    for firm, retention_class in facts.membership.firms:
        current = [
            key
            for key in facts.escrow
            if (key.firm, key.retention_class) == (firm, retention_class) and is_current_key(key, facts)
        ]
        require(
            len(current) == 1, Rule.REC_ESCROW_KEY, f"{firm} has no current escrow key of the conversation's class."
        )
        keys.append(current[0])
    require(
        list(reservation.v_key_ids) == [key.v_key_id for key in keys],
        Rule.REC_VAULT_KEY,
        "The reservation was made with another vault key than the current one: reserve again.",
    )
    return keys


def require_sealable(keys: Sequence[EscrowFact], found: Sequence[Recipient]) -> None:
    """Refuse more devices than a record can hold, and two keys that are one."""
    at_most(len(found), ROWS, "devices in one session")
    points = [key.point.encode() for key in keys] + [one.prekey.prekey.point.encode() for one in found]
    require(len(set(points)) == len(points), Rule.PREKEY_DISTINCT, "Two of the members' keys are one and the same.")


def make_context(
    facts: Facts, keys: Sequence[EscrowFact], reservation: PendingReservation, not_before_ms: int, not_after_ms: int
) -> pb.Context:
    """Return step 2's context: whatever the session is of, under and for."""
    return pb.Context(
        suite=pb.SUITE_V1,
        deployment=facts.deployment,
        firms=[key.firm for key in keys],
        conversation=facts.membership.conversation,
        session_id=reservation.session_id,
        sender_device=facts.sender.device.entry_hash,
        membership=facts.membership.statement_hash,
        archive_note=facts.archive_note,
        escrow_key_ids=[key.key_id for key in keys],
        v_key_ids=[key.v_key_id for key in keys],
        retention_classes=[key.retention_class for key in keys],
        not_before_ms=not_before_ms,
        not_after_ms=not_after_ms,
        directory_leaves=facts.directory_leaves,
    )
