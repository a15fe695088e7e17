"""Leaves that wait for a checkpoint, directory objects whose inclusion was proven, and the newest note."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from sqlite3 import Connection


@dataclass(frozen=True, slots=True)
class PendingLeaf:
    """A leaf that the relay acknowledged or delivered, not seen under a checkpoint yet."""

    leaf_index: int
    leaf: bytes
    seen_ms: int


def add_pending(connection: Connection, leaves: Iterable[PendingLeaf]) -> None:
    """Remember leaves; one that is there already stays as it was first seen."""
    connection.executemany(
        "INSERT OR IGNORE INTO pending_leaves (leaf_index, leaf, seen_ms) VALUES (?, ?, ?)",
        [(one.leaf_index, one.leaf, one.seen_ms) for one in leaves],
    )


def load_pending(connection: Connection) -> list[PendingLeaf]:
    """Return all that wait, lowest index first."""
    rows = connection.execute("SELECT leaf_index, leaf, seen_ms FROM pending_leaves ORDER BY leaf_index")
    return [PendingLeaf(*row) for row in rows]


def settle(connection: Connection, indices: Iterable[int]) -> None:
    """Forget leaves whose inclusion was proven."""
    connection.executemany("DELETE FROM pending_leaves WHERE leaf_index = ?", [(index,) for index in indices])


@dataclass(frozen=True, slots=True)
class DirectoryRow:
    """A directory object with its leaf, as once proven."""

    leaf_index: int
    leaf: bytes
    object: bytes


def add_directory(connection: Connection, rows: Iterable[DirectoryRow]) -> None:
    """Store directory objects."""
    connection.executemany(
        "INSERT OR IGNORE INTO directory (leaf_index, leaf, object) VALUES (?, ?, ?)",
        [(row.leaf_index, row.leaf, row.object) for row in rows],
    )


def load_directory(connection: Connection) -> list[DirectoryRow]:
    """Return all directory objects, lowest index first."""
    rows = connection.execute("SELECT leaf_index, leaf, object FROM directory ORDER BY leaf_index")
    return [DirectoryRow(*row) for row in rows]
