from __future__ import annotations

import pytest
from tlog_kit import MemoryTiles, leaves

from tapeline.base.errors import MalformedInput
from tapeline.transparency.merkle import leaf_hash
from tapeline.transparency.tiles import (
    ENTRIES,
    TileId,
    changed_tiles,
    decode_bundle,
    encode_bundle,
    parse_tile_path,
    split_hashes,
)


@pytest.mark.parametrize(
    ("tile", "path"),
    [
        (TileId(0, 1234067), "tile/0/x001/x234/067"),  # tlog-tiles, Merkle Tree: its own example
        (TileId(0, 0, 1), "tile/0/000.p/1"),
        (TileId(2, 999, 255), "tile/2/999.p/255"),
        (TileId(63, 1000), "tile/63/x001/000"),
        (TileId(ENTRIES, 5, 7), "tile/entries/005.p/7"),
    ],
)
def test_paths_are_those_of_the_specification(tile: TileId, path: str) -> None:
    assert tile.path == path
    assert parse_tile_path(path) == tile


@pytest.mark.parametrize(
    "path",
    ["", "tile/00/000", "tile/64/000", "tile/-1/000", "tile/0/0", "tile/0/x000/000", "tile/0/001/000", "tile/0/000.p/0",
     "tile/0/000.p/256", "tile/0/000.p/07", "tile/0/000/", "/tile/0/000", "tile/0/000\n", "tile/entry/000",
     "tile/0/x001/x001", "tile/0/٠٠٠", "tile/0/../000", "tile/0/" + "x001/" * 6 + "000"],
)  # fmt: skip
def test_other_spellings_are_refused(path: str) -> None:
    with pytest.raises(MalformedInput):
        parse_tile_path(path)


def test_the_specifications_example_of_70000_leaves() -> None:
    tiles = list(changed_tiles(0, 70_000))
    shape = {
        level: (
            sum(tile.width == 256 for tile in tiles if tile.level == level),
            [tile.width for tile in tiles if tile.level == level and tile.width < 256],
        )
        for level in (0, 1, 2, 3)
    }
    assert shape == {0: (273, [112]), 1: (1, [17]), 2: (0, [1]), 3: (0, [])}
    assert [(t.level, t.width) for t in changed_tiles(0, 256)] == [(0, 256), (1, 1)]


@pytest.mark.parametrize("steps", [[1] * 5, [255, 1, 1], [256, 256], [100, 300, 200], [70_000], [65_535, 1, 1]])
def test_growing_writes_exactly_the_changed_tiles(steps: list[int]) -> None:
    tree, total = MemoryTiles(), sum(steps)
    entries = leaves(total)
    for step in steps:
        before, known = tree.size, set(tree.widths)
        tree.append(entries[tree.size : tree.size + step])
        assert tree.widths - known == {(t.level, t.index, t.width) for t in changed_tiles(before, tree.size)}
    whole = MemoryTiles()
    whole.append(entries)
    assert tree.tiles == whole.tiles
    assert b"".join(tree.tiles[0, n] for n in range((total + 255) // 256)) == b"".join(map(leaf_hash, entries))


def test_bundles_are_strict() -> None:
    entries = [b"", b"a", b"x" * 65_535]
    data = encode_bundle(entries)
    assert data[:5] == b"\x00\x00\x00\x01a"
    assert decode_bundle(data, 3) == entries
    for wrong, width in [(data, 2), (data, 4), (data[:-1], 3), (data + b"\x00", 3), (data + b"\x00\x00", 3)]:
        with pytest.raises(MalformedInput):
            decode_bundle(wrong, width)
    for many in ([b"x" * 65_536], [b""] * 257):
        with pytest.raises(MalformedInput):
            encode_bundle(many)
    with pytest.raises(MalformedInput):
        split_hashes(b"\x00" * 33, 1)
