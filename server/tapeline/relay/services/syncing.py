"""Pages of the directory: objects with their leaves, and proofs against one cosigned checkpoint."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import AsyncEngine

from tapeline.relay.services.ledger import Ledger
from tapeline.relay.services.need import Need
from tapeline.relay.storage.entries import StoredEntry, read_directory, read_entries_at
from tapeline.relay.storage.schema import archive
from tapeline.tlog.storage import SqlTiles
from tapeline.transparency.cosigned import CosignedCheckpoint
from tapeline.transparency.proofs import inclusion_proof
from tapeline.wire.v1.objects_pb2 import Leaf, LeafType
from tapeline.wire.v1.relay_pb2 import DirectoryItem, SyncPage, SyncRequest

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
    """Reads pages; of memberships, only what their reader needs (`services.need`)."""

    def __init__(self, engine: AsyncEngine, ledger: Ledger) -> None:
        self._engine = engine
        self._ledger = ledger

    async def page(self, note: CosignedCheckpoint | None, request: SyncRequest, need: Need) -> SyncPage:
        """Return the objects from leaf index `since` on that lie below the note's size.

        Args:
            note: the newest cosigned checkpoint; None before the first, which gives an empty page.
            request: where to start, how many items at most (0: as many as fit), and of which conversation alone.
            need: the membership statements that the caller may see.
        """
        if note is None or request.since >= note.size:
            return SyncPage(note=note.raw if note else b"", next=request.since)
        count = min(request.limit or PAGE_ITEMS, PAGE_ITEMS)
        chain = self._chain(request, note.size) if request.conversation else None
        async with self._engine.connect() as conn:
            return await conn.run_sync(_read_page, note, request.since, count, need, chain)

    def _chain(self, request: SyncRequest, size: int) -> list[int]:
        """Return the leaf indices of the membership statements of the one conversation that is asked for."""
        found = self._ledger.conversations.get(request.conversation)
        statements = [] if found is None else found.statements
        return [one.leaf_index for one in statements if request.since <= one.leaf_index < size]


def _read_page(
    conn: Connection, note: CosignedCheckpoint, since: int, count: int, need: Need, chain: list[int] | None
) -> SyncPage:
    stored = read_directory(conn, since, note.size, count) if chain is None else read_entries_at(conn, chain[:count])
    # Fewer than asked for: the directory ends here, and the next page starts at the note's size.
    next_ = note.size if len(stored) < count else stored[-1].index + 1
    kept: list[StoredEntry] = []
    size = 0
    for entry in stored:
        if kept and size + len(entry.object) > PAGE_BYTES:
            next_ = entry.index
            break
        if _is_shown(entry, need):
            kept.append(entry)
            size += len(entry.object)
    proofs = prove_all(conn, [entry.index for entry in kept], note.size)
    items = [
        DirectoryItem(index=entry.index, leaf=entry.leaf, object=entry.object, proof=proof)
        for entry, proof in zip(kept, proofs, strict=True)
    ]
    return SyncPage(note=note.raw, items=items, next=next_)


def _is_shown(entry: StoredEntry, need: Need) -> bool:
    if entry.type != LeafType.LEAF_TYPE_MEMBERSHIP:
        return True
    return need.covers(Leaf.FromString(entry.leaf).conversation_tag, entry.index)
