"""An audit log in memory that real witnesses cosign: what the fixture needs in place of a whole escrow service."""

from __future__ import annotations

from collections.abc import Sequence

import httpx

from tapeline.base.secret import Secret
from tapeline.base.times import Clock, Rng
from tapeline.governance.auditleaf import make_audit_leaf
from tapeline.governance.dsse import parse_envelope
from tapeline.tlog.witnessing import Submission, WitnessClient, WitnessEndpoint
from tapeline.transparency import proofs
from tapeline.transparency.checkpoint import Checkpoint
from tapeline.transparency.merkle import leaf_hash
from tapeline.transparency.note import Note, NoteSigner
from tapeline.transparency.tiles import grow
from tapeline.transparency.tlogproof import TlogProof

WITNESS_SECONDS = 10.0


class MemoryTiles:
    """Tiles of a small log."""

    def __init__(self) -> None:
        self._tiles: dict[tuple[int, int], bytes] = {}
        self.size = 0

    def read_tile(self, level: int, index: int, width: int) -> bytes:
        """Return the first `width` hashes of a tile."""
        return self._tiles[level, index][: 32 * width]

    def append(self, entry: bytes) -> None:
        """Add a leaf."""
        for tile, data in grow(self, self.size, [leaf_hash(entry)]):
            self._tiles[tile.level, tile.index] = data
        self.size += 1


class MemoryAuditLog:
    """Appends statements and proves them, as the escrow service does."""

    def __init__(self, origin: str, rng: Rng, clock: Clock) -> None:
        self.signer = NoteSigner(origin, Secret(rng(32)))
        self._origin = origin
        self._clock = clock
        self._tiles = MemoryTiles()

    async def prove(self, kind: str, envelope: bytes, witnesses: Sequence[WitnessEndpoint]) -> bytes:
        """Log a statement and return its tlog-proof, whose extra data is the leaf."""
        leaf = make_audit_leaf(parse_envelope(envelope, kind), self._clock())
        self._tiles.append(leaf)
        size = self._tiles.size
        text = Checkpoint(self._origin, size, proofs.root(self._tiles, size)).encode()
        signed = Note(text, (self.signer.sign(text),))
        async with httpx.AsyncClient(trust_env=False) as http:
            client = WitnessClient(http, WITNESS_SECONDS)
            submission = Submission(size, text, signed.encode())
            cosigned = await client.collect(submission, witnesses, self._consistency)
        note = Note(text, (*signed.signatures, *cosigned)).encode()
        return TlogProof(size - 1, tuple(proofs.inclusion_proof(self._tiles, size - 1, size)), note, leaf).encode()

    async def _consistency(self, old: int, new: int) -> list[bytes]:
        return proofs.consistency_proof(self._tiles, old, new)
