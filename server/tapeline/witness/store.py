"""The witness's memory in SQLite: one cosigned checkpoint for each log, never rolled back."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tapeline.rpc.keyfiles import make_private_file
from tapeline.transparency.witness import Witnessed

_SCHEMA = """
CREATE TABLE IF NOT EXISTS witnessed (
    origin TEXT PRIMARY KEY,
    size INTEGER NOT NULL,
    root BLOB NOT NULL,
    note BLOB NOT NULL
) STRICT
"""


STORE_FILE = "witness.db"


class SqliteWitnessStore:
    """A `WitnessStore` that several threads and processes may use at once; each call has its own connection."""

    def __init__(self, path: Path) -> None:
        self._path = make_private_file(path)
        with self._connection() as conn:
            conn.execute("PRAGMA journal_mode = WAL")
            conn.execute(_SCHEMA)

    def latest(self, origin: str) -> Witnessed | None:
        """Return the latest cosigned checkpoint, None where there was none."""
        with self._connection() as conn:
            return _select(conn, origin)

    def compare_and_set(self, origin: str, old: Witnessed | None, new: Witnessed) -> bool:
        """Store `new` durably if `old` is still the latest, and tell whether it was."""
        with self._connection() as conn:
            # IMMEDIATE takes the write lock before the comparison reads. With a deferred transaction, or with the
            # comparison outside of it, two requests could both find `old` and the slower, smaller one would overwrite
            # the faster: the witness would then cosign a second history (tlog-witness, add-checkpoint, the race).
            conn.execute("BEGIN IMMEDIATE")
            if _select(conn, origin) != old:
                conn.execute("ROLLBACK")
                return False
            conn.execute(
                "INSERT INTO witnessed (origin, size, root, note) VALUES (?, ?, ?, ?) ON CONFLICT (origin) "
                "DO UPDATE SET size = excluded.size, root = excluded.root, note = excluded.note",
                (origin, new.size, new.root, new.note),
            )
            conn.execute("COMMIT")
            return True

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        conn = sqlite3.connect(self._path, timeout=30, isolation_level=None)
        try:
            # tlog-witness: persisted before the answer, so a crash of the machine must not forget it either.
            conn.execute("PRAGMA synchronous = FULL")
            yield conn
        finally:
            conn.close()


def _select(conn: sqlite3.Connection, origin: str) -> Witnessed | None:
    row = conn.execute("SELECT size, root, note FROM witnessed WHERE origin = ?", (origin,)).fetchone()
    return None if row is None else Witnessed(*row)
