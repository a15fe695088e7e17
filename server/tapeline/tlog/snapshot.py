"""A copy of a log as files in the layout of C2SP tlog-tiles, so that an auditor reads it offline.

checkpoint
tile/0/000, tile/0/001.p/44, tile/1/000.p/1, …
tile/entries/000, tile/entries/001.p/44, …
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

from tapeline.base.errors import MalformedInput, NotFound
from tapeline.transparency.checkpoint import parse_checkpoint
from tapeline.transparency.merkle import HASH_BYTES
from tapeline.transparency.note import MAX_NOTE_BYTES, split_note
from tapeline.transparency.tiles import (
    ENTRIES,
    MAX_ENTRY_BYTES,
    TILE_WIDTH,
    HashReader,
    TileId,
    changed_tiles,
    decode_bundle,
    encode_bundle,
    tile_width,
)

ReadEntries = Callable[[int, int], list[bytes]]
_MAX_BUNDLE = TILE_WIDTH * (MAX_ENTRY_BYTES + 2)


def write_snapshot(folder: Path, note: bytes, reader: HashReader, read_entries: ReadEntries) -> None:
    """Write a log under a cosigned note; may continue an earlier copy, of which full tiles are kept.

    Args:
        folder: created where absent.
        note: of the checkpoint to copy up to.
        reader: its tiles.
        read_entries: returns the entries at (start, count).
    """
    size = parse_checkpoint(split_note(note)[0]).size
    for tile in changed_tiles(0, size):
        if not (folder / tile.path).exists():
            _replace(folder / tile.path, reader.read_tile(tile.level, tile.index, tile.width))
    for index in range((size + TILE_WIDTH - 1) // TILE_WIDTH):
        bundle = TileId(ENTRIES, index, tile_width(0, index, size))
        if not (folder / bundle.path).exists():
            _replace(folder / bundle.path, encode_bundle(read_entries(index * TILE_WIDTH, bundle.width)))
    # Last and in one step: a copy that was interrupted has no checkpoint that promises more than it holds.
    _replace(folder / "checkpoint", note)


class DirectoryReader:
    """Reads such a copy; implements `HashReader`. What it returns is unverified until it meets a cosigned root."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def checkpoint(self) -> bytes:
        """Return the checkpoint's note, for `verify_cosigned`."""
        return self._read("checkpoint", MAX_NOTE_BYTES)

    def read_tile(self, level: int, index: int, width: int) -> bytes:
        """Return a tile's first `width` hashes; raise NotFound where it is absent."""
        data = self._tile(TileId(level, index, width), TILE_WIDTH * HASH_BYTES)
        if len(data) < width * HASH_BYTES:
            raise MalformedInput("A tile's file is cut short.", "Copy the log again.")
        return data[: width * HASH_BYTES]

    def entries(self, start: int, count: int, *, size: int) -> Iterator[bytes]:
        """Yield the entries [start, start + count) of a log of `size` leaves, a bundle at a time."""
        end = min(start + count, size)
        for index in range(start // TILE_WIDTH, (end + TILE_WIDTH - 1) // TILE_WIDTH):
            first = index * TILE_WIDTH
            yield from self._bundle(index, tile_width(0, index, size))[max(start - first, 0) : end - first]

    def _bundle(self, index: int, width: int) -> list[bytes]:
        exact = TileId(ENTRIES, index, width)
        if (self._folder / exact.path).is_file():
            return decode_bundle(self._read(exact.path, _MAX_BUNDLE), width)
        # The copy may have grown since: the full bundle begins with the partial one.
        return decode_bundle(self._read(TileId(ENTRIES, index).path, _MAX_BUNDLE), TILE_WIDTH)[:width]

    def _tile(self, tile: TileId, limit: int) -> bytes:
        if (self._folder / tile.path).is_file():
            return self._read(tile.path, limit)
        return self._read(TileId(tile.level, tile.index).path, limit)

    def _read(self, path: str, limit: int) -> bytes:
        try:
            with (self._folder / path).open("rb") as file:
                data = file.read(limit + 1)
        except FileNotFoundError:
            raise NotFound("The copy of the log lacks a file.", "Copy the log again.") from None
        if len(data) > limit:
            raise MalformedInput("A file of the log's copy is too large.", "Copy the log again.")
        return data


def _replace(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".tmp")
    with partial.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
