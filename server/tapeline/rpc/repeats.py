"""What goes on and on is told at once, then with doubling gaps and a count: a log that floods is read by nobody."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, MutableMapping
from typing import Any

import structlog

FIRST_GAP_S = 10.0
LONGEST_GAP_S = 3600.0
MAX_KINDS = 1024
_ALWAYS = frozenset({"debug", "info"})


class Repeats:
    """A structlog processor: warnings and errors of one kind are let through ever more seldom while they repeat.

    Two lines are of one kind where their event and their texts are the same; numbers, such as a size, may differ. What
    was quiet for twice its gap begins anew.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._kinds: OrderedDict[Hashable, _Kind] = OrderedDict()

    def __call__(self, _: object, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        """Return the event, with `repeated` where lines of its kind were left out; or drop it."""
        if event.get("level") in _ALWAYS:
            return event
        kind = self._kind(event)
        left_out = kind.let_through(self._now())
        if left_out is None:
            raise structlog.DropEvent
        if left_out:
            event["repeated"] = left_out
        return event

    def _kind(self, event: MutableMapping[str, Any]) -> _Kind:
        key = tuple(sorted((name, str(value)) for name, value in event.items() if not isinstance(value, int | float)))
        kind = self._kinds.pop(key, None) or _Kind()
        self._kinds[key] = kind
        if len(self._kinds) > MAX_KINDS:
            self._kinds.popitem(last=False)
        return kind


class _Kind:
    """When lines of one kind were told, and how many were not."""

    def __init__(self) -> None:
        self._told_s = self._seen_s = float("-inf")
        self._gap_s = 0.0
        self._left_out = 0

    def let_through(self, now_s: float) -> int | None:
        """Return how many lines were left out since the last one that was told; None where this one is left out too."""
        if now_s - self._seen_s > max(2 * self._gap_s, FIRST_GAP_S):
            self._gap_s = 0.0
        self._seen_s = now_s
        if now_s - self._told_s < self._gap_s:
            self._left_out += 1
            return None
        left_out, self._left_out = self._left_out, 0
        self._told_s = now_s
        self._gap_s = min(max(2 * self._gap_s, FIRST_GAP_S), LONGEST_GAP_S)
        return left_out
