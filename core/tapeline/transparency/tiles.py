"""Tiles of a transparency log (C2SP tlog-tiles): coordinates, paths, entry bundles, and which tiles a growth makes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from tapeline.base.errors import MalformedInput
from tapeline.transparency.merkle import HASH_BYTES, root_of

TILE_HEIGHT = 8
TILE_WIDTH = 1 << TILE_HEIGHT
ENTRIES = -1
"""The "level" of an entry bundle, which has the coordinates of a level 0 tile."""
MAX_LEVEL = 63
MAX_ENTRY_BYTES = 0xFFFF

_PATH = re.compile(
    r"tile/(?P<level>entries|0|[1-9][0-9]?)/(?P<index>(?:x[0-9]{3}/){0,5}[0-9]{3})(?:\.p/(?P<width>[1-9][0-9]{0,2}))?",
    re.ASCII,
)


@dataclass(frozen=True, slots=True, order=True)
class TileId:
    """Coordinates of a tile, or of an entry bundle where `level` is `ENTRIES`; width 256 is a full one."""

    level: int
    index: int
    width: int = TILE_WIDTH

    @property
    def path(self) -> str:
        """The path below the log's prefix, such as `tile/0/x001/x234/067.p/5`."""
        level = "entries" if self.level == ENTRIES else str(self.level)
        suffix = "" if self.width == TILE_WIDTH else f".p/{self.width}"
        return f"tile/{level}/{_index_path(self.index)}{suffix}"


class HashReader(Protocol):
    """Where stored tiles come from."""

    def read_tile(self, level: int, index: int, width: int) -> bytes:
        """Return the first `width` hashes (1 to 256, 32 bytes each) of a tile; raise NotFound where it is absent."""


def parse_tile_path(path: str) -> TileId:
    """Parse a path of tlog-tiles, Merkle Tree and Log entries, in its one spelling.

    Raises:
        MalformedInput: not such a path.
    """
    match = _PATH.fullmatch(path)
    if match is None:
        raise MalformedInput("The path is not one of a tile.", "See C2SP tlog-tiles.")
    level = ENTRIES if match["level"] == "entries" else int(match["level"])
    index = int(match["index"].replace("x", "").replace("/", ""))
    tile = TileId(level, index, int(match["width"] or TILE_WIDTH))
    # Re-encoding refuses superfluous x000 elements, widths above 255 and a full width written as a partial one.
    if level > MAX_LEVEL or tile.width > TILE_WIDTH or tile.path != path:
        raise MalformedInput("The path is not the one spelling of a tile's.", "See C2SP tlog-tiles.")
    return tile


def _index_path(index: int) -> str:
    elements = [f"{index % 1000:03d}"]
    while index >= 1000:
        index //= 1000
        elements.append(f"x{index % 1000:03d}")
    return "/".join(reversed(elements))


def tile_width(level: int, index: int, size: int) -> int:
    """Return how many hashes (or entries) the tile has in a log of `size` leaves: 0 to 256."""
    count = size >> (TILE_HEIGHT * max(level, 0))
    return max(0, min(TILE_WIDTH, count - index * TILE_WIDTH))


def changed_tiles(old_size: int, new_size: int) -> Iterator[TileId]:
    """Yield the hash tiles that a log of `new_size` leaves has and one of `old_size` has not, level by level."""
    level = 0
    while new_size >> (TILE_HEIGHT * level):
        first = (old_size >> (TILE_HEIGHT * level)) // TILE_WIDTH
        last = ((new_size >> (TILE_HEIGHT * level)) - 1) // TILE_WIDTH
        for index in range(first, last + 1):
            width = tile_width(level, index, new_size)
            if width != tile_width(level, index, old_size):
                yield TileId(level, index, width)
        level += 1


def grow(reader: HashReader, old_size: int, leaf_hashes: Sequence[bytes]) -> list[tuple[TileId, bytes]]:
    """Return the tiles to write, with their bytes, when `leaf_hashes` follow the first `old_size` leaves.

    Reads the partial tiles of the old size only. A tile above is made of the roots of full tiles below it.
    """
    written: list[tuple[TileId, bytes]] = []
    hashes, level = list(leaf_hashes), 0
    while hashes:
        before = old_size >> (TILE_HEIGHT * level)
        index, kept = divmod(before, TILE_WIDTH)
        row = split_hashes(reader.read_tile(level, index, kept), kept) + hashes if kept else hashes
        hashes = []
        for start in range(0, len(row), TILE_WIDTH):
            chunk = row[start : start + TILE_WIDTH]
            written.append((TileId(level, index + start // TILE_WIDTH, len(chunk)), b"".join(chunk)))
            if len(chunk) == TILE_WIDTH:
                hashes.append(root_of(chunk))
        level += 1
    return written


def split_hashes(data: bytes, width: int) -> list[bytes]:
    """Cut a tile into its hashes.

    Raises:
        MalformedInput: other than `width` hashes.
    """
    if len(data) != width * HASH_BYTES:
        raise MalformedInput("A stored tile has a wrong length.", "Restore the log from its backup.")
    return [data[start : start + HASH_BYTES] for start in range(0, len(data), HASH_BYTES)]


def encode_bundle(entries: Sequence[bytes]) -> bytes:
    """Return an entry bundle: each entry behind its big-endian uint16 length (tlog-tiles, Log entries).

    Raises:
        MalformedInput: more than 256 entries, or one longer than 65,535 bytes.
    """
    if len(entries) > TILE_WIDTH or any(len(entry) > MAX_ENTRY_BYTES for entry in entries):
        raise MalformedInput("A log entry or bundle is too large.", "Log a hash of the object instead.")
    return b"".join(len(entry).to_bytes(2, "big") + entry for entry in entries)


def decode_bundle(data: bytes, width: int) -> list[bytes]:
    """Cut an entry bundle into its entries.

    Raises:
        MalformedInput: other than exactly `width` entries.
    """
    entries: list[bytes] = []
    position = 0
    while position < len(data):
        start = position + 2
        position = start + int.from_bytes(data[position:start], "big")
        entries.append(data[start:position])
    if position != len(data) or len(entries) != width:
        raise MalformedInput("An entry bundle is cut short or holds another number of entries.", "Fetch it again.")
    return entries
