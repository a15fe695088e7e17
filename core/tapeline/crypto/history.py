"""History grants: one session's secret, handed to a device that joined or was stale; never importable by the relay.

A grant is made when a session is first opened (or created), since prekeys are deleted, and kept in the encrypted store.
Nothing in it has to be believed: header and shard hash to the record hash of the log, the record is judged as every
view is, the opening proof ties M to it, and cq ties q.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from tapeline.base.rules import Rule, require
from tapeline.base.secret import Secret
from tapeline.base.times import Rng
from tapeline.crypto.dleq import EqualityStatement, prove_equality
from tapeline.crypto.group import Point
from tapeline.crypto.limits import MESSAGE_BODY
from tapeline.crypto.prekey_secret import PrekeySecret
from tapeline.crypto.record.encode import encode_row
from tapeline.crypto.record.open import open_row, own_row
from tapeline.crypto.record.opening import recipient_statement, sender_statement, verify_opening
from tapeline.crypto.record.parse import ParsedRecord, ParsedView, parse_header, parse_shard
from tapeline.crypto.record.root import require_q, session_root
from tapeline.crypto.record.rows import Row, Shard
from tapeline.crypto.record.seal import CreatedRecord
from tapeline.crypto.record.verify import VerifiedRecord
from tapeline.crypto.wire import parse
from tapeline.wire.v1.content_pb2 import HistoryGrant


@dataclass(frozen=True)
class ParsedGrant:
    """A grant before anything is verified; `view` goes through `verify_record`, with the grantor's device as `own`.

    A grant by the session's sender has no row: `view.row_index` is None, and so is `own`.
    """

    view: ParsedView
    m: Point = field(repr=False)
    q: Secret
    opening_proof: bytes


def make_grant(view: ParsedView, verified: VerifiedRecord, prekey_secret: PrekeySecret, rng: Rng) -> HistoryGrant:
    """Return a recipient's grant of the session that it opens with `prekey_secret`."""
    opened = open_row(view, verified, prekey_secret)
    row = own_row(view, verified, prekey_secret)
    statement = recipient_statement(verified.record_hash, verified.c0, row, opened.m)
    return HistoryGrant(
        record_hash=verified.record_hash,
        m=opened.m.encode(),
        q=opened.q.reveal(),
        row=encode_row(row),
        shard=view.shard_bytes,
        opening_proof=prove_equality(statement, prekey_secret.scalar, rng).encode(),
        header=view.header.encoded,
    )


def make_sender_grant(record: ParsedRecord, created: CreatedRecord, q: Secret) -> HistoryGrant:
    """Return the sender's grant of a session that it created; `q` is the reservation's."""
    return HistoryGrant(
        record_hash=created.record_hash,
        m=created.m.reveal(),
        q=q.reveal(),
        shard=record.shard_bytes[0],
        opening_proof=created.opening_proof,
        header=record.header.encoded,
    )


def parse_grant(data: bytes) -> ParsedGrant:
    """Return the grant of HistoryGrant bytes; raises Refused of the wire format, GRP-1, or OPN-1 for a foreign row."""
    grant = parse(HistoryGrant, data, limit=MESSAGE_BODY, what="history grant")
    header, shard = parse_header(grant.header), parse_shard(grant.shard)
    require(
        header.record_hash == grant.record_hash,
        Rule.OPEN_SECRET,
        "The grant holds the header of another session.",
    )
    return ParsedGrant(
        view=ParsedView(
            header=header,
            shard=shard,
            shard_bytes=grant.shard,
            row_index=_place(grant, shard) if grant.HasField("row") else None,
            device_slot=None,
        ),
        m=Point.decode(grant.m),
        q=Secret(grant.q),
        opening_proof=grant.opening_proof,
    )


def open_grant(grant: ParsedGrant, verified: VerifiedRecord) -> Secret:
    """Return the session root that the grant gives, 64 bytes.

    Args:
        grant: as parsed.
        verified: the verdict on `grant.view`.

    Raises:
        Refused: OPN-1 (M is not what the record's rows hold), OPN-2 (q does not match cq).
    """
    require(
        grant.view.record_hash == verified.record_hash,
        Rule.OPEN_SECRET,
        "The verdict is on another session than the grant.",
    )
    verify_opening(_statement(grant), grant.opening_proof)
    require_q(grant.q, verified)
    return session_root(grant.m, grant.q, verified.record_hash)


def _statement(grant: ParsedGrant) -> EqualityStatement:
    view = grant.view
    header = view.header
    if view.row_index is None:
        return sender_statement(header.record_hash, header.c0, header.escrow_rows[0], grant.m)
    return recipient_statement(header.record_hash, header.c0, view.shard.rows[view.row_index], grant.m)


def _place(grant: HistoryGrant, shard: Shard) -> int:
    """Return where in the shard the grant's row stands; a row that is not there has no place."""
    row = Row(grant.row.prekey, Point.decode(grant.row.point), Point.decode(grant.row.sealed))
    require(row in shard.rows, Rule.OPEN_SECRET, "The grant's row is not in its shard.")
    return shard.rows.index(row)
