"""Users who left their firm: no device of theirs enters the directory until the officers readmit them."""

from __future__ import annotations

from collections import defaultdict

NEVER = -1


class Leavers:
    """When each user left and was readmitted, by leaf index; the later of the two counts."""

    def __init__(self) -> None:
        self._left: defaultdict[tuple[str, str], int] = defaultdict(lambda: NEVER)
        self._readmitted: defaultdict[tuple[str, str], int] = defaultdict(lambda: NEVER)

    def leave(self, index: int, person: tuple[str, str]) -> None:
        """Take the leaf from which on the user is gone."""
        self._left[person] = max(index, self._left[person])

    def readmit(self, index: int, person: tuple[str, str]) -> None:
        """Take the leaf from which on new devices of the user are welcome again."""
        self._readmitted[person] = max(index, self._readmitted[person])

    def has_left(self, person: tuple[str, str]) -> bool:
        """Tell whether the user is gone as of the end of the log."""
        return self._left.get(person, NEVER) > self._readmitted.get(person, NEVER)
