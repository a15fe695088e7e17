"""Records and views as parsed, before anything is verified: strict form, sizes, decoded points, recomputed hashes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

from tapeline.base.hashing import HASH_BYTES
from tapeline.crypto import limits
from tapeline.crypto.group import Point
from tapeline.crypto.record.rows import Bound, EscrowRow, Row, Shard
from tapeline.crypto.wire import at_most, encode, fixed, parse
from tapeline.wire.v1 import objects_pb2 as pb


@dataclass(frozen=True)
class ParsedHeader:
    """The header that every copy of a record shares."""

    encoded: bytes
    context_bytes: bytes
    context: pb.Context
    cq: bytes
    reservation: bytes
    receipts: tuple[bytes, ...]
    c0: Point
    c0_hat: Point
    escrow_rows: tuple[EscrowRow, ...]
    shard_hashes: tuple[bytes, ...]
    proofs: tuple[bytes, ...]
    signature: bytes

    @cached_property
    def bound(self) -> Bound:
        """What label and record hash bind."""
        return Bound.of(self.context_bytes, self.cq, self.receipts, self.escrow_rows, self.shard_hashes)

    @cached_property
    def label(self) -> bytes:
        """The label that every shard's proof hashes, recomputed."""
        return self.bound.label()

    @cached_property
    def record_hash(self) -> bytes:
        """The record hash, recomputed."""
        return self.bound.record_hash(self.c0, self.c0_hat, self.proofs)


class _Parsed:
    """What facts can be looked up by, before the record is verified."""

    header: ParsedHeader

    @property
    def context(self) -> pb.Context:
        """The unverified context."""
        return self.header.context

    @property
    def record_hash(self) -> bytes:
        """The record hash, recomputed from the bytes received."""
        return self.header.record_hash

    @property
    def sender_device(self) -> bytes:
        """Hash of the device entry that the context names as sender."""
        return self.header.context.sender_device

    @property
    def conversation(self) -> bytes:
        """The conversation that the context names."""
        return self.header.context.conversation

    @property
    def membership(self) -> bytes:
        """Hash of the membership statement that the context names."""
        return self.header.context.membership

    @property
    def archive_note(self) -> bytes:
        """The cosigned archive note that the context names."""
        return self.header.context.archive_note


@dataclass(frozen=True)
class ParsedRecord(_Parsed):
    """A whole record, as the relay stores it."""

    header: ParsedHeader
    shards: tuple[Shard, ...]
    shard_bytes: tuple[bytes, ...]
    vault_slots: tuple[bytes, ...]
    device_slots: tuple[bytes, ...]

    @property
    def rows(self) -> list[Row]:
        """All rows, over all shards."""
        return [row for shard in self.shards for row in shard.rows]


@dataclass(frozen=True)
class ParsedView(_Parsed):
    """One reader's part of a record: the header, one shard, and the place of its row in it.

    A history grant carries no slot, and one made by the sender has no row either (`crypto.history`).
    """

    header: ParsedHeader
    shard: Shard
    shard_bytes: bytes
    row_index: int | None
    device_slot: bytes | None


def parse_record(data: bytes) -> ParsedRecord:
    """Return the record of SessionRecord bytes; raises Refused of WIR-1 to WIR-3, GRP-1, or MalformedInput."""
    record = parse(pb.SessionRecord, data, limit=limits.RECORD_BYTES, what="session record")
    at_most(len(record.shards), limits.ROWS // limits.SHARD_ROWS, "shards")
    return ParsedRecord(
        header=parse_header(record.header),
        shards=tuple(parse_shard(shard) for shard in record.shards),
        shard_bytes=tuple(record.shards),
        vault_slots=_all_fixed(record.vault_slots, limits.SLOT_BYTES, "vault slot"),
        device_slots=_all_fixed(record.device_slots, limits.SLOT_BYTES, "device slot"),
    )


def context_of(data: bytes) -> pb.Context:
    """Return the context of SessionRecord bytes, before any point of it is decoded: who claims to have made it, where.

    Raises:
        Refused, MalformedInput: WIR-1 to WIR-3 of record, header and context.
    """
    record = parse(pb.SessionRecord, data, limit=limits.RECORD_BYTES, what="session record")
    at_most(len(record.shards), limits.ROWS // limits.SHARD_ROWS, "shards")
    header = parse(pb.SessionHeader, record.header, limit=limits.HEADER_BYTES, what="session header")
    return _parse_context(header.context)


def parse_view(
    data: bytes,
    *,
    header_of: Callable[[bytes], ParsedHeader] | None = None,
    shard_of: Callable[[bytes], Shard] | None = None,
) -> ParsedView:
    """Return the view of RecordView bytes; raises Refused of WIR-1 to WIR-3, GRP-1, or MalformedInput.

    A process that reads one record for several devices may pass parsers that remember: header and shard are theirs all.
    """
    view = parse(pb.RecordView, data, limit=limits.VIEW_BYTES, what="record view")
    return ParsedView(
        header=(header_of or parse_header)(view.header),
        shard=(shard_of or parse_shard)(view.shard),
        shard_bytes=view.shard,
        row_index=view.row,
        device_slot=fixed(view.device_slot, limits.SLOT_BYTES, "device slot"),
    )


def parse_header(data: bytes) -> ParsedHeader:
    """Return the header of SessionHeader bytes."""
    header = parse(pb.SessionHeader, data, limit=limits.HEADER_BYTES, what="session header")
    at_most(len(header.receipts), limits.FIRMS, "receipts")
    at_most(len(header.escrow_rows), limits.FIRMS, "escrow rows")
    return ParsedHeader(
        encoded=data,
        context_bytes=header.context,
        context=_parse_context(header.context),
        cq=fixed(header.cq, HASH_BYTES, "cq"),
        reservation=encode(header.reservation),
        receipts=tuple(encode(receipt) for receipt in header.receipts),
        c0=Point.decode(header.c0),
        c0_hat=Point.decode(header.c0_hat),
        escrow_rows=tuple(
            EscrowRow(
                row.firm,
                fixed(row.key_id, HASH_BYTES, "escrow key id"),
                Point.decode(row.point),
                Point.decode(row.sealed),
            )
            for row in header.escrow_rows
        ),
        shard_hashes=_all_fixed(header.shard_hashes, HASH_BYTES, "shard hash"),
        proofs=_all_fixed(header.proofs, limits.PROOF_BYTES, "proof"),
        signature=fixed(header.signature, limits.SIGNATURE_BYTES, "record's signature"),
    )


def parse_shard(data: bytes) -> Shard:
    """Return the shard of Shard bytes."""
    shard = parse(pb.Shard, data, limit=limits.SHARD_BYTES, what="shard")
    at_most(len(shard.rows), limits.SHARD_ROWS, "rows in a shard")
    return Shard(
        number=shard.number,
        rows=tuple(
            Row(fixed(row.prekey, HASH_BYTES, "prekey hash"), Point.decode(row.point), Point.decode(row.sealed))
            for row in shard.rows
        ),
        slot_hashes=_all_fixed(shard.slot_hashes, HASH_BYTES, "slot hash"),
    )


def _parse_context(data: bytes) -> pb.Context:
    context = parse(pb.Context, data, limit=limits.CONTEXT_BYTES, what="context")
    at_most(len(context.archive_note), limits.NOTE_BYTES, "bytes in an archive note")
    fixed(context.deployment, limits.DEPLOYMENT_BYTES, "deployment id")
    fixed(context.session_id, limits.SESSION_ID_BYTES, "session id")
    for value in (context.conversation, context.sender_device, context.membership):
        fixed(value, HASH_BYTES, "hash in a context")
    for listed in (context.firms, context.escrow_key_ids, context.v_key_ids, context.retention_classes):
        at_most(len(listed), limits.FIRMS, "firms in a context")
    _all_fixed(context.escrow_key_ids, HASH_BYTES, "escrow key id")
    _all_fixed(context.v_key_ids, HASH_BYTES, "vault key id")
    return context


def _all_fixed(values: Sequence[bytes], length: int, what: str) -> tuple[bytes, ...]:
    return tuple(fixed(value, length, what) for value in values)
