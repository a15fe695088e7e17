"""Time units: the protocol counts unix milliseconds; C2SP cosignatures count unix seconds."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], int]
Rng = Callable[[int], bytes]

SECOND = 1_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR


def time_text(time_ms: int) -> str:
    """Return a time for people, UTC; one that no calendar holds, which others may have written, as a number."""
    try:
        return datetime.fromtimestamp(time_ms / SECOND, UTC).strftime("%Y-%m-%d %H:%M:%S")
    except (OverflowError, ValueError, OSError):
        return f"{time_ms} ms"


def duration_text(duration_ms: int) -> str:
    """Return a length of time for people: whole units only, such as "3 days" or "1 hour 30 minutes"."""
    left, parts = duration_ms, []
    for unit, name in ((DAY, "day"), (HOUR, "hour"), (MINUTE, "minute"), (SECOND, "second"), (1, "millisecond")):
        count, left = divmod(left, unit)
        if count:
            parts.append(f"{count} {name}" if count == 1 else f"{count} {name}s")
    return " ".join(parts) or "none"
