from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, create_engine
from tlog_kit import MemoryTiles, leaves
from tlog_server_kit import METADATA, TABLES

from tapeline.base.errors import MalformedInput, NotFound
from tapeline.tlog.notes import cosigned_with, last_cosigned, last_signed, store_cosigned, store_signed
from tapeline.tlog.storage import (
    SqlTiles,
    append_leaves,
    integrate,
    integrated_size,
    log_size,
    read_leaf,
    read_leaf_hashes,
    read_leaves,
)
from tapeline.transparency.merkle import leaf_hash


@pytest.fixture
def conn() -> Iterator[Connection]:
    engine = create_engine("sqlite://")
    METADATA.create_all(engine)
    with engine.connect() as connection:
        yield connection
    engine.dispose()


def test_leaves_come_back_in_order(conn: Connection) -> None:
    assert log_size(conn, TABLES) == 0
    assert append_leaves(conn, TABLES, []) == 0
    assert append_leaves(conn, TABLES, leaves(3)) == 0
    assert append_leaves(conn, TABLES, [b"x", b""]) == 3
    assert log_size(conn, TABLES) == 5
    assert read_leaf(conn, TABLES, 3) == b"x"
    assert read_leaves(conn, TABLES, 2, 2) == [b"leaf 2", b"x"]
    assert read_leaves(conn, TABLES, 4, 9) == [b""]
    assert read_leaf_hashes(conn, TABLES, 3, 1) == [leaf_hash(b"x")]
    with pytest.raises(NotFound):
        read_leaf(conn, TABLES, 5)
    with pytest.raises(MalformedInput):
        append_leaves(conn, TABLES, [b"x" * 65_536])


def test_a_rolled_back_transaction_leaves_no_leaf(conn: Connection) -> None:
    append_leaves(conn, TABLES, leaves(2))
    conn.commit()
    append_leaves(conn, TABLES, [b"lost"])
    conn.rollback()
    assert append_leaves(conn, TABLES, [b"kept"]) == 2


@pytest.mark.parametrize("steps", [[1, 1, 1], [255, 1, 1], [300, 0, 700], [17_000, 1]])
def test_stored_tiles_are_those_of_the_pure_computation(conn: Connection, steps: list[int]) -> None:
    everything, done = leaves(sum(steps)), 0
    for step in steps:
        append_leaves(conn, TABLES, everything[done : done + step])
        done += step
        assert integrate(conn, TABLES) == integrated_size(conn, TABLES) == done
    expected = MemoryTiles()
    expected.append(everything)
    reader = SqlTiles(conn, TABLES)
    for (level, index), data in expected.tiles.items():
        assert reader.read_tile(level, index, len(data) // 32) == data
        assert reader.read_tile(level, index, 1) == data[:32]
    with pytest.raises(NotFound):
        reader.read_tile(0, (done + 255) // 256, 1)
    if done % 256:
        with pytest.raises(NotFound):
            reader.read_tile(0, done // 256, done % 256 + 1)


def test_of_each_size_the_first_and_the_newest_note_stay(conn: Connection) -> None:
    assert last_cosigned(conn, TABLES) is None
    for size, note in [(3, b"3a"), (3, b"3b"), (3, b"3c"), (5, b"5a"), (5, b"5b"), (5, b"5c")]:
        store_signed(conn, TABLES, size, b"signed " + note, 1)
        store_cosigned(conn, TABLES, size, note, 1)
    assert last_signed(conn, TABLES) == b"signed 5c"
    assert last_cosigned(conn, TABLES) == b"5c"
    earliest = [next((note for _, note in cosigned_with(conn, TABLES, index)), None) for index in (0, 2, 3, 4, 5)]
    assert earliest == [b"3a", b"3a", b"5a", b"5a", None]
    stored = [row.note for row in conn.execute(TABLES.note.select().order_by(TABLES.note.c.id))]
    assert stored == [b"3a", b"3c", b"5a", b"signed 5c", b"5c"]
