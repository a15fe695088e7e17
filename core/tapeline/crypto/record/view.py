"""Cutting one device's view out of a record; the relay does this for each delivery."""

from __future__ import annotations

from collections.abc import Collection

from tapeline.crypto.limits import SHARD_ROWS
from tapeline.crypto.record.parse import ParsedRecord
from tapeline.crypto.wire import encode
from tapeline.wire.v1.objects_pb2 import RecordView


def view_for(record: ParsedRecord, prekey_hashes: Collection[bytes]) -> bytes | None:
    """Return the RecordView of the device that owns these prekeys, or None where it has no row."""
    place = next((place for place, row in enumerate(record.rows) if row.prekey in prekey_hashes), None)
    if place is None:
        return None
    number, position = divmod(place, SHARD_ROWS)  # a verified record's shards are full but for the last
    return encode(
        RecordView(
            header=record.header.encoded,
            shard=record.shard_bytes[number],
            row=position,
            device_slot=record.device_slots[place],
        )
    )
