"""Reading a log's copy: its entries held against its tiles, and both against its checkpoint."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tapeline.audit.copy import LogCopy
from tapeline.audit.finding import Check, Findings, Progress
from tapeline.base.errors import NotFound, TapelineError
from tapeline.transparency import proofs
from tapeline.transparency.checkpoint import Checkpoint, parse_checkpoint
from tapeline.transparency.merkle import leaf_hash, root_of
from tapeline.transparency.note import split_note
from tapeline.transparency.tiles import ENTRIES, TILE_WIDTH, TileId, decode_bundle, split_hashes, tile_width


class HashTree:
    """The tiles of a log, computed from its leaf hashes alone; roots of every earlier size follow from them."""

    def __init__(self, leaf_hashes: Sequence[bytes]) -> None:
        self._levels = [list(leaf_hashes)]
        while len(self._levels[-1]) >= TILE_WIDTH:
            below = self._levels[-1]
            full = len(below) // TILE_WIDTH * TILE_WIDTH
            self._levels.append([root_of(below[at : at + TILE_WIDTH]) for at in range(0, full, TILE_WIDTH)])

    @property
    def size(self) -> int:
        """Number of leaves."""
        return len(self._levels[0])

    def read_tile(self, level: int, index: int, width: int) -> bytes:
        """Return the first `width` hashes of a tile, as `proofs` reads them."""
        start = index * TILE_WIDTH
        return b"".join(self._levels[level][start : start + width])

    def root_at(self, size: int) -> bytes:
        """Return the root of the first `size` leaves; `size` is at most the tree's."""
        return proofs.root(self, size)


@dataclass(frozen=True, slots=True)
class ReadLog:
    """A log whose entries were read; `checkpoint` is what the log claims, cosignatures not yet verified."""

    name: str
    note: bytes
    checkpoint: Checkpoint
    entries: tuple[bytes, ...]
    tree: HashTree

    @property
    def holds(self) -> bool:
        """Whether the entries lead to the root of the log's own newest checkpoint."""
        return (self.tree.size, self.tree.root_at(self.tree.size)) == (self.checkpoint.size, self.checkpoint.root)

    def where(self, index: int) -> str:
        """Name one of its entries."""
        return f"{self.name} leaf {index}"


def read_log(log: LogCopy, name: str, findings: Findings, progress: Progress) -> ReadLog:
    """Read all entries of a log's copy and hold them against its tiles and its checkpoint's root.

    Raises:
        NotFound, Refused: there is no checkpoint, or it is none.
    """
    note = log.note()
    checkpoint = parse_checkpoint(split_note(note)[0])
    entries: list[bytes] = []
    for index in range(-(-checkpoint.size // TILE_WIDTH)):
        width = tile_width(ENTRIES, index, checkpoint.size)
        bundle = _bundle(log, name, index, width, findings)
        if bundle is None:
            break
        _hold_against_tile(log, name, index, bundle, findings)
        entries += bundle
        progress(f"{name} entries", len(entries), checkpoint.size)
    tree = HashTree([leaf_hash(entry) for entry in entries])
    read = ReadLog(name, note, checkpoint, tuple(entries), tree)
    if not read.holds:
        findings.add(
            Check.ROOT,
            f"The {tree.size} entries do not lead to the root of the checkpoint of {checkpoint.size} leaves.",
            f"{name} checkpoint",
        )
    return read


def _bundle(log: LogCopy, name: str, index: int, width: int, findings: Findings) -> list[bytes] | None:
    tile = TileId(ENTRIES, index, width)
    try:
        return decode_bundle(log.tile(tile), width)
    except NotFound:
        findings.add(
            Check.MISSING, "The copy lacks an entry bundle; all entries from it on are unread.", _at(name, tile)
        )
    except TapelineError as error:
        findings.refused(error, _at(name, tile))
    return None


def _hold_against_tile(log: LogCopy, name: str, index: int, bundle: Sequence[bytes], findings: Findings) -> None:
    tile = TileId(0, index, len(bundle))
    try:
        committed = split_hashes(log.tile(tile), len(bundle))
    except NotFound:
        findings.add(Check.MISSING, "The copy lacks a hash tile.", _at(name, tile))
        return
    except TapelineError as error:
        findings.refused(error, _at(name, tile))
        return
    for offset, (entry, hashed) in enumerate(zip(bundle, committed, strict=True)):
        if leaf_hash(entry) != hashed:
            findings.add(
                Check.ENTRY,
                "The entry is not the one that the log's tile commits to.",
                f"{name} leaf {index * TILE_WIDTH + offset}",
            )


def _at(name: str, tile: TileId) -> str:
    return f"{name} {tile.path}"
