"""A token bucket for each caller: how often one key or address may call."""

from __future__ import annotations

from collections import OrderedDict

from tapeline.base.errors import LimitExceeded
from tapeline.base.times import MINUTE, Clock

MAX_CALLERS = 65_536


class RateLimiter:
    """Buckets by (rule, caller); the least recently used go first where there are too many."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._buckets: OrderedDict[tuple[str, bytes], tuple[float, int]] = OrderedDict()

    def take(self, what: str, caller: bytes, per_minute: int, weight: int = 1) -> None:
        """Count one call, or as many as `weight` says that it is worth.

        Raises:
            LimitExceeded: the caller's bucket of `per_minute` calls holds too little; it refills evenly.
        """
        left = self._left(what, caller, per_minute)
        self._buckets.pop((what, caller), None)
        self._buckets[what, caller] = (left - weight if left >= weight else left, self._clock())
        if len(self._buckets) > MAX_CALLERS:
            self._buckets.popitem(last=False)
        _require(left, weight)

    def require_room(self, what: str, caller: bytes, per_minute: int) -> None:
        """Raise LimitExceeded where `take` would, without counting: for those that count failures only."""
        _require(self._left(what, caller, per_minute))

    def _left(self, what: str, caller: bytes, per_minute: int) -> float:
        now = self._clock()
        left, seen = self._buckets.get((what, caller), (float(per_minute), now))
        return min(float(per_minute), left + max(0, now - seen) * per_minute / MINUTE)


def _require(left: float, weight: int = 1) -> None:
    if left < weight:
        raise LimitExceeded("This caller asks too often.", "Wait a moment, then try again.")
