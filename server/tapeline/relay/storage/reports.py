"""What was reported: complaints with the escrow service's word for them, and forks."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, func, insert, select

from tapeline.relay.storage.schema import complaint, complaint_logged, evidence, session


@dataclass(frozen=True, slots=True)
class ComplaintRow:
    """A complaint as it is stored; `object` is the signed object."""

    object_hash: bytes
    device_entry: bytes
    rule: str
    object: bytes
    received_ms: int


@dataclass(frozen=True, slots=True)
class ForkRow:
    """A second message that a device signed for a place of its session; `record_hash` is the session's."""

    record_hash: bytes
    object: bytes
    received_ms: int


def find_complaint(conn: Connection, object_hash: bytes) -> tuple[int, bytes | None] | None:
    """Return a complaint's number and the escrow service's acknowledgement of it, where it is there."""
    query = (
        select(complaint.c.number, complaint_logged.c.ack)
        .outerjoin(complaint_logged, complaint_logged.c.complaint == complaint.c.number)
        .where(complaint.c.object_hash == object_hash)
    )
    found = conn.execute(query).first()
    return None if found is None else (found.number, found.ack)


def count_complaints(conn: Connection, device_entry: bytes, since_ms: int) -> int:
    """Return how many complaints a device filed since then."""
    query = select(func.count()).where(complaint.c.device_entry == device_entry, complaint.c.received_ms >= since_ms)
    return conn.execute(query).scalar_one()


def add_complaint(conn: Connection, row: ComplaintRow) -> None:
    """Store a complaint."""
    conn.execute(
        insert(complaint).values(
            object_hash=row.object_hash,
            device_entry=row.device_entry,
            rule=row.rule,
            object=row.object,
            received_ms=row.received_ms,
        )
    )


def unlogged_complaints(conn: Connection, since: int, limit: int) -> list[tuple[int, ComplaintRow]]:
    """Return complaints after a number that the escrow service did not acknowledge, oldest first."""
    query = (
        select(complaint)
        .outerjoin(complaint_logged, complaint_logged.c.complaint == complaint.c.number)
        .where(complaint.c.number > since, complaint_logged.c.ack.is_(None))
        .order_by(complaint.c.number)
        .limit(limit)
    )
    return [
        (row.number, ComplaintRow(row.object_hash, row.device_entry, row.rule, row.object, row.received_ms))
        for row in conn.execute(query)
    ]


def set_logged(conn: Connection, number: int, ack: bytes) -> None:
    """Keep the escrow service's acknowledgement."""
    conn.execute(insert(complaint_logged).values(complaint=number, ack=ack))


def read_forks(conn: Connection, skip: int, limit: int) -> list[ForkRow]:
    """Return forks in the order of their arrival, without the first `skip`."""
    query = (
        select(session.c.record_hash, evidence.c.object, evidence.c.received_ms)
        .join(session, session.c.number == evidence.c.session)
        .order_by(evidence.c.received_ms, evidence.c.message_hash)
        .offset(skip)
        .limit(limit)
    )
    return [ForkRow(*row) for row in conn.execute(query)]
