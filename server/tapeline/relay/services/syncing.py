"""Pages of the directory: objects with their leaves, and proofs against one cosigned checkpoint."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import AsyncEngine

from tapeline.relay.services.conversations import Person
from tapeline.relay.services.ledger import Ledger
from tapeline.relay.storage.entries import StoredEntry, read_directory
from tapeline.relay.storage.schema import archive
from tapeline.tlog.storage import SqlTiles
from tapeline.transparency.cosigned import CosignedCheckpoint
from tapeline.transparency.proofs import inclusion_proof
from tapeline.wire.v1.objects_pb2 import Leaf, LeafType
from tapeline.wire.v1.relay_pb2 import DirectoryItem, SyncPage

PAGE_ITEMS = 256
PAGE_BYTES = 2 * 1024 * 1024


class CachedTiles:
    """Tiles read once for a page of proofs; implements `HashReader`."""

    def __init__(self, conn: Connection) -> None:
        self._tiles = SqlTiles(conn, archive)
        self._read: dict[tuple[int, int, int], bytes] = {}

    def read_tile(self, level: int, index: int, width: int) -> bytes:
        """Return the first `width` hashes of a tile."""
        key = (level, index, width)
        if key not in self._read:
            self._read[key] = self._tiles.read_tile(level, index, width)
        return self._read[key]


def prove_all(conn: Connection, indices: Sequence[int], size: int) -> list[list[bytes]]:
    """Return inclusion proofs of several leaves in the log's first `size` leaves."""
    tiles = CachedTiles(conn)
    return [inclusion_proof(tiles, index, size) for index in indices]


class DirectoryPages:
    """Reads pages for people and devices."""

    def __init__(self, engine: AsyncEngine, ledger: Ledger) -> None:
        self._engine = engine
        self._ledger = ledger

    async def page(self, note: CosignedCheckpoint | None, since: int, limit: int, device_of: Person | None) -> SyncPage:
        """Return the objects from leaf index `since` on that lie below the note's size.

        Args:
            note: the newest cosigned checkpoint; None before the first, which gives an empty page.
            since: leaf index to start from.
            limit: how many items the caller wants; 0 for as many as fit.
            device_of: the user whose device asks: memberships of other people's conversations are left out.
                None for people with a role, who get everything.
        """
        if note is None or since >= note.size:
            return SyncPage(note=note.raw if note else b"", next=since)
        count = min(limit or PAGE_ITEMS, PAGE_ITEMS)
        visible = self._visible_to(device_of)
        async with self._engine.connect() as conn:
            return await conn.run_sync(_read_page, note, since, count, visible)

    def _visible_to(self, person: Person | None) -> Callable[[StoredEntry], bool]:
        if person is None:
            return lambda _: True
        tags = {conversation.tag for conversation in self._ledger.conversations.of(person)}
        return lambda entry: (
            entry.type != LeafType.LEAF_TYPE_MEMBERSHIP or Leaf.FromString(entry.leaf).conversation_tag in tags
        )


def _read_page(
    conn: Connection, note: CosignedCheckpoint, since: int, count: int, visible: Callable[[StoredEntry], bool]
) -> SyncPage:
    stored = read_directory(conn, since, note.size, count)
    # Fewer than asked for: the directory ends here, and the next page starts at the note's size.
    next_ = note.size if len(stored) < count else stored[-1].index + 1
    kept: list[StoredEntry] = []
    size = 0
    for entry in stored:
        if kept and size + len(entry.object) > PAGE_BYTES:
            next_ = entry.index
            break
        if visible(entry):
            kept.append(entry)
            size += len(entry.object)
    proofs = prove_all(conn, [entry.index for entry in kept], note.size)
    items = [
        DirectoryItem(index=entry.index, leaf=entry.leaf, object=entry.object, proof=proof)
        for entry, proof in zip(kept, proofs, strict=True)
    ]
    return SyncPage(note=note.raw, items=items, next=next_)
