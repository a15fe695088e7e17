"""The Merkle tree of RFC 6962 over SHA-256: hashes, roots and the verification of both proofs."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

from tapeline.base.rules import Rule, require

HASH_BYTES = 32
EMPTY_ROOT = hashlib.sha256(b"").digest()
"""Root of the tree without leaves (RFC 6962, section 2.1)."""


def leaf_hash(data: bytes) -> bytes:
    """Return SHA-256(0x00 ‖ data), 32 bytes."""
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return SHA-256(0x01 ‖ left ‖ right), 32 bytes."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def root_of(leaf_hashes: Iterable[bytes]) -> bytes:
    """Return the Merkle tree hash over leaf hashes, 32 bytes; memory grows with the logarithm of their number."""
    # One pending node for each set bit of the count so far, largest first: equal heights merge at once.
    pending: list[tuple[int, bytes]] = []
    for current in leaf_hashes:
        height, node = 0, current
        while pending and pending[-1][0] == height:
            node = node_hash(pending.pop()[1], node)
            height += 1
        pending.append((height, node))
    if not pending:
        return EMPTY_ROOT
    node = pending.pop()[1]
    while pending:
        node = node_hash(pending.pop()[1], node)
    return node


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> None:
    """Check that the leaf hash stands at `index` of the tree of `size` leaves under `root`.

    Args:
        leaf: leaf hash, 32 bytes.
        index: zero-based.
        size: number of leaves.
        proof: hashes from the leaf's sibling up to the root's child (RFC 6962, section 2.1.1).
        root: 32 bytes, from a verified checkpoint.

    Raises:
        Refused: LOG_INCLUSION.
    """
    # At size 1 no hash is computed: without a look at the lengths, an empty leaf would stand under an empty root.
    require(
        0 <= index < size and _are_hashes(proof) and len(leaf) == len(root) == HASH_BYTES,
        Rule.LOG_INCLUSION,
        "The inclusion proof's shape is wrong.",
    )
    require(
        _inclusion_root(leaf, index, size, proof) == root,
        Rule.LOG_INCLUSION,
        "The inclusion proof does not lead to the checkpoint's root.",
    )


def _inclusion_root(leaf: bytes, index: int, size: int, proof: Sequence[bytes]) -> bytes | None:
    """Follow the path (RFC 9162, section 2.1.3.2); None where it is too long or too short."""
    node_index, last = index, size - 1
    result = leaf
    for sibling in proof:
        if last == 0:
            return None
        if node_index & 1 or node_index == last:
            result = node_hash(sibling, result)
            # A right border node without a sibling of its own moves up until it has one.
            while not node_index & 1 and node_index:
                node_index, last = node_index >> 1, last >> 1
        else:
            result = node_hash(result, sibling)
        node_index, last = node_index >> 1, last >> 1
    return result if last == 0 else None


def verify_consistency(old_size: int, old_root: bytes, new_size: int, new_root: bytes, proof: Sequence[bytes]) -> None:
    """Check that the tree of `new_size` leaves extends the tree of `old_size` leaves.

    Args:
        old_size: leaves of the earlier tree; 0 asks for the empty tree's root and an empty proof.
        old_root: 32 bytes.
        new_size: leaves of the later tree.
        new_root: 32 bytes.
        proof: hashes of RFC 6962, section 2.1.2.

    Raises:
        Refused: LOG_CONSISTENCY.
    """
    require(0 <= old_size <= new_size and _are_hashes(proof), Rule.LOG_CONSISTENCY, "The log would shrink.")
    if new_size == 0:
        # tlog-witness, add-checkpoint: a checkpoint of size zero has the empty tree's root.
        require(new_root == EMPTY_ROOT, Rule.LOG_CONSISTENCY, "A log of size 0 has another root than the empty one.")
    if old_size == 0:
        require(not proof and old_root == EMPTY_ROOT, Rule.LOG_CONSISTENCY, "Anything extends the empty log; no proof.")
        return
    if old_size == new_size:
        require(not proof and old_root == new_root, Rule.LOG_CONSISTENCY, "One size has two different roots.")
        return
    require(
        _consistency_roots(old_size, old_root, new_size, proof) == (old_root, new_root),
        Rule.LOG_CONSISTENCY,
        "The consistency proof does not join the two roots.",
    )


def _consistency_roots(
    old_size: int, old_root: bytes, new_size: int, proof: Sequence[bytes]
) -> tuple[bytes, bytes] | None:
    """Return both roots that the proof leads to (RFC 9162, section 2.1.4.2); None where its length is wrong."""
    # A tree of 2^k leaves is itself a node of the later one: its root is not repeated in the proof.
    path = [old_root, *proof] if old_size & (old_size - 1) == 0 else list(proof)
    if not path:
        return None
    node_index, last = old_size - 1, new_size - 1
    while node_index & 1:
        node_index, last = node_index >> 1, last >> 1
    old = new = path[0]
    for sibling in path[1:]:
        if last == 0:
            return None
        if node_index & 1 or node_index == last:
            old, new = node_hash(sibling, old), node_hash(sibling, new)
            while not node_index & 1 and node_index:
                node_index, last = node_index >> 1, last >> 1
        else:
            new = node_hash(new, sibling)
        node_index, last = node_index >> 1, last >> 1
    return (old, new) if last == 0 else None


def _are_hashes(proof: Sequence[bytes]) -> bool:
    return len(proof) <= 63 and all(len(node) == HASH_BYTES for node in proof)
