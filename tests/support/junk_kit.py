"""Junk that costs its reader as much as it can: of right form, and wrong only where it is dear to find out."""

from __future__ import annotations

import hashlib

from relay_device_kit import Device

from tapeline.crypto.group import Point
from tapeline.crypto.limits import SHARD_ROWS, SLOT_BYTES
from tapeline.crypto.wire import encode
from tapeline.governance.auditleaf import make_audit_leaf
from tapeline.governance.dsse import parse_envelope
from tapeline.wire.v1 import objects_pb2 as pb
from tapeline.wire.v1.escrow_pb2 import AuditItem, WarrantPackage


def junk_record(device: Device, conversation: bytes, rows: int = 230) -> bytes:
    """Return a record with the device's own context and many rows of real points: only its signature is wrong."""
    record = pb.SessionRecord.FromString(device.seal(conversation)[0].record)
    header = pb.SessionHeader.FromString(record.header)
    header.signature = bytes(64)
    points = [
        Point.from_hash(hashlib.sha512(bytes([number % 256, number // 256])).digest()).encode()
        for number in range(2 * rows)
    ]
    made = [
        pb.Row(prekey=number.to_bytes(64, "big"), point=points[2 * number], sealed=points[2 * number + 1])
        for number in range(rows)
    ]
    shards = [
        pb.Shard(number=place, rows=made[start : start + SHARD_ROWS], slot_hashes=[bytes(64)] * len(made[start:][:64]))
        for place, start in enumerate(range(0, rows, SHARD_ROWS))
    ]
    return encode(
        pb.SessionRecord(
            header=encode(header),
            shards=[encode(shard) for shard in shards],
            vault_slots=record.vault_slots,
            device_slots=[bytes(SLOT_BYTES)] * rows,
        )
    )


def junk_package(roster: bytes, note: bytes, size: int = 6_500_000) -> bytes:
    """Return a warrant package whose audit log is as long as fits, under a note that is not its own."""
    envelope = parse_envelope(roster, "roster")
    leaf = make_audit_leaf(envelope, 1_700_000_000_000)
    count = size // (len(AuditItem(index=1 << 16, leaf=leaf).SerializeToString()) + 4)
    items = [AuditItem(index=0, leaf=leaf, dsse=roster)]
    items.extend(AuditItem(index=index, leaf=leaf) for index in range(1, count))
    return WarrantPackage(
        warrant=roster, case_statement=roster, manifest=roster, audit_note=note, archive_note=note, audit_leaves=items
    ).SerializeToString()
