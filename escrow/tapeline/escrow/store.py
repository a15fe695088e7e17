"""Reading and writing the tables; each function runs inside the caller's connection or transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select

from tapeline.crypto.wire import encode
from tapeline.escrow import tables as t
from tapeline.governance.auditleaf import text_hash
from tapeline.tlog.storage import append_leaves
from tapeline.wire.v1.objects_pb2 import AuditLeaf


@dataclass(frozen=True, slots=True)
class Stored:
    """A statement with its leaf in the audit log; `about` is the hash of its case, or empty."""

    position: int
    kind: str
    statement_hash: bytes
    about: bytes
    dsse: bytes
    leaf: bytes
    time_ms: int


@dataclass(frozen=True, slots=True)
class NewStatement:
    """A statement whose rules hold, to be stored."""

    kind: str
    statement_hash: bytes
    about: bytes
    dsse: bytes


def append(conn: Connection, new: NewStatement, now_ms: int, sealed: bytes | None = None) -> Stored:
    """Store a statement with its leaf, and its sealed bundle where it is a release."""
    # Leaf times never decrease, whatever the machine's clock does.
    last = conn.execute(select(func.max(t.statement.c.time_ms))).scalar_one() or 0
    time_ms = max(now_ms, last)
    leaf = encode(
        AuditLeaf(
            kind=new.kind,
            statement_hash=new.statement_hash,
            time_ms=time_ms,
            about=new.about,
            text_hash=text_hash(new.dsse),
        )
    )
    position = append_leaves(conn, t.log, [leaf])
    stored = Stored(position, new.kind, new.statement_hash, new.about, new.dsse, leaf, time_ms)
    conn.execute(
        insert(t.statement).values(
            position=position,
            kind=new.kind,
            statement_hash=new.statement_hash,
            about=new.about,
            dsse=new.dsse,
            leaf=leaf,
            time_ms=time_ms,
        )
    )
    if sealed is not None:
        conn.execute(insert(t.bundle).values(position=position, about=new.about, sealed=sealed))
    return stored


def find(conn: Connection, statement_hash: bytes) -> Stored | None:
    """Return a statement by its hash."""
    row = conn.execute(select(t.statement).where(t.statement.c.statement_hash == statement_hash)).one_or_none()
    return None if row is None else _stored(row)


def read_from(conn: Connection, since: int, limit: int) -> list[Stored]:
    """Return statements from an audit leaf index on."""
    query = select(t.statement).where(t.statement.c.position >= since).order_by(t.statement.c.position).limit(limit)
    return [_stored(row) for row in conn.execute(query)]


def bundles_of(conn: Connection, case_hash: bytes) -> list[tuple[Stored, bytes]]:
    """Return a case's releases, each with its sealed bundle, in the order of the log."""
    query = (
        select(t.statement, t.bundle.c.sealed)
        .join(t.bundle, t.bundle.c.position == t.statement.c.position)
        .where(t.bundle.c.about == case_hash)
        .order_by(t.statement.c.position)
    )
    return [(_stored(row), row.sealed) for row in conn.execute(query)]


def count_since(conn: Connection, kind: str, since_ms: int) -> int:
    """Return how many statements of a kind became leaves since then."""
    query = select(func.count()).where(t.statement.c.kind == kind, t.statement.c.time_ms >= since_ms)
    return conn.execute(query).scalar_one()


def unmirrored(conn: Connection, kinds: Sequence[str], below: int) -> list[Stored]:
    """Return the statements of `kinds` below a log size that the archive does not hold yet, in order."""
    done = select(t.mirrored.c.position)
    query = select(t.statement).where(
        t.statement.c.kind.in_(kinds), t.statement.c.position < below, t.statement.c.position.not_in(done)
    )
    return [_stored(row) for row in conn.execute(query.order_by(t.statement.c.position))]


def mark_mirrored(conn: Connection, position: int, archive_index: int) -> None:
    """Remember that the archive holds a statement."""
    conn.execute(insert(t.mirrored).values(position=position, archive_index=archive_index))


def _stored(row: Row[Any]) -> Stored:
    return Stored(row.position, row.kind, row.statement_hash, row.about, row.dsse, row.leaf, row.time_ms)
