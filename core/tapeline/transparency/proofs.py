"""Making proofs and roots from stored tiles: the prover's half of RFC 6962, section 2.1."""

from __future__ import annotations

from tapeline.base.errors import MalformedInput
from tapeline.transparency.merkle import EMPTY_ROOT, node_hash, root_of
from tapeline.transparency.tiles import TILE_HEIGHT, TILE_WIDTH, HashReader, split_hashes, tile_width


def root(reader: HashReader, size: int) -> bytes:
    """Return the root, 32 bytes, of the log's first `size` leaves."""
    return _Tree(reader, size).span(0, size) if size else EMPTY_ROOT


def inclusion_proof(reader: HashReader, index: int, size: int) -> list[bytes]:
    """Return PATH(index, D[size]) of RFC 6962, section 2.1.1: from the leaf's sibling to the root's child.

    Raises:
        MalformedInput: no such leaf in a log of that size.
    """
    if not 0 <= index < size:
        raise MalformedInput("The log of that size has no such leaf.", "Ask for a later checkpoint.")
    tree = _Tree(reader, size)
    low, high = 0, size
    path: list[bytes] = []
    while high - low > 1:
        middle = low + _split(high - low)
        if index < middle:
            path.append(tree.span(middle, high))
            high = middle
        else:
            path.append(tree.span(low, middle))
            low = middle
    return path[::-1]


def consistency_proof(reader: HashReader, old_size: int, new_size: int) -> list[bytes]:
    """Return PROOF(old_size, D[new_size]) of RFC 6962, section 2.1.2; empty where either is empty or both are equal.

    Raises:
        MalformedInput: the old size is larger.
    """
    if not 0 <= old_size <= new_size:
        raise MalformedInput("The earlier log is larger than the later one.", "Ask with the sizes in order.")
    if old_size in {0, new_size}:
        return []
    tree = _Tree(reader, new_size)
    low, high, complete = 0, new_size, True
    proof: list[bytes] = []
    while high != old_size:
        middle = low + _split(high - low)
        if old_size <= middle:
            proof.append(tree.span(middle, high))
            high = middle
        else:
            proof.append(tree.span(low, middle))
            low, complete = middle, False
    # SUBPROOF's last step: the old tree's own root is known to the verifier, an inner node is not.
    if not complete:
        proof.append(tree.span(low, high))
    return proof[::-1]


def _split(count: int) -> int:
    """Return the largest power of two below `count`, which is at least 2."""
    return 1 << ((count - 1).bit_length() - 1)


class _Tree:
    """Node hashes of one log size; each tile is read once."""

    def __init__(self, reader: HashReader, size: int) -> None:
        self._reader = reader
        self._size = size
        self._tiles: dict[tuple[int, int], list[bytes]] = {}

    def span(self, low: int, high: int) -> bytes:
        """Return MTH(D[low:high]) for a span that the recursion of RFC 6962, section 2.1, meets."""
        count = high - low
        if count & (count - 1) == 0 and low % count == 0:
            return self._node(count.bit_length() - 1, low // count)
        middle = low + _split(count)
        return node_hash(self.span(low, middle), self.span(middle, high))

    def _node(self, height: int, number: int) -> bytes:
        """Return the root of the complete subtree over leaves [number·2^height, (number+1)·2^height)."""
        level, inside = divmod(height, TILE_HEIGHT)
        start = number << inside
        index, offset = divmod(start, TILE_WIDTH)
        return root_of(self._tile(level, index)[offset : offset + (1 << inside)])

    def _tile(self, level: int, index: int) -> list[bytes]:
        if (level, index) not in self._tiles:
            width = tile_width(level, index, self._size)
            self._tiles[level, index] = split_hashes(self._reader.read_tile(level, index, width), width)
        return self._tiles[level, index]
