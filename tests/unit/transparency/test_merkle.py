from __future__ import annotations

import pytest
from tlog_kit import MemoryTiles, leaves

from tapeline.base.errors import MalformedInput
from tapeline.base.rules import Refused, Rule
from tapeline.transparency.merkle import EMPTY_ROOT, leaf_hash, root_of, verify_consistency, verify_inclusion
from tapeline.transparency.proofs import consistency_proof, inclusion_proof, root

SIZES = [*range(1, 34), 255, 256, 257, 511, 513]


@pytest.fixture(scope="module")
def tree() -> MemoryTiles:
    tiles = MemoryTiles()
    tiles.append(leaves(513))
    return tiles


def naive_root(hashes: list[bytes]) -> bytes:
    """RFC 6962, section 2.1, word for word."""
    import hashlib

    if len(hashes) < 2:
        return hashes[0] if hashes else EMPTY_ROOT
    split = 1
    while split * 2 < len(hashes):
        split *= 2
    return hashlib.sha256(b"\x01" + naive_root(hashes[:split]) + naive_root(hashes[split:])).digest()


@pytest.mark.parametrize("size", [0, *SIZES])
def test_the_streaming_root_is_the_recursive_one(size: int) -> None:
    hashes = [leaf_hash(leaf) for leaf in leaves(size)]
    assert root_of(hashes) == naive_root(hashes)


@pytest.mark.parametrize("size", SIZES)
def test_every_leaf_is_proven_and_no_other(tree: MemoryTiles, size: int) -> None:
    head = root(tree, size)
    for index in range(size):
        proof = inclusion_proof(tree, index, size)
        verify_inclusion(leaf_hash(b"leaf %d" % index), index, size, proof, head)
        with pytest.raises(Refused):
            verify_inclusion(leaf_hash(b"other"), index, size, proof, head)


@pytest.mark.parametrize("new", SIZES[:34])
def test_every_earlier_log_is_extended(tree: MemoryTiles, new: int) -> None:
    for old in range(new + 1):
        verify_consistency(old, root(tree, old), new, root(tree, new), consistency_proof(tree, old, new))


@pytest.mark.rule(Rule.LOG_INCLUSION)
@pytest.mark.parametrize(
    ("index", "size", "change"),
    [
        (3, 7, "longer"),
        (3, 7, "shorter"),
        (3, 7, "swapped"),
        (3, 7, "hash"),
        (3, 7, "short hash"),
        (7, 7, "index"),
        (-1, 7, "index"),
        (2, 7, "other index"),
        (3, 4, "other size"),
        (3, 9, "other size"),
        (0, 0, "empty log"),
    ],
)
def test_a_wrong_inclusion_proof_is_refused(tree: MemoryTiles, index: int, size: int, change: str) -> None:
    proof = inclusion_proof(tree, 3, 7)
    altered = {
        "longer": [*proof, proof[0]],
        "shorter": proof[:-1],
        "swapped": [proof[1], proof[0], *proof[2:]],
        "hash": [b"\x00" * 32, *proof[1:]],
        "short hash": [proof[0][:31], *proof[1:]],
    }.get(change, proof)
    with pytest.raises(Refused) as refusal:
        verify_inclusion(leaf_hash(b"leaf 3"), index, size, altered, root(tree, 7))
    assert refusal.value.rule is Rule.LOG_INCLUSION


@pytest.mark.rule(Rule.LOG_INCLUSION)
def test_no_leaf_stands_behind_the_end() -> None:
    """Without the bound, the path of length 0 would lead from any index to the root of a log of one leaf."""
    leaf = leaf_hash(b"leaf 0")
    verify_inclusion(leaf, 0, 1, [], leaf)
    with pytest.raises(Refused) as refusal:
        verify_inclusion(leaf, 5, 1, [], leaf)
    assert refusal.value.rule is Rule.LOG_INCLUSION


@pytest.mark.rule(Rule.LOG_CONSISTENCY)
def test_a_log_does_not_shrink_under_one_root() -> None:
    with pytest.raises(Refused) as refusal:
        verify_consistency(2, b"r" * 32, 1, b"r" * 32, [])
    assert refusal.value.rule is Rule.LOG_CONSISTENCY


@pytest.mark.rule(Rule.LOG_CONSISTENCY)
@pytest.mark.parametrize(
    "change",
    ["longer", "shorter", "none", "hash", "old root", "new root", "shrinks", "proof from nothing", "fake empty log",
     "proof of nothing", "same size, other root", "empty with a root"],
)  # fmt: skip
def test_a_fork_is_refused(tree: MemoryTiles, change: str) -> None:
    old_root, new_root, proof = root(tree, 5), root(tree, 13), consistency_proof(tree, 5, 13)
    other = b"\x07" * 32
    arguments = {
        "longer": (5, old_root, 13, new_root, [*proof, other]),
        "shorter": (5, old_root, 13, new_root, proof[:-1]),
        "none": (5, old_root, 13, new_root, []),
        "hash": (5, old_root, 13, new_root, [other, *proof[1:]]),
        "old root": (5, other, 13, new_root, proof),
        "new root": (5, old_root, 13, other, proof),
        "shrinks": (13, new_root, 5, old_root, proof),
        "proof from nothing": (0, EMPTY_ROOT, 13, new_root, proof),
        "fake empty log": (0, other, 13, new_root, []),
        "proof of nothing": (13, new_root, 13, new_root, [other]),
        "same size, other root": (13, new_root, 13, other, []),
        "empty with a root": (0, EMPTY_ROOT, 0, other, []),
    }[change]
    with pytest.raises(Refused) as refusal:
        verify_consistency(*arguments)
    assert refusal.value.rule is Rule.LOG_CONSISTENCY


def test_the_prover_refuses_what_no_log_has(tree: MemoryTiles) -> None:
    with pytest.raises(MalformedInput):
        inclusion_proof(tree, 7, 7)
    with pytest.raises(MalformedInput):
        consistency_proof(tree, 8, 7)


@pytest.mark.rule(Rule.LOG_INCLUSION)
@pytest.mark.parametrize("value", [b"", b"x", bytes(31), bytes(33)])
def test_only_hashes_stand_under_hashes(value: bytes) -> None:
    """In a tree of one leaf the leaf is the root, so that nothing is hashed on the way."""
    with pytest.raises(Refused) as refusal:
        verify_inclusion(value, 0, 1, [], value)
    assert refusal.value.rule is Rule.LOG_INCLUSION
