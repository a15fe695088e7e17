"""What a device may ask of the writer: a bucket of bytes that refills evenly, over all of the device's streams."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

MAX_DEVICES = 65_536


@dataclass(frozen=True, slots=True)
class AllowanceLimits:
    """Settings.

    Attributes:
        bytes_a_second: what refills.
        burst_bytes: what a device may use at once after a pause.
        item_bytes: what an item costs beside its own bytes: its place in a batch, its rows, its acknowledgement.
        refused_times: how many times its cost a refused item is charged; whoever sends junk is soon slow, and whoever
            has a session end beneath a few hundred messages does not notice.
    """

    bytes_a_second: int = 1024 * 1024
    burst_bytes: int = 16 * 1024 * 1024
    item_bytes: int = 2048
    refused_times: int = 8


class Allowances:
    """One bucket for each device that was active lately; one that is full again is as good as none.

    Args:
        limits: see there.
        now_s: a clock that never goes back.
    """

    def __init__(self, limits: AllowanceLimits, now_s: Callable[[], float]) -> None:
        self._limits, self._now_s = limits, now_s
        self._buckets: OrderedDict[bytes, tuple[float, float]] = OrderedDict()

    def take(self, device: bytes, size: int) -> float:
        """Charge an item and return how many seconds it must wait: none while the bucket holds something."""
        return max(0.0, -self._charge(device, self._cost(size)) / self._limits.bytes_a_second)

    def refused(self, device: bytes, size: int) -> None:
        """Charge an item that was refused for what it cost in vain."""
        self._charge(device, self._cost(size) * (self._limits.refused_times - 1))

    def _cost(self, size: int) -> int:
        return size + self._limits.item_bytes

    def _charge(self, device: bytes, cost: int) -> float:
        """Return what is left, below zero where the device is in debt."""
        now, full = self._now_s(), float(self._limits.burst_bytes)
        left, seen = self._buckets.pop(device, (full, now))
        left = min(full, left + (now - seen) * self._limits.bytes_a_second)
        # Nobody's debt grows beyond a burst, so that a device that stops is welcome again soon.
        left = max(left - cost, -full)
        self._buckets[device] = (left, now)
        if len(self._buckets) > MAX_DEVICES:
            self._buckets.popitem(last=False)
        return left
