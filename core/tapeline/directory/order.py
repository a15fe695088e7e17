"""The order of the log: leaf times never decrease, conversation sequences leave no gap (protocol, Acknowledgement)."""

from __future__ import annotations

from bisect import bisect_left, insort

from tapeline.base.rules import Rule, require
from tapeline.wire.v1.objects_pb2 import Leaf


class LeafTimes:
    """The relay times of the leaves seen, by index; one who sees only a part may see them in any order."""

    def __init__(self, *, whole: bool) -> None:
        self._whole = whole
        self._seen: list[tuple[int, int]] = []

    def check(self, index: int, time_ms: int) -> None:
        """Refuse under LEF-3 a time before an earlier leaf's, or after a later one's."""
        place = bisect_left(self._seen, (index, -1))
        before = self._seen[place - 1][1] if place else 0
        require(before <= time_ms, Rule.LEAF_TIME, "A leaf is dated before an earlier one.")
        after = self._seen[place][1] if place < len(self._seen) else time_ms
        require(time_ms <= after, Rule.LEAF_TIME, "A leaf is dated after a later one.")

    def add(self, index: int, time_ms: int) -> None:
        """Take a checked time; in the log's own order the last one is all that matters."""
        if self._whole:
            self._seen = [(index, time_ms)]
        else:
            insort(self._seen, (index, time_ms))

    @property
    def latest_ms(self) -> int:
        """The newest leaf's time, 0 before the first."""
        return self._seen[-1][1] if self._seen else 0


class Sequences:
    """Conversation sequences by tag.

    One who sees the whole log demands each next number. One who sees a part, such as a client that reads the
    directory ahead of its messages, demands that higher indices have higher numbers; `Cursor` closes its gaps.
    """

    def __init__(self, *, whole: bool) -> None:
        self._whole = whole
        self._seen: dict[bytes, list[tuple[int, int]]] = {}

    def next(self, tag: bytes) -> int:
        """Return the sequence of the conversation's next leaf."""
        seen = self._seen.get(tag)
        return seen[-1][1] + 1 if seen else 0

    def check(self, index: int, leaf: Leaf) -> None:
        """Refuse under LEF-2 a gap, a repeat, or another order than the log's."""
        if self._whole:
            require(
                leaf.conversation_sequence == self.next(leaf.conversation_tag),
                Rule.LEAF_SEQUENCE,
                "A conversation's sequence has a gap or a repeat.",
            )
            return
        seen = self._seen.get(leaf.conversation_tag, [])
        place = bisect_left(seen, (index, -1))
        # Between two leaves of known index lie exactly as many numbers as the log leaves room for, or fewer.
        for other, sequence in seen[max(place - 1, 0) : place + 1]:
            apart = leaf.conversation_sequence - sequence
            require(
                0 < apart <= index - other if index > other else 0 < -apart <= other - index,
                Rule.LEAF_SEQUENCE,
                "A conversation's sequences are not in the order of the log.",
            )

    def add(self, index: int, leaf: Leaf) -> None:
        """Take a checked leaf."""
        place = (index, leaf.conversation_sequence)
        if self._whole:
            self._seen[leaf.conversation_tag] = [place]
        else:
            insort(self._seen.setdefault(leaf.conversation_tag, []), place)


class DirectoryNumbers:
    """The sequence over rosters, certificates, revocations, devices and prekeys: leaves that every reader is shown.

    It is contiguous, so that a leaf which a relay withholds from one reader is a hole there. A leaf may be counted
    again at its own place, as one that was put aside is tried again.
    """

    def __init__(self, *, strict: bool) -> None:
        """Start empty; not `strict` for an auditor, who reports every fault and counts on."""
        self._strict = strict
        self._indices: list[int] = []

    @property
    def next(self) -> int:
        """The number of the next leaf."""
        return len(self._indices)

    def count_below(self, index: int) -> int:
        """Return how many leaves of the sequence lie below a leaf index."""
        return bisect_left(self._indices, index)

    def check(self, index: int, leaf: Leaf) -> None:
        """Refuse under LEF-4 a gap, a repeat, or a leaf between known ones."""
        place = self.count_below(index)
        follows = place == len(self._indices) or self._indices[place] == index
        require(
            not self._strict or (follows and leaf.directory_sequence == place),
            Rule.LEAF_DIRECTORY,
            "The directory's sequence has a gap or a repeat: a leaf is withheld.",
        )

    def add(self, index: int) -> None:
        """Take a checked leaf."""
        place = self.count_below(index)
        if self._indices[place : place + 1] != [index]:
            self._indices.insert(place, index)


class Cursor:
    """A reader's place in one conversation: takes leaves one after the other, each with the next number."""

    def __init__(self, tag: bytes, next_sequence: int = 0) -> None:
        self.tag = tag
        self.next_sequence = next_sequence

    def accept(self, leaf: Leaf) -> None:
        """Move past the leaf, or refuse it under LEF-1 (another conversation's) or LEF-2 (gap or repeat)."""
        require(leaf.conversation_tag == self.tag, Rule.LEAF_TAG, "A leaf's tag is not its conversation's.")
        require(
            leaf.conversation_sequence == self.next_sequence,
            Rule.LEAF_SEQUENCE,
            "A conversation's sequence has a gap or a repeat.",
        )
        self.next_sequence += 1
