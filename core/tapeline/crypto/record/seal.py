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
from tapeline.crypto.limits import RECORD_BYTES, SHARD_ROWS
from tapeline.crypto.record.context import choose_keys, make_context, require_sealable
from tapeline.crypto.record.current import Recipient, recipients
from tapeline.crypto.record.encode import encode_escrow_row, encode_shard
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


@dataclass(frozen=True)
class _Body:
    """What is sealed: header points, rows, and slots in the order of rows."""

    c0: Point
    c0_hat: Point
    escrow_rows: Sequence[EscrowRow]
    shards: Sequence[Shard]
    slots: Sequence[bytes]

    def shard_hashes(self) -> list[bytes]:
        """Return the hash of each shard, in order."""
        return [shard.shard_hash() for shard in self.shards]


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
    keys = choose_keys(facts, reservation)
    require(len(receipts) == len(keys), Rule.RECEIPT_SET, "There is not exactly one receipt for each firm.")
    found, stale = recipients(facts)
    require_sealable(keys, found)
    context = encode(make_context(facts, keys, reservation, not_before_ms, not_after_ms))  # step 2
    secrets = _Secrets(Scalar.random(rng).base_mul(), Scalar.random(rng), reservation.q)
    body = _seal(context, keys, found, secrets)  # step 3
    bound = Bound.of(context, reservation.cq, receipts, body.escrow_rows, body.shard_hashes())
    proofs = [  # step 4
        prove(Statement(bound.label(), body.c0, body.c0_hat, body.escrow_rows, shard.rows), secrets.r, rng)
        for shard in body.shards
    ]
    record_hash = bound.record_hash(body.c0, body.c0_hat, proofs)  # step 5
    header = _header(context, reservation, receipts, body, proofs, signing_key.sign(RECORD_KIND, record_hash))
    opening = sender_statement(record_hash, body.c0, body.escrow_rows[0], secrets.m)
    return CreatedRecord(
        record=_record(header, body, reservation),
        record_hash=record_hash,
        root=session_root(secrets.m, secrets.q, record_hash),  # step 6
        stale=tuple(stale),
        m=Secret(secrets.m.encode()),
        opening_proof=prove_equality(opening, secrets.r, rng).encode(),
    )


def _seal(context: bytes, keys: Sequence[EscrowFact], found: Sequence[Recipient], secrets: _Secrets) -> _Body:
    """Seal M and q to every key; device rows by prekey hash, 64 to a shard, at least one shard."""
    prekeys = sorted((one.prekey.prekey for one in found), key=lambda prekey: prekey.prekey_hash)
    rows = [Row(one.prekey_hash, one.point, secrets.seal_to(one.point)) for one in prekeys]
    slots = [seal(one.hpke, slot_info(context, one.prekey_hash), secrets.q.reveal()) for one in prekeys]
    hashes = [slot_hash(slot) for slot in slots]
    cuts = range(0, max(len(rows), 1), SHARD_ROWS)
    return _Body(
        c0=secrets.r.base_mul(),
        c0_hat=B_HAT.mul(secrets.r),
        escrow_rows=[EscrowRow(key.firm, key.key_id, key.point, secrets.seal_to(key.point)) for key in keys],
        shards=[
            Shard(number, tuple(rows[start : start + SHARD_ROWS]), tuple(hashes[start : start + SHARD_ROWS]))
            for number, start in enumerate(cuts)
        ],
        slots=slots,
    )


def _header(
    context: bytes,
    reservation: PendingReservation,
    receipts: Sequence[bytes],
    body: _Body,
    proofs: Sequence[bytes],
    signature: bytes,
) -> bytes:
    return encode(
        pb.SessionHeader(
            context=context,
            cq=reservation.cq,
            reservation=pb.SignedObject.FromString(reservation.reservation),
            receipts=[pb.SignedObject.FromString(receipt) for receipt in receipts],
            c0=body.c0.encode(),
            c0_hat=body.c0_hat.encode(),
            escrow_rows=[encode_escrow_row(row) for row in body.escrow_rows],
            shard_hashes=body.shard_hashes(),
            proofs=proofs,
            signature=signature,
        )
    )


def _record(header: bytes, body: _Body, reservation: PendingReservation) -> bytes:
    shards = [encode_shard(shard) for shard in body.shards]
    record = encode(
        pb.SessionRecord(header=header, shards=shards, vault_slots=reservation.slots, device_slots=body.slots)
    )
    at_most(len(record), RECORD_BYTES, "bytes in a session record")
    return record
