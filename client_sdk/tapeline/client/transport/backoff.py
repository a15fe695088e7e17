"""Waiting times between attempts: exponential with full jitter, so that many clients do not return at once."""

from __future__ import annotations

from tapeline.base.times import Rng

FIRST_SECONDS = 0.05
LAST_SECONDS = 15.0


class Backoff:
    """Counts failures in a row; the jitter's randomness is given."""

    def __init__(self, rng: Rng, first: float = FIRST_SECONDS, last: float = LAST_SECONDS) -> None:
        self._rng = rng
        self._first = first
        self._last = last
        self._failures = 0

    def next_delay(self) -> float:
        """Return the seconds to wait after one more failure, uniform below the doubled bound but never nothing."""
        bound = min(self._last, self._first * float(1 << self._failures))
        self._failures = min(self._failures + 1, 32)
        share = int.from_bytes(self._rng(4), "little") / 2**32
        return bound * (0.25 + 0.75 * share)

    def reset(self) -> None:
        """Forget the failures after a success."""
        self._failures = 0
