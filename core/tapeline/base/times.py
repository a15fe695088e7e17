"""Time units: the protocol counts unix milliseconds; C2SP cosignatures count unix seconds."""

from __future__ import annotations

from collections.abc import Callable

Clock = Callable[[], int]
Rng = Callable[[int], bytes]

SECOND = 1_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
