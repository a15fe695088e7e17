from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tlog_kit import LOG, ORIGIN, WITNESSES, MemoryTiles, checkpoint_of, leaves, policy, signed

from tapeline.base.errors import MalformedInput
from tapeline.base.rules import Refused
from tapeline.transparency.addcheckpoint import encode_add_checkpoint
from tapeline.transparency.cosigned import median_time, verify_cosigned
from tapeline.transparency.merkle import leaf_hash, root_of, verify_consistency, verify_inclusion
from tapeline.transparency.note import Note, parse_note
from tapeline.transparency.proofs import consistency_proof, inclusion_proof, root
from tapeline.transparency.tiles import TileId, changed_tiles, decode_bundle, encode_bundle, parse_tile_path
from tapeline.transparency.tlogproof import TlogProof, verify_tlog_proof
from tapeline.transparency.witness import MemoryWitnessStore, Witness

MOST = 1200
ALL = leaves(MOST)
HASHES = [leaf_hash(leaf) for leaf in ALL]
TREE = MemoryTiles()
TREE.append(ALL)
POLICY = policy()
NOTE = signed(checkpoint_of(ALL[:700]), {"w1": 5, "w2": 6, "w3": 7})
PROOF = TlogProof(300, tuple(inclusion_proof(TREE, 300, 700)), NOTE).encode()


def alter(raw: bytes, place: int, octet: int) -> bytes:
    changed = bytearray(raw)
    changed[place % len(raw)] ^= octet
    return bytes(changed)


@settings(max_examples=400)
@given(st.integers(0, len(NOTE) - 1), st.integers(1, 255))
def test_any_changed_byte_of_a_cosigned_note_is_refused(place: int, octet: int) -> None:
    with pytest.raises(Refused):
        verify_cosigned(alter(NOTE, place, octet), POLICY, log_origin=ORIGIN)


@settings(max_examples=400)
@given(st.integers(0, len(PROOF) - 1), st.integers(1, 255))
def test_any_changed_byte_of_a_proof_is_refused(place: int, octet: int) -> None:
    with pytest.raises(Refused):
        verify_tlog_proof(alter(PROOF, place, octet), ALL[300], POLICY)


@given(st.integers(0, 10_000), st.integers(1, 255))
def test_any_changed_byte_of_a_request_is_not_cosigned(place: int, octet: int) -> None:
    witness = Witness(WITNESSES["w1"], {ORIGIN: [LOG.key]}, MemoryWitnessStore())
    text = checkpoint_of(ALL[:3]).encode()
    body = encode_add_checkpoint(0, [], Note(text, (LOG.sign(text),)).encode())
    assert witness.add_checkpoint(alter(body, place, octet), 1).status != 200
    assert witness.add_checkpoint(body, 1).status == 200


@given(st.binary(max_size=400))
def test_random_bytes_are_refused_and_nothing_else(raw: bytes) -> None:
    with pytest.raises(Refused):
        verify_cosigned(raw, POLICY, log_origin=ORIGIN)
    with pytest.raises(Refused):
        verify_tlog_proof(raw, b"", POLICY)


@given(st.integers(0, MOST), st.integers(0, MOST))
def test_any_log_extends_any_earlier_one(one: int, other: int) -> None:
    old, new = sorted((one, other))
    old_root, new_root = root(TREE, old), root(TREE, new)
    assert (old_root, new_root) == (root_of(HASHES[:old]), root_of(HASHES[:new]))
    proof = consistency_proof(TREE, old, new)
    verify_consistency(old, old_root, new, new_root, proof)
    if 0 < old < new:
        with pytest.raises(Refused):
            verify_consistency(old - 1, root(TREE, old - 1), new, root(TREE, new - 1), proof)


@given(st.data())
def test_any_leaf_is_proven_in_any_later_log(data: st.DataObject) -> None:
    size = data.draw(st.integers(1, MOST))
    index = data.draw(st.integers(0, size - 1))
    proof, head = inclusion_proof(TREE, index, size), root(TREE, size)
    verify_inclusion(HASHES[index], index, size, proof, head)
    other = data.draw(st.integers(0, size - 1).filter(lambda value: value != index)) if size > 1 else 1
    with pytest.raises(Refused):
        verify_inclusion(HASHES[index], other, size, proof, head)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 600), max_size=5))
def test_tiles_do_not_depend_on_how_the_log_grew(steps: list[int]) -> None:
    grown, whole = MemoryTiles(), MemoryTiles()
    for step in steps:
        start = grown.size
        before = set(grown.widths)
        grown.append(leaves(sum(steps))[start : start + step])
        new = {(t.level, t.index, t.width) for t in changed_tiles(start, grown.size)}
        assert grown.widths - before == new
    whole.append(leaves(sum(steps)))
    assert grown.tiles == whole.tiles
    assert root(grown, grown.size) == root_of(map(leaf_hash, leaves(sum(steps))))


@given(st.integers(-1, 63), st.integers(0, 10**12), st.integers(1, 256))
def test_every_tile_has_one_path(level: int, index: int, width: int) -> None:
    tile = TileId(level, index, width)
    assert parse_tile_path(tile.path) == tile


@given(st.lists(st.binary(max_size=300), max_size=256), st.binary(max_size=3))
def test_bundles_hold_what_was_put_in(entries: list[bytes], tail: bytes) -> None:
    data = encode_bundle(entries)
    assert decode_bundle(data, len(entries)) == entries
    if tail:
        with pytest.raises(MalformedInput):
            decode_bundle(data + tail, len(entries))


@given(st.lists(st.integers(1000, 1060), min_size=1, max_size=9), st.data())
def test_no_minority_drags_the_median(right: list[int], data: st.DataObject) -> None:
    wrong = data.draw(st.lists(st.integers(1, 2**62), max_size=len(right) - 1))
    assert min(right) <= median_time(right + wrong) <= max(right)


@given(st.integers(1, 253_402_300_799))
def test_notes_hold_any_time_of_the_calendar(time: int) -> None:
    note = signed(checkpoint_of(ALL[:2]), {"w1": time, "w2": time, "w3": time})
    assert parse_note(note).encode() == note
    assert verify_cosigned(note, POLICY, log_origin=ORIGIN).witness_times["w2"] == time
