"""The one seam through which time and randomness enter a process."""

from __future__ import annotations

import secrets
import time


def system_clock() -> int:
    """Return unix milliseconds from the system clock."""
    return time.time_ns() // 1_000_000


def system_rng(count: int) -> bytes:
    """Return `count` bytes from the operating system's generator."""
    return secrets.token_bytes(count)
