"""The newest cosigned note of the archive log, each proven to extend the one before."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from tapeline.base.rules import Rule, require
from tapeline.client.transport.calls import Caller
from tapeline.client.transport.methods import PROVE_CONSISTENCY
from tapeline.transparency.cosigned import CosignedCheckpoint
from tapeline.transparency.merkle import verify_consistency
from tapeline.wire.v1.common_pb2 import ConsistencyRequest

_ROOTS = 1024


class NoteKeeper:
    """Takes notes from anyone who shows them; remembers the newest, and refuses a second history."""

    def __init__(self, verify: Callable[[bytes], CosignedCheckpoint]) -> None:
        self._verify = verify
        self._newest: CosignedCheckpoint | None = None
        self._roots: dict[int, bytes] = {}
        self._lock = asyncio.Lock()
        self._seen: bytes = b""

    @property
    def newest(self) -> CosignedCheckpoint | None:
        """The newest verified note."""
        return self._newest

    def restore(self, note: CosignedCheckpoint) -> None:
        """Take the note that a store kept from an earlier run, where it is newer than ours."""
        if self._newest is None or note.size > self._newest.size:
            self._take(note)

    async def offer(self, raw: bytes, caller: Caller) -> CosignedCheckpoint:
        """Return a shown note as verified, having proven that it and the newest known one are of one history.

        Raises:
            Refused: NOTE_SYNTAX, NOTE_SIGNATURE, NOTE_QUORUM, or LOG_CONSISTENCY where the log forked.
        """
        if raw == self._seen and self._newest is not None:
            return self._newest
        note = self._verify(raw)
        async with self._lock:
            newest = self._newest
            if newest is not None and note.size > newest.size:
                request = ConsistencyRequest(old_size=newest.size, new_size=note.size)
                proof = await caller.call(PROVE_CONSISTENCY, request)
                verify_consistency(newest.size, newest.root, note.size, note.root, proof.hashes)
            self.require_same_history(note)
            if newest is None or (note.size, note.median_time_ms) >= (newest.size, newest.median_time_ms):
                self._take(note)
                self._seen = raw
        return note

    def require_same_history(self, note: CosignedCheckpoint) -> None:
        """Refuse under LOG-5 a note of a size that we saw with another root."""
        require(
            self._roots.get(note.size, note.root) == note.root,
            Rule.LOG_CONSISTENCY,
            "Two cosigned notes of one size have different roots: the log forked.",
        )

    def _take(self, note: CosignedCheckpoint) -> None:
        self._newest = note
        self._roots[note.size] = note.root
        if len(self._roots) > _ROOTS:
            del self._roots[next(iter(self._roots))]
