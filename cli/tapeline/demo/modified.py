"""A modified client: it makes session records step by step from crypto's own parts, so that any step can be falsified.

Left alone, a draft becomes exactly the record that the SDK would make; that is the fraud's unmodified twin.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from tapeline.base.secret import Secret
from tapeline.base.times import HOUR, Rng
from tapeline.crypto.group import B_HAT, Point, Scalar
from tapeline.crypto.hpke import seal
from tapeline.crypto.limits import SHARD_ROWS
from tapeline.crypto.prekey import VerifiedPrekey
from tapeline.crypto.record.current import is_current_key, recipients
from tapeline.crypto.record.encode import encode_escrow_row, encode_shard
from tapeline.crypto.record.facts import Facts
from tapeline.crypto.record.judge_header import RECORD_KIND
from tapeline.crypto.record.proof import Statement
from tapeline.crypto.record.prove import prove
from tapeline.crypto.record.root import session_root
from tapeline.crypto.record.rows import Bound, EscrowRow, Row, Shard, slot_hash, slot_info
from tapeline.crypto.reservation import PendingReservation
from tapeline.crypto.signing import SigningKey
from tapeline.crypto.wire import encode
from tapeline.wire.v1 import objects_pb2 as pb


@dataclass(frozen=True, slots=True)
class Made:
    """A finished record, its hash and its session root."""

    record: bytes
    record_hash: bytes
    root: Secret


@dataclass
class Draft:
    """A record in the making: change any part, then `finish`."""

    context: pb.Context
    reservation: PendingReservation
    receipts: Sequence[bytes]
    m: Point
    r: Scalar = field(repr=False)
    escrow_rows: list[EscrowRow]
    rows: list[tuple[Row, bytes]]
    """Each with its device slot."""

    @classmethod
    def begin(
        cls, facts: Facts, reservation: PendingReservation, receipts: Sequence[bytes], now_ms: int, rng: Rng
    ) -> Draft:
        """Return a draft that is right so far: exactly the current devices, each firm's current key."""
        wanted = set(facts.membership.firms)
        keys = sorted(
            (key for key in facts.escrow if (key.firm, key.retention_class) in wanted and is_current_key(key, facts)),
            key=lambda key: key.firm,
        )
        context = pb.Context(
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
            not_before_ms=now_ms,
            not_after_ms=now_ms + HOUR,
            directory_leaves=facts.directory_leaves,
        )
        m, r = Scalar.random(rng).base_mul(), Scalar.random(rng)
        rows = [EscrowRow(key.firm, key.key_id, key.point, m + key.point.mul(r)) for key in keys]
        draft = cls(context, reservation, receipts, m, r, rows, [])
        for one in recipients(facts)[0]:
            draft.add_row(one.prekey.prekey)
        return draft

    def add_row(self, prekey: VerifiedPrekey) -> None:
        """Put a correct row and slot for a prekey into its place."""
        row = Row(prekey.prekey_hash, prekey.point, self.m + prekey.point.mul(self.r))
        info = slot_info(encode(self.context), prekey.prekey_hash)
        self.rows.append((row, seal(prekey.hpke, info, self.reservation.q.reveal())))
        self.rows.sort(key=lambda pair: pair[0].prekey)

    def finish(self, key: SigningKey, rng: Rng) -> Made:
        """Cut, prove, hash and sign what stands here, true or not."""
        c0, c0_hat = self.r.base_mul(), B_HAT.mul(self.r)
        shards = self._shards()
        hashes = [shard.shard_hash() for shard in shards]
        bound = Bound.of(encode(self.context), self.reservation.cq, self.receipts, self.escrow_rows, hashes)
        proofs = [
            prove(Statement(bound.label(), c0, c0_hat, self.escrow_rows, shard.rows), self.r, rng) for shard in shards
        ]
        record_hash = bound.record_hash(c0, c0_hat, proofs)
        header = pb.SessionHeader(
            context=encode(self.context),
            cq=self.reservation.cq,
            reservation=pb.SignedObject.FromString(self.reservation.reservation),
            receipts=[pb.SignedObject.FromString(receipt) for receipt in self.receipts],
            c0=c0.encode(),
            c0_hat=c0_hat.encode(),
            escrow_rows=[encode_escrow_row(row) for row in self.escrow_rows],
            shard_hashes=hashes,
            proofs=proofs,
            signature=key.sign(RECORD_KIND, record_hash),
        )
        record = encode(
            pb.SessionRecord(
                header=encode(header),
                shards=[encode_shard(shard) for shard in shards],
                vault_slots=self.reservation.slots,
                device_slots=[slot for _, slot in self.rows],
            )
        )
        return Made(record, record_hash, session_root(self.m, self.reservation.q, record_hash))

    def _shards(self) -> list[Shard]:
        cuts = range(0, max(len(self.rows), 1), SHARD_ROWS)
        pieces = [self.rows[at : at + SHARD_ROWS] for at in cuts]
        return [
            Shard(number, tuple(row for row, _ in piece), tuple(slot_hash(slot) for _, slot in piece))
            for number, piece in enumerate(pieces)
        ]
