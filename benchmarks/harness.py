"""How every figure is made: warm up once, repeat, keep minimum, median and maximum."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any


@dataclass(frozen=True)
class Figure:
    """One measured figure over its repeats."""

    name: str
    unit: str
    low: float
    median: float
    high: float
    repeats: int

    def as_json(self) -> dict[str, Any]:
        """Return the figure as JSON holds it."""
        return {"unit": self.unit, "low": self.low, "median": self.median, "high": self.high, "repeats": self.repeats}


def figure(name: str, unit: str, values: Sequence[float]) -> Figure:
    """Summarise repeated measurements."""
    return Figure(name, unit, min(values), median(values), max(values), len(values))


def milliseconds(name: str, work: Callable[[], object], *, seconds: float = 1.0, at_least: int = 3) -> Figure:
    """Time one call, repeated for about `seconds` and at least `at_least` times after one warm-up."""
    work()
    values: list[float] = []
    until = time.perf_counter() + seconds
    while len(values) < at_least or time.perf_counter() < until:
        begun = time.perf_counter()
        work()
        values.append((time.perf_counter() - begun) * 1e3)
    return figure(name, "ms", values)


def percentile(values: Sequence[float], share: int) -> float:
    """Return the nearest-rank percentile of non-empty values."""
    ranked = sorted(values)
    return ranked[min(len(ranked) - 1, max(0, -(-len(ranked) * share // 100) - 1))]


def loop_ms() -> float:
    """Return the time of a fixed Python loop: says how fast this machine is at this moment."""
    begun = time.perf_counter()
    total = 0
    for number in range(200_000):
        total += number & 7
    return (time.perf_counter() - begun) * 1e3
