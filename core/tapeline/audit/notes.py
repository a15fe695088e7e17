"""Checkpoint notes met on the way, each held against the replayed log: one that differs proves a fork."""

from __future__ import annotations

from collections.abc import Callable

from tapeline.audit.finding import Check, Findings
from tapeline.audit.logtree import ReadLog
from tapeline.base.errors import TapelineError
from tapeline.transparency.cosigned import CosignedCheckpoint

Verify = Callable[[bytes], CosignedCheckpoint]


class NoteTable:
    """Verifies each distinct note once: its quorum of witnesses, and that this log had that root at that size."""

    def __init__(self, log: ReadLog, verify: Verify, findings: Findings) -> None:
        self._log = log
        self._verify = verify
        self._findings = findings
        self._seen: dict[bytes, CosignedCheckpoint | None] = {}

    def believe(self, note: bytes, where: str) -> CosignedCheckpoint | None:
        """Return the verified checkpoint, or None after reporting why it is not to be believed."""
        if note not in self._seen:
            self._seen[note] = self._check(note, where)
        return self._seen[note]

    def _check(self, note: bytes, where: str) -> CosignedCheckpoint | None:
        try:
            checkpoint = self._verify(note)
        except TapelineError as error:
            self._findings.refused(error, where)
            return None
        tree = self._log.tree
        if checkpoint.size > tree.size or tree.root_at(checkpoint.size) != checkpoint.root:
            self._differs(checkpoint, where)
        return checkpoint

    def _differs(self, checkpoint: CosignedCheckpoint, where: str) -> None:
        newest = self._log.checkpoint
        is_other_statement = checkpoint.size == newest.size and checkpoint.root != newest.root
        if self._log.holds or is_other_statement:
            text = f"Witnesses cosigned another history of the log, of {checkpoint.size} leaves: the log forked."
            self._findings.add(Check.FORK, text, where)
            return
        # Entries that are not even those of the newest checkpoint say nothing about what the log did.
        text = (
            f"The copy's entries are not those that witnesses cosigned, {checkpoint.size} leaves: the copy was changed."
        )
        self._findings.add(Check.ROOT, text, where)
