from __future__ import annotations

from pathlib import Path

import pytest
from tlog_kit import MemoryTiles, checkpoint_of, leaves, policy, signed

from tapeline.base.errors import MalformedInput, NotFound
from tapeline.tlog.snapshot import DirectoryReader, write_snapshot
from tapeline.transparency.cosigned import verify_cosigned
from tapeline.transparency.merkle import leaf_hash, root_of, verify_consistency, verify_inclusion
from tapeline.transparency.proofs import consistency_proof, inclusion_proof, root

TIMES = {"w1": 1, "w2": 2, "w3": 3}


def copy(folder: Path, size: int) -> bytes:
    tree, everything = MemoryTiles(), leaves(size)
    tree.append(everything)
    note = signed(checkpoint_of(everything), TIMES)
    write_snapshot(folder, note, tree, lambda start, count: everything[start : start + count])
    return note


@pytest.mark.parametrize("size", [0, 1, 255, 256, 257, 700])
def test_a_copy_holds_the_whole_log(tmp_path: Path, size: int) -> None:
    copy(tmp_path, size)
    reader = DirectoryReader(tmp_path)
    cosigned = verify_cosigned(reader.checkpoint(), policy(), log_origin="log.example/archive")
    entries = list(reader.entries(0, size, size=size))
    assert entries == leaves(size)
    assert root(reader, size) == root_of(map(leaf_hash, entries)) == cosigned.root
    if size:
        verify_inclusion(leaf_hash(entries[-1]), size - 1, size, inclusion_proof(reader, size - 1, size), cosigned.root)


def test_a_copy_grows_and_still_serves_its_past(tmp_path: Path) -> None:
    copy(tmp_path, 300)
    full = (tmp_path / "tile/0/000").stat().st_mtime_ns
    copy(tmp_path, 700)
    assert (tmp_path / "tile/0/000").stat().st_mtime_ns == full
    reader = DirectoryReader(tmp_path)
    verify_consistency(300, root(reader, 300), 700, root(reader, 700), consistency_proof(reader, 300, 700))
    assert root(reader, 300) == checkpoint_of(leaves(300)).root
    assert list(reader.entries(250, 10, size=300)) == leaves(300)[250:260]
    assert list(reader.entries(295, 100, size=300)) == leaves(300)[295:]
    (tmp_path / "tile/entries/001.p/44").unlink()  # tlog-tiles: partial ones may go once the full one is there
    assert list(reader.entries(295, 100, size=300)) == leaves(300)[295:]


def test_an_interrupted_copy_has_no_checkpoint(tmp_path: Path) -> None:
    tree, everything = MemoryTiles(), leaves(600)
    tree.append(everything)

    def failing(start: int, count: int) -> list[bytes]:
        if start == 512:
            raise OSError("the line broke")
        return everything[start : start + count]

    note = signed(checkpoint_of(everything), TIMES)
    with pytest.raises(OSError, match="the line broke"):
        write_snapshot(tmp_path, note, tree, failing)
    with pytest.raises(NotFound):
        DirectoryReader(tmp_path).checkpoint()
    copy(tmp_path, 600)
    assert DirectoryReader(tmp_path).checkpoint() == note


def test_damaged_files_are_told(tmp_path: Path) -> None:
    copy(tmp_path, 300)
    reader = DirectoryReader(tmp_path)
    with pytest.raises(NotFound):
        reader.read_tile(0, 2, 1)
    (tmp_path / "tile/0/001.p/44").write_bytes(bytes(31))
    with pytest.raises(MalformedInput):
        reader.read_tile(0, 1, 44)
    (tmp_path / "tile/0/001.p/44").write_bytes(bytes(9000))
    with pytest.raises(MalformedInput):
        reader.read_tile(0, 1, 44)
    (tmp_path / "tile/entries/001.p/44").write_bytes(b"\x00")
    with pytest.raises(MalformedInput):
        list(reader.entries(256, 1, size=300))
