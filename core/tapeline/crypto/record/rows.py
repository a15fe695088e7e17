"""Rows and shards: their types, their bytes inside hashes, and the hashes that bind them (protocol, steps 3 to 5)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tapeline.base.hashing import counted, lp, tagged_hash, u64
from tapeline.crypto.group import Point


@dataclass(frozen=True)
class EscrowRow:
    """A firm's row: C = M + rE."""

    firm: str
    key_id: bytes
    point: Point
    sealed: Point

    def hashed(self) -> bytes:
        """Return lp(firm) ‖ key id ‖ E ‖ C."""
        return lp(self.firm.encode()) + self.key_id + self.point.encode() + self.sealed.encode()


@dataclass(frozen=True)
class Row:
    """A device's row: C = M + rP."""

    prekey: bytes
    point: Point
    sealed: Point

    def hashed(self) -> bytes:
        """Return prekey hash ‖ P ‖ C, 128 bytes."""
        return self.prekey + self.point.encode() + self.sealed.encode()


@dataclass(frozen=True)
class Shard:
    """At most 64 rows with the hash of each one's slot."""

    number: int
    rows: tuple[Row, ...]
    slot_hashes: tuple[bytes, ...]

    def shard_hash(self) -> bytes:
        """Return H("shard", number, rows, slot hashes)."""
        return tagged_hash("shard", u64(self.number), hash_rows(self.rows), counted(self.slot_hashes))


def hash_rows(rows: Sequence[EscrowRow] | Sequence[Row]) -> bytes:
    """Return rows as one counted element of a hash."""
    return counted(row.hashed() for row in rows)


def slot_hash(slot: bytes) -> bytes:
    """Return H("slot-bytes", slot), which a shard lists for each row."""
    return tagged_hash("slot-bytes", slot)


def slot_info(context: bytes, prekey_hash: bytes) -> bytes:
    """Return the HPKE `info` of a device slot: H("slot", context, prekey hash)."""
    return tagged_hash("slot", context, prekey_hash)


@dataclass(frozen=True)
class Bound:
    """What label and record hash both bind, each element as it enters the hash."""

    context: bytes
    cq: bytes
    receipts: bytes
    escrow_rows: bytes
    shard_hashes: bytes

    @classmethod
    def of(
        cls,
        context: bytes,
        cq: bytes,
        receipts: Sequence[bytes],
        escrow_rows: Sequence[EscrowRow],
        shard_hashes: Sequence[bytes],
    ) -> Bound:
        """Encode the lists with their counts; receipts are SignedObject bytes."""
        return cls(context, cq, counted(receipts), hash_rows(escrow_rows), counted(shard_hashes))

    def label(self) -> bytes:
        """Return H("label", context, cq, receipts, escrow rows, shard hashes)."""
        return tagged_hash("label", self.context, self.cq, self.receipts, self.escrow_rows, self.shard_hashes)

    def record_hash(self, c0: Point, c0_hat: Point, proofs: Sequence[bytes]) -> bytes:
        """Return H("record", context, cq, receipts, C0, Ĉ0, escrow rows, shard hashes, label, proofs)."""
        return tagged_hash(
            "record",
            self.context,
            self.cq,
            self.receipts,
            c0.encode(),
            c0_hat.encode(),
            self.escrow_rows,
            self.shard_hashes,
            self.label(),
            counted(proofs),
        )
