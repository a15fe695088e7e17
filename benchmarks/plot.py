"""Draw the figures: times of records by size, and rates beside the machine's floor."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot as plt
from matplotlib.axes import Axes

from benchmarks.harness import Figure
from benchmarks.records import DEVICES


def draw(figures: Sequence[Figure], target: Path) -> None:
    """Write one picture of all figures to `target`."""
    by_name = {figure.name: figure for figure in figures}
    canvas, (left, right) = plt.subplots(1, 2, figsize=(12, 4.5), layout="constrained")
    _records(left, by_name)
    _rates(right, [figure for figure in figures if figure.unit == "1/s"])
    canvas.savefig(target, dpi=120)
    plt.close(canvas)


def _records(axes: Axes, by_name: dict[str, Figure]) -> None:
    for step in ("create", "verify", "verify as recipient", "open"):
        found = [(size, by_name.get(f"record of {size} devices: {step}")) for size in DEVICES]
        points = [(size, one.median) for size, one in found if one is not None]
        if points:
            axes.loglog(*zip(*points, strict=True), marker="o", label=step)
    axes.set_title("Session record")
    axes.set_xlabel("receiving devices")
    axes.set_ylabel("milliseconds")
    axes.grid(visible=True, alpha=0.3)
    if axes.lines:
        axes.legend()


def _rates(axes: Axes, rates: Sequence[Figure]) -> None:
    axes.barh([one.name for one in rates], [one.median for one in rates])
    for place, one in enumerate(rates):
        axes.text(one.median, place, f" {one.median:,.0f}", va="center")
    axes.set_xscale("log")
    axes.set_title("Rates, per second")
    axes.margins(x=0.2)
