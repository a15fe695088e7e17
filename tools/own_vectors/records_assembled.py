"""Records put together by hand, from parts that a modified client would choose."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from own_vectors.form import Stream
from own_vectors.story import Device, Story
from tapeline.base.secret import Secret
from tapeline.crypto.group import B_HAT, Point, Scalar
from tapeline.crypto.record.encode import encode_escrow_row, encode_shard
from tapeline.crypto.record.parse import ParsedHeader, ParsedRecord
from tapeline.crypto.record.proof import Statement
from tapeline.crypto.record.prove import prove
from tapeline.crypto.record.root import session_root
from tapeline.crypto.record.rows import Bound, EscrowRow, Row, Shard, slot_hash, slot_info
from tapeline.crypto.reservation import PendingReservation
from tapeline.crypto.wire import encode
from tapeline.wire.v1 import objects_pb2 as pb


@dataclass
class Assembled:
    """A finished view of a record that is not kept as a whole."""

    view: bytes
    m: Secret
    root: Secret
    reader: Device


@dataclass
class Parts:
    """A record in parts; `finish` proves, hashes and signs whatever stands here."""

    story: Story
    context: bytes
    cq: bytes
    reservation: bytes
    receipts: list[bytes]
    c0: Point
    c0_hat: Point
    escrow_rows: list[EscrowRow]
    rows: list[Row]
    slot_hashes: list[bytes]
    vault_slots: list[bytes]
    device_slots: list[bytes]
    r: Scalar
    proofs: list[bytes] | None = None

    def shards(self) -> list[Shard]:
        """Cut the rows as they stand."""
        cuts = range(0, max(len(self.rows), 1), 64)
        return [
            Shard(number, tuple(self.rows[at : at + 64]), tuple(self.slot_hashes[at : at + 64]))
            for number, at in enumerate(cuts)
        ]

    def bound(self) -> Bound:
        """What label and record hash bind."""
        hashes = [shard.shard_hash() for shard in self.shards()]
        return Bound.of(self.context, self.cq, self.receipts, self.escrow_rows, hashes)

    def made_proofs(self, seed: str = "proofs") -> list[bytes]:
        """Return the proofs given, or fresh ones."""
        if self.proofs is not None:
            return self.proofs
        label, rng = self.bound().label(), Stream(seed)
        statements = [Statement(label, self.c0, self.c0_hat, self.escrow_rows, one.rows) for one in self.shards()]
        return [prove(statement, self.r, rng) for statement in statements]

    def record_hash(self) -> bytes:
        """Return the record hash."""
        return self.bound().record_hash(self.c0, self.c0_hat, self.made_proofs())

    def header(self) -> bytes:
        """Return the signed header."""
        message = pb.SessionHeader(
            context=self.context, cq=self.cq, reservation=pb.SignedObject.FromString(self.reservation),
            receipts=[pb.SignedObject.FromString(one) for one in self.receipts], c0=self.c0.encode(),
            c0_hat=self.c0_hat.encode(), escrow_rows=[encode_escrow_row(row) for row in self.escrow_rows],
            shard_hashes=[shard.shard_hash() for shard in self.shards()], proofs=self.made_proofs(),
            signature=self.story.ann.key.sign("record", self.record_hash()),
        )  # fmt: skip
        return encode(message)

    def finish(self) -> bytes:
        """Return the record."""
        shards = [encode_shard(shard) for shard in self.shards()]
        return encode(
            pb.SessionRecord(
                header=self.header(), shards=shards, vault_slots=self.vault_slots, device_slots=self.device_slots
            )
        )


def assemble(story: Story, record: ParsedRecord, r: Scalar) -> Parts:
    """Return the parts of a finished record, its proofs among them."""
    header = record.header
    hashes = [one for shard in record.shards for one in shard.slot_hashes]
    return Parts(
        story, header.context_bytes, header.cq, header.reservation, list(header.receipts), header.c0, header.c0_hat,
        list(header.escrow_rows), record.rows, hashes, list(record.vault_slots), list(record.device_slots), r,
        list(header.proofs),
    )  # fmt: skip


def second_shard(story: Story, pending: PendingReservation, header: ParsedHeader) -> Assembled:
    """Return the view of the last of 65 rows; of the others only points and slot hashes exist."""
    rng = Stream("second shard")
    readers = [device for device in story.devices.values() if device is not story.ann]
    reader = max(readers, key=lambda device: device.prekey.prekey_hash)
    m, r = Scalar.random(rng).base_mul(), Scalar.random(rng)
    info = slot_info(header.context_bytes, reader.prekey.prekey_hash)
    slot = story.sealed.seal(reader.prekey.hpke, info, pending.q.reveal())
    others = _other_rows(rng, reader.prekey.prekey_hash[0], m, r)
    own = Row(reader.prekey.prekey_hash, reader.prekey.point, m + reader.prekey.point.mul(r))
    escrow = [EscrowRow(one.firm, one.key_id, one.point, m + one.point.mul(r)) for one in header.escrow_rows]
    parts = Parts(
        story, header.context_bytes, pending.cq, pending.reservation, list(header.receipts), r.base_mul(),
        B_HAT.mul(r), escrow, [*others, own], [*(rng(64) for _ in others), slot_hash(slot)], [], [], r,
    )  # fmt: skip
    view = pb.RecordView(header=parts.header(), shard=encode_shard(parts.shards()[1]), row=0, device_slot=slot)
    return Assembled(encode(view), Secret(m.encode()), session_root(m, pending.q, parts.record_hash()), reader)


def _other_rows(rng: Stream, below: int, m: Point, r: Scalar) -> Sequence[Row]:
    """64 rows whose prekey hashes sort before one that starts with the byte `below`."""
    hashes = sorted(bytes([rng(1)[0] % below]) + rng(63) for _ in range(64))
    points = [Scalar.random(rng).base_mul() for _ in hashes]
    return [Row(name, point, m + point.mul(r)) for name, point in zip(hashes, points, strict=True)]
