"""The schema is what the code thinks it is, and the database itself refuses to change what was accepted."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, delete, update
from sqlalchemy.exc import IntegrityError

from tapeline.escrow import tables as t
from tapeline.escrow.ceremony_store import StoredCeremony, StoredMessage, add_ceremony, add_message
from tapeline.escrow.database import Database, migrate, open_database
from tapeline.escrow.store import NewStatement, append


def test_the_migrations_give_exactly_the_tables(tmp_path: Path) -> None:
    path = tmp_path / "escrow.db"
    migrate(path)
    migrate(path)  # again changes nothing
    engine = create_engine(f"sqlite:///{path}")
    with engine.connect() as conn:
        assert compare_metadata(MigrationContext.configure(conn), t.metadata) == []
    engine.dispose()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


async def test_what_was_accepted_is_neither_changed_nor_deleted(tmp_path: Path) -> None:
    database = open_database(tmp_path / "escrow.db")
    new = NewStatement("case", bytes(64), b"", b"text")
    await database.write(lambda conn: append(conn, new, 1, b"sealed"))
    await database.write(lambda conn: add_ceremony(conn, StoredCeremony(b"c", b"p", "olga", b"s"), 1))
    await database.write(lambda conn: add_message(conn, b"c", StoredMessage("join", "carl", b"m")))
    for change in (
        update(t.statement).values(dsse=b"other"),
        delete(t.statement),
        update(t.bundle).values(sealed=b"other"),
        delete(t.bundle),
        update(t.ceremony).values(parameters=b"other"),
        delete(t.ceremony),
        update(t.ceremony_message).values(message=b"other"),
        update(t.log.leaf).values(data=b"other"),
        delete(t.log.leaf),
    ):
        await _refuses(database, change)
    # A destroyed share takes along what the board holds for it.
    await database.write(lambda conn: conn.execute(delete(t.ceremony_message)))
    await database.close()


async def _refuses(database: Database, change: object) -> None:
    with pytest.raises(IntegrityError, match="append-only"):
        await database.write(lambda conn: conn.execute(change))  # type: ignore[call-overload]
