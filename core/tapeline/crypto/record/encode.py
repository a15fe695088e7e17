"""Rows and shards as they travel."""

from __future__ import annotations

from tapeline.crypto.record.rows import EscrowRow, Row, Shard
from tapeline.crypto.wire import encode
from tapeline.wire.v1 import objects_pb2 as pb


def encode_escrow_row(row: EscrowRow) -> pb.EscrowRow:
    """Return the row as a message."""
    return pb.EscrowRow(firm=row.firm, key_id=row.key_id, point=row.point.encode(), sealed=row.sealed.encode())


def encode_shard(shard: Shard) -> bytes:
    """Return the shard's bytes."""
    rows = [encode_row(row) for row in shard.rows]
    return encode(pb.Shard(number=shard.number, rows=rows, slot_hashes=shard.slot_hashes))


def encode_row(row: Row) -> pb.Row:
    """Return the row as a message."""
    return pb.Row(prekey=row.prekey, point=row.point.encode(), sealed=row.sealed.encode())
