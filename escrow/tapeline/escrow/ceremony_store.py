"""Storing ceremonies: append-only, one message of each custodian in each round."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, insert, select

from tapeline.escrow import tables as t


@dataclass(frozen=True, slots=True)
class StoredCeremony:
    """A ceremony as an officer opened it."""

    id: bytes
    parameters: bytes
    officer: str
    signature: bytes


@dataclass(frozen=True, slots=True)
class StoredMessage:
    """A custodian's signed message of one round."""

    round: str
    custodian: str
    message: bytes


def add_ceremony(conn: Connection, ceremony: StoredCeremony, now_ms: int) -> None:
    """Store a new ceremony."""
    conn.execute(
        insert(t.ceremony).values(
            id=ceremony.id,
            parameters=ceremony.parameters,
            officer=ceremony.officer,
            signature=ceremony.signature,
            opened_ms=now_ms,
        )
    )


def find_ceremony(conn: Connection, ceremony: bytes) -> StoredCeremony | None:
    """Return a ceremony by its id."""
    row = conn.execute(select(t.ceremony).where(t.ceremony.c.id == ceremony)).one_or_none()
    return None if row is None else StoredCeremony(row.id, row.parameters, row.officer, row.signature)


def list_ceremonies(conn: Connection) -> list[bytes]:
    """Return the ids, oldest first."""
    return list(conn.execute(select(t.ceremony.c.id).order_by(t.ceremony.c.opened_ms, t.ceremony.c.id)).scalars())


def add_message(conn: Connection, ceremony: bytes, message: StoredMessage) -> None:
    """Store one message."""
    conn.execute(
        insert(t.ceremony_message).values(
            ceremony=ceremony, round=message.round, custodian=message.custodian, message=message.message
        )
    )


def find_message(conn: Connection, ceremony: bytes, round_name: str, custodian: str) -> StoredMessage | None:
    """Return a custodian's message of a round."""
    table = t.ceremony_message
    query = select(table).where(
        table.c.ceremony == ceremony, table.c.round == round_name, table.c.custodian == custodian
    )
    row = conn.execute(query).one_or_none()
    return None if row is None else StoredMessage(row.round, row.custodian, row.message)


def messages_of(conn: Connection, ceremony: bytes) -> list[StoredMessage]:
    """Return all messages in the order of their arrival."""
    table = t.ceremony_message
    query = select(table).where(table.c.ceremony == ceremony).order_by(table.c.number)
    return [StoredMessage(row.round, row.custodian, row.message) for row in conn.execute(query)]
