"""The witness's state machine (C2SP tlog-witness): one answer for each add-checkpoint request.

parse ─ 400        know the origin ─ 404       log's signature ─ 403       old ≤ size ─ 400
own cosignature of more than the memory knows ─ 503
old = latest ─ 409 (latest size)   consistent ─ 422       compare-and-set ─ 409       200 (cosignature)
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from tapeline.base.rules import Refused, Rule
from tapeline.transparency.addcheckpoint import AddCheckpoint, parse_add_checkpoint
from tapeline.transparency.checkpoint import Checkpoint
from tapeline.transparency.cosignature import Cosigner, verify_cosignature
from tapeline.transparency.keys import VerifierKey
from tapeline.transparency.merkle import EMPTY_ROOT, verify_consistency
from tapeline.transparency.note import Note, parse_signatures, verify_note_signature

TEXT = "text/plain; charset=utf-8"
TLOG_SIZE = "text/x.tlog.size"


@dataclass(frozen=True, slots=True)
class Witnessed:
    """The latest checkpoint that the witness cosigned for a log, with the note that it vouches for."""

    size: int
    root: bytes
    note: bytes


class WitnessStore(Protocol):
    """The witness's memory: one checkpoint for each origin."""

    def latest(self, origin: str) -> Witnessed | None:
        """Return the latest cosigned checkpoint, None where there was none."""

    def compare_and_set(self, origin: str, old: Witnessed | None, new: Witnessed) -> bool:
        """Store `new` durably if `old` is still the latest, in one atomic step, and tell whether it was."""


class MemoryWitnessStore:
    """A store for tests and single-threaded use: nothing interleaves within one call."""

    def __init__(self) -> None:
        self._latest: dict[str, Witnessed] = {}

    def latest(self, origin: str) -> Witnessed | None:
        """Return the latest cosigned checkpoint, None where there was none."""
        return self._latest.get(origin)

    def compare_and_set(self, origin: str, old: Witnessed | None, new: Witnessed) -> bool:
        """Store `new` if `old` is still the latest."""
        if self._latest.get(origin) != old:
            return False
        self._latest[origin] = new
        return True


@dataclass(frozen=True, slots=True)
class WitnessAnswer:
    """An HTTP answer: status, body, content type. The body holds nothing of the request."""

    status: int
    body: bytes
    content_type: str = TEXT


class Witness:
    """Cosigns the checkpoints of the logs it knows, each consistent with the one before it."""

    def __init__(
        self,
        cosigner: Cosigner,
        logs: Mapping[str, Sequence[VerifierKey]],
        store: WitnessStore,
        *,
        accept_older: bool = False,
    ) -> None:
        """Make a witness.

        Args:
            cosigner: its key.
            logs: the keys that may sign for each origin.
            store: its memory.
            accept_older: catch up, consistently, with what it finds its own word for beyond its memory.
        """
        self._cosigner = cosigner
        self._logs = logs
        self._store = store
        self._accept_older = accept_older
        self._forgot: dict[str, int] = {}

    @property
    def key(self) -> VerifierKey:
        """The key that the cosignatures verify under."""
        return self._cosigner.key

    def add_checkpoint(self, body: bytes, now_s: int) -> WitnessAnswer:
        """Answer an add-checkpoint request (tlog-witness, add-checkpoint) at a POSIX time in seconds."""
        try:
            request = parse_add_checkpoint(body)
        except Refused:
            return WitnessAnswer(400, b"malformed request\n")
        keys = self._logs.get(request.checkpoint.origin)
        if keys is None:
            return WitnessAnswer(404, b"unknown log\n")
        try:
            # A signature line in no canonical form is nobody's signature: 403 like every other that fails.
            note = Note(request.text, parse_signatures(request.signature_lines))
            signed = Note(request.text, verify_note_signature(note, keys))
        except Refused:
            return WitnessAnswer(403, b"invalid signature, or none by a known key of this log\n")
        if request.old_size > request.checkpoint.size:
            return WitnessAnswer(400, b"old size above the checkpoint's size\n")
        return self._advance(request, signed, now_s)

    def monitored(self, origin_hash: str) -> bytes | None:
        """Return the latest note by the SHA-256 of its origin, or None (tlog-witness, Monitor Retrieval Mechanism)."""
        for origin in self._logs:
            if hashlib.sha256(origin.encode()).hexdigest() == origin_hash:
                latest = self._store.latest(origin)
                return None if latest is None else latest.note
        return None

    def trouble(self) -> str:
        """Return why the witness cannot cosign, in a sentence; empty where it can."""
        for origin in self._logs:
            self._store.latest(origin)  # an unreadable memory raises
        if self._forgot:
            return "The memory is older than this witness's own cosignatures: it was restored, or deleted."
        return ""

    def _advance(self, request: AddCheckpoint, signed: Note, now_s: int) -> WitnessAnswer:
        checkpoint = request.checkpoint
        latest = self._store.latest(checkpoint.origin)
        if self._has_forgotten(request, latest):
            return WitnessAnswer(503, b"this witness's memory is older than its own cosignature\n")
        if request.old_size != _size(latest):
            return _conflict(latest)
        if not _is_consistent(latest, checkpoint, request.proof):
            return WitnessAnswer(422, b"the consistency proof does not verify\n")
        cosignature = self._cosigner.cosign(signed.text, now_s)
        note = Note(signed.text, (*signed.signatures, cosignature)).encode()
        new = Witnessed(checkpoint.size, checkpoint.root, note)
        # No rollback: a slower request with a smaller size must not overwrite a larger one that came between
        # (tlog-witness, add-checkpoint, the race at its end). The cosignature leaves only after the store took it.
        if not self._store.compare_and_set(checkpoint.origin, latest, new):
            return _conflict(self._store.latest(checkpoint.origin))
        return WitnessAnswer(200, cosignature.line.encode())

    def _has_forgotten(self, request: AddCheckpoint, latest: Witnessed | None) -> bool:
        """Tell whether this memory lacks what the witness itself cosigned, by its own line under the note.

        A memory that went back could cosign a second history from where it stands; so it cosigns nothing more of that
        log until the operator lets it catch up. A log that keeps the line to itself is not found out here.
        """
        origin = request.checkpoint.origin
        if self._is_own_word(request) and not _knows(latest, request.checkpoint):
            self._forgot[origin] = max(request.checkpoint.size, self._forgot.get(origin, 0))
        if self._accept_older and _size(latest) >= self._forgot.get(origin, 0):
            self._forgot.pop(origin, None)
        return origin in self._forgot and not self._accept_older

    def _is_own_word(self, request: AddCheckpoint) -> bool:
        for line in parse_signatures(request.signature_lines):
            if line.is_by(self.key):
                try:
                    verify_cosignature(request.text, line, self.key)
                except Refused:
                    continue
                return True
        return False


def _knows(latest: Witnessed | None, checkpoint: Checkpoint) -> bool:
    """Tell whether the memory reaches at least as far, and says nothing else of the same size."""
    size = _size(latest)
    return size > checkpoint.size or (size == checkpoint.size and (latest is None or latest.root == checkpoint.root))


def _is_consistent(latest: Witnessed | None, checkpoint: Checkpoint, proof: Sequence[bytes]) -> bool:
    old_size, old_root = (0, EMPTY_ROOT) if latest is None else (latest.size, latest.root)
    try:
        verify_consistency(old_size, old_root, checkpoint.size, checkpoint.root, proof)
    except Refused as refusal:
        if refusal.rule is not Rule.LOG_CONSISTENCY:
            raise
        return False
    return True


def _size(latest: Witnessed | None) -> int:
    return 0 if latest is None else latest.size


def _conflict(latest: Witnessed | None) -> WitnessAnswer:
    return WitnessAnswer(409, b"%d\n" % _size(latest), TLOG_SIZE)
