"""Leaves that wait for a checkpoint, directory objects whose inclusion was proven, and the newest note."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from sqlite3 import Connection

from tapeline.wire.v1.objects_pb2 import Ack


@dataclass(frozen=True, slots=True)
class PendingLeaf:
    """A leaf that the relay acknowledged or delivered, not seen under a checkpoint yet.

    The signature makes it evidence: whoever holds it shows that the relay promised this leaf at this index.
    """

    leaf_index: int
    leaf: bytes
    signature: bytes
    seen_ms: int

    @property
    def key(self) -> tuple[int, bytes]:
        """What tells it from another leaf that the relay promised at the same index."""
        return self.leaf_index, self.leaf

    def ack(self) -> Ack:
        """Return the acknowledgement as the relay signed it."""
        return Ack(index=self.leaf_index, leaf=self.leaf, signature=self.signature)


def add_pending(connection: Connection, leaves: Iterable[PendingLeaf]) -> None:
    """Remember leaves; one that is there already stays as it was first seen."""
    connection.executemany(
        "INSERT OR IGNORE INTO pending_leaves (leaf_index, leaf, signature, seen_ms) VALUES (?, ?, ?, ?)",
        [(one.leaf_index, one.leaf, one.signature, one.seen_ms) for one in leaves],
    )


def load_pending(connection: Connection) -> list[PendingLeaf]:
    """Return all that wait, lowest index first."""
    rows = connection.execute("SELECT leaf_index, leaf, signature, seen_ms FROM pending_leaves ORDER BY leaf_index")
    return [PendingLeaf(*row) for row in rows]


def settle(connection: Connection, proven: Iterable[PendingLeaf]) -> None:
    """Forget leaves whose inclusion was proven; another leaf at the same index stays, with its signature."""
    connection.executemany("DELETE FROM pending_leaves WHERE leaf_index = ? AND leaf = ?", [one.key for one in proven])


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
