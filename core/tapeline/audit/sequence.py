"""Order within the archive: leaf times, conversation sequences; after a fault the count goes on from what is there."""

from __future__ import annotations

from tapeline.audit.finding import Findings, short
from tapeline.base.rules import Rule
from tapeline.wire.v1.objects_pb2 import Leaf


class Order:
    """Reports each fault once, and counts the sequence numbers that no leaf has."""

    def __init__(self, findings: Findings) -> None:
        self._findings = findings
        self._latest = 0
        self._next: dict[bytes, int] = {}
        self._seen: dict[bytes, set[int]] = {}
        self._next_number = 0

    @property
    def gaps(self) -> int:
        """How many numbers below the highest of its conversation no leaf has."""
        return sum(max(seen) + 1 - len(seen) for seen in self._seen.values())

    def time(self, leaf: Leaf, where: str) -> None:
        """Check that leaf times never decrease."""
        if leaf.relay_time_ms < self._latest:
            self._findings.broken(Rule.LEAF_TIME, "The leaf is dated before an earlier one.", where)
        self._latest = max(self._latest, leaf.relay_time_ms)

    def sequence(self, leaf: Leaf, where: str) -> None:
        """Check that a conversation's sequence goes on by one."""
        expected = self._next.get(leaf.conversation_tag, 0)
        found = leaf.conversation_sequence
        if found != expected:
            what = f"Conversation {short(leaf.conversation_tag)} goes on with number {found} instead of {expected}."
            self._findings.broken(Rule.LEAF_SEQUENCE, what, where)
        self._next[leaf.conversation_tag] = found + 1
        self._seen.setdefault(leaf.conversation_tag, set()).add(found)

    def directory(self, leaf: Leaf, where: str) -> None:
        """Check that the directory's sequence goes on by one."""
        expected, found = self._next_number, leaf.directory_sequence
        if found != expected:
            what = f"The directory goes on with number {found} instead of {expected}."
            self._findings.broken(Rule.LEAF_DIRECTORY, what, where)
        self._next_number = found + 1
