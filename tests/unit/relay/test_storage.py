"""The database: migrations, durability settings, the seat belt, and a start that refuses a changed log."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from relay_device_kit import pair
from relay_kit import Deployment
from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from tapeline.base.errors import StateError
from tapeline.relay.storage.engine import migrate, open_engine
from tapeline.relay.storage.schema import metadata


async def test_migrations_lead_from_empty_to_the_tables_of_the_code(tmp_path: Path) -> None:
    engine = open_engine(tmp_path / "relay.db")
    await migrate(engine)
    await migrate(engine)
    async with engine.connect() as conn:
        assert await conn.run_sync(_differences) == []
        pragmas = [(await conn.exec_driver_sql(f"PRAGMA {name}")).scalar() for name in ("synchronous", "foreign_keys")]
        assert (pragmas, (await conn.exec_driver_sql("PRAGMA journal_mode")).scalar()) == ([2, 1], "wal")
    await engine.dispose()


def _differences(conn: Connection) -> list[object]:
    return list(compare_metadata(MigrationContext.configure(conn), metadata))


@pytest.mark.parametrize("statement", ["UPDATE entry SET object = x'00'", "DELETE FROM entry", "DELETE FROM session"])
async def test_archived_rows_stay_as_they_are(town: Deployment, statement: str) -> None:
    await _one_message(town)
    engine = open_engine(town.config().database)
    with pytest.raises(IntegrityError):
        async with engine.begin() as conn:
            await conn.exec_driver_sql(statement)
    await engine.dispose()


async def test_memory_is_rebuilt_at_the_start(town: Deployment) -> None:
    async with town.relay() as relay:
        ann, ben, conversation = await pair(relay)
        async with ann.line() as line:
            chain = await ann.open(line, conversation)
            first = ann.message(chain)
            ack = await line.send("message", first)
    async with town.relay() as relay:
        ann.relay = ben.relay = relay
        await ann.again()
        await ben.again()
        async with ann.line() as mine, ben.line() as theirs:
            assert await mine.send("message", first) == ack
            await mine.send("message", ann.message(chain))
            assert len(await theirs.delivered(4)) == 4


@pytest.mark.parametrize(
    "spoil",
    [
        "UPDATE archive_leaf SET data = x'00' WHERE \"index\" = 1",
        'DELETE FROM archive_leaf WHERE "index" = (SELECT max("index") FROM archive_leaf)',
        "UPDATE archive_tile SET data = zeroblob(length(data)) WHERE level = 0",
    ],
)
async def test_a_changed_log_is_not_started(town: Deployment, spoil: str) -> None:
    await _one_message(town)
    with sqlite3.connect(town.config().database) as database:
        triggers = [row[0] for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")]
        for trigger in triggers:
            database.execute(f"DROP TRIGGER {trigger}")
        database.execute(spoil)
    database.close()
    with pytest.raises(StateError):
        async with town.relay():
            pass


async def test_another_relays_roster_is_not_started(town: Deployment, tmp_path: Path) -> None:
    from relay_kit import build

    other = build(tmp_path / "other", town.rosters["acme"].witnesses)
    with pytest.raises(StateError):
        async with town.relay(rosters=other.roster_files):
            pass


async def _one_message(town: Deployment) -> None:
    async with town.relay() as relay:
        ann, _, conversation = await pair(relay)
        async with ann.line() as line:
            chain = await ann.open(line, conversation)
            ack = await line.send("message", ann.message(chain))
        await ann.sync(ack.index)
