"""A log, witnesses and a policy to test with; every key is derived from its name."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from tapeline.base.secret import Secret
from tapeline.transparency.checkpoint import Checkpoint
from tapeline.transparency.cosignature import Cosigner
from tapeline.transparency.merkle import leaf_hash, root_of
from tapeline.transparency.note import Note, NoteSigner
from tapeline.transparency.policy import Policy, parse_policy
from tapeline.transparency.tiles import grow

ORIGIN = "log.example/archive"


def seed(name: str) -> Secret:
    return Secret(hashlib.sha256(name.encode()).digest())


LOG = NoteSigner(ORIGIN, seed("log"))
WITNESSES = {name: Cosigner(f"{name}.example/w", seed(name)) for name in ("w1", "w2", "w3")}


def policy(quorum: str = "group q all w1 w2 w3") -> Policy:
    lines = [f"log {LOG.key.encode()}", *(f"witness {name} {w.key.encode()}" for name, w in WITNESSES.items())]
    return parse_policy("\n".join([*lines, quorum, "quorum q", ""]).encode())


def leaves(count: int) -> list[bytes]:
    return [b"leaf %d" % number for number in range(count)]


def signed(checkpoint: Checkpoint, times: dict[str, int], log: NoteSigner = LOG) -> bytes:
    text = checkpoint.encode()
    cosignatures = [WITNESSES[name].cosign(text, time) for name, time in times.items()]
    return Note(text, (log.sign(text), *cosignatures)).encode()


def checkpoint_of(entries: Sequence[bytes]) -> Checkpoint:
    return Checkpoint(ORIGIN, len(entries), root_of(map(leaf_hash, entries)))


class MemoryTiles:
    """A reader over tiles in a dictionary, which grows as a log does and serves narrower widths too."""

    def __init__(self) -> None:
        self.size = 0
        self.tiles: dict[tuple[int, int], bytes] = {}
        self.widths: set[tuple[int, int, int]] = set()

    def read_tile(self, level: int, index: int, width: int) -> bytes:
        return self.tiles[level, index][: 32 * width]

    def append(self, entries: Sequence[bytes]) -> None:
        for tile, data in grow(self, self.size, [leaf_hash(entry) for entry in entries]):
            self.tiles[tile.level, tile.index] = data
            self.widths.add((tile.level, tile.index, tile.width))
        self.size += len(entries)
