"""Making a session record (protocol, Session record, steps 2 to 6); never importable by the relay."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from tapeline.base.rules import Rule, require
from tapeline.base.secret import Secret
from tapeline.base.times import Rng
from tapeline.crypto.dleq import prove_equality
from tapeline.crypto.group import B_HAT, Point, Scalar
from tapeline.crypto.hpke import seal
from tapeline.crypto.limits import RECORD_BYTES, ROWS, SHARD_ROWS
from tapeline.crypto.record.current import Recipient, is_current_key, recipients
from tapeline.crypto.record.facts import DeviceFact, EscrowFact, Facts
from tapeline.crypto.record.judge_header import RECORD_KIND
from tapeline.crypto.record.opening import sender_statement
from tapeline.crypto.record.proof import Statement
from tapeline.crypto.record.prove import prove
from tapeline.crypto.record.root import session_root
from tapeline.crypto.record.rows import Bound, EscrowRow, Row, Shard, slot_hash, slot_info
from tapeline.crypto.reservation import PendingReservation
from tapeline.crypto.signing import SigningKey
from tapeline.crypto.wire import at_most, encode
from tapeline.wire.v1 import objects_pb2 as pb


@dataclass(frozen=True)
class CreatedRecord:
    """A record ready for the outbox, and what the sender's device keeps of it."""

    record: bytes
    record_hash: bytes
    root: Secret
    stale: tuple[DeviceFact, ...]
    """Members' devices without a valid prekey: they were left out, and catch up by a history grant."""
    m: Secret
    opening_proof: bytes
    """With `m` and q, what a history grant of the sender needs (`crypto.history`)."""


@dataclass(frozen=True, repr=False)
class _Secrets:
    """m and r, for the time of one `create_record`."""

    m: Point
    r: Scalar
    q: Secret = field(repr=False)

    def seal_to(self, point: Point) -> Point:
        """Return C = M + r · point."""
        return self.m + point.mul(self.r)


def create_record(
    *,
    signing_key: SigningKey,
    reservation: PendingReservation,
    receipts: Sequence[bytes],
    facts: Facts,
    not_before_ms: int,
    not_after_ms: int,
    rng: Rng,
) -> CreatedRecord:
    """Return a fresh record for every other current device of the members and each firm's current E.

    Args:
        signing_key: the sender device's identity key.
        reservation: from the stock; it must leave the stock in the transaction that stores the record.
        receipts: SignedObject bytes, in the order of `reservation.firms`.
        facts: as `verify_record` takes them, with leaf index and time as expected now.
        not_before_ms: within 10 minutes of the expected leaf time.
        not_after_ms: at most 24 hours later.
        rng: source of randomness.

    Raises:
        Refused: where the relay would refuse: RES-1, RCP-3, REC-4, REC-19, PRE-5, WIR-3.
    """
    keys = _escrow_keys(facts, reservation)
    require(len(receipts) == len(keys), Rule.RECEIPT_SET, "There is not exactly one receipt for each firm.")
    found, stale = recipients(facts)
    _require_sealable(keys, found)
    context = encode(_context(facts, keys, reservation, not_before_ms, not_after_ms))

    secrets = _Secrets(Scalar.random(rng).base_mul(), Scalar.random(rng), reservation.q)
    c0, c0_hat = secrets.r.base_mul(), B_HAT.mul(secrets.r)
    escrow_rows = [EscrowRow(key.firm, key.key_id, key.point, secrets.seal_to(key.point)) for key in keys]
    slots, shards = _seal_rows(found, context, secrets)
    bound = Bound.of(context, reservation.cq, receipts, escrow_rows, [shard.shard_hash() for shard in shards])
    proofs = [prove(Statement(bound.label(), c0, c0_hat, escrow_rows, shard.rows), secrets.r, rng) for shard in shards]
    record_hash = bound.record_hash(c0, c0_hat, proofs)

    header = pb.SessionHeader(
        context=context,
        cq=reservation.cq,
        reservation=pb.SignedObject.FromString(reservation.reservation),
        receipts=[pb.SignedObject.FromString(receipt) for receipt in receipts],
        c0=c0.encode(),
        c0_hat=c0_hat.encode(),
        escrow_rows=[encode_escrow_row(row) for row in escrow_rows],
        shard_hashes=[shard.shard_hash() for shard in shards],
        proofs=proofs,
        signature=signing_key.sign(RECORD_KIND, record_hash),
    )
    record = encode(
        pb.SessionRecord(
            header=encode(header),
            shards=[encode_shard(shard) for shard in shards],
            vault_slots=reservation.slots,
            device_slots=slots,
        )
    )
    at_most(len(record), RECORD_BYTES, "bytes in a session record")
    opening = sender_statement(record_hash, c0, escrow_rows[0], secrets.m)
    return CreatedRecord(
        record=record,
        record_hash=record_hash,
        root=session_root(secrets.m, secrets.q, record_hash),
        stale=tuple(stale),
        m=Secret(secrets.m.encode()),
        opening_proof=prove_equality(opening, secrets.r, rng).encode(),
    )


def _escrow_keys(facts: Facts, reservation: PendingReservation) -> list[EscrowFact]:
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


def _require_sealable(keys: Sequence[EscrowFact], found: Sequence[Recipient]) -> None:
    at_most(len(found), ROWS, "devices in one session")
    points = [key.point.encode() for key in keys] + [one.prekey.prekey.point.encode() for one in found]
    require(len(set(points)) == len(points), Rule.PREKEY_DISTINCT, "Two of the members' keys are one and the same.")


def _context(
    facts: Facts, keys: Sequence[EscrowFact], reservation: PendingReservation, not_before_ms: int, not_after_ms: int
) -> pb.Context:
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
    )


def _seal_rows(found: Sequence[Recipient], context: bytes, secrets: _Secrets) -> tuple[list[bytes], list[Shard]]:
    """Return the device slots in the order of rows, and the shards: 64 rows each, at least one shard."""
    prekeys = sorted((one.prekey.prekey for one in found), key=lambda prekey: prekey.prekey_hash)
    rows = [Row(one.prekey_hash, one.point, secrets.seal_to(one.point)) for one in prekeys]
    slots = [seal(one.hpke, slot_info(context, one.prekey_hash), secrets.q.reveal()) for one in prekeys]
    cuts = range(0, max(len(rows), 1), SHARD_ROWS)
    shards = [
        Shard(
            number,
            tuple(rows[start : start + SHARD_ROWS]),
            tuple(slot_hash(slot) for slot in slots[start : start + SHARD_ROWS]),
        )
        for number, start in enumerate(cuts)
    ]
    return slots, shards


def encode_escrow_row(row: EscrowRow) -> pb.EscrowRow:
    """Return the row as it travels."""
    return pb.EscrowRow(firm=row.firm, key_id=row.key_id, point=row.point.encode(), sealed=row.sealed.encode())


def encode_shard(shard: Shard) -> bytes:
    """Return the shard as it travels."""
    rows = [encode_row(row) for row in shard.rows]
    return encode(pb.Shard(number=shard.number, rows=rows, slot_hashes=shard.slot_hashes))


def encode_row(row: Row) -> pb.Row:
    """Return the row as it travels."""
    return pb.Row(prekey=row.prekey, point=row.point.encode(), sealed=row.sealed.encode())
