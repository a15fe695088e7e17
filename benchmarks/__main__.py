"""`make bench`: measure all, print a table, write JSON and a plot to benchmarks/results/.

`python -m benchmarks floor messages` measures only what is named. The floor and the relay are measured in the same run,
since the same machine is up to twice as slow at other times.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

RESULTS = Path(__file__).resolve().parent / "results"
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "support"))

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from benchmarks import auditing, floor, messages, plot, records, threshold
from benchmarks.harness import Figure, figure, loop_ms

PARTS = {
    "records": records.measure,
    "threshold": threshold.measure,
    "auditing": auditing.measure,
    "floor": floor.measure,
    "messages": messages.measure,
}


def main(wanted: list[str]) -> int:
    """Measure the wanted parts, or all; return the exit status."""
    unknown = [name for name in wanted if name not in PARTS]
    if unknown:
        print(f"No such part: {', '.join(unknown)}. There are: {', '.join(PARTS)}.")
        return 2
    figures, loops = _measure(wanted or list(PARTS))
    RESULTS.mkdir(parents=True, exist_ok=True)
    stamp = time.strftime("%Y-%m-%dT%H%M%SZ", time.gmtime())
    document = {"made": stamp, "loop_ms": loops, "figures": {one.name: one.as_json() for one in figures}}
    (RESULTS / f"{stamp}.json").write_text(json.dumps(document, indent=2) + "\n")
    plot.draw(figures, RESULTS / f"{stamp}.png")
    _print(figures)
    print(f"Written: benchmarks/results/{stamp}.json and .png.")
    print(f"The fixed loop took {min(loops):.1f} to {max(loops):.1f} ms.")
    return 0


def _measure(names: list[str]) -> tuple[list[Figure], list[float]]:
    figures, loops = [], [loop_ms()]
    with Progress(transient=True) as progress:
        task = progress.add_task("measuring", total=len(names))
        for name in names:
            progress.update(task, description=f"measuring {name}")
            figures += PARTS[name]()
            loops.append(loop_ms())
            progress.advance(task)
    return figures + _ratios({one.name: one for one in figures}), loops


def _ratios(by_name: dict[str, Figure]) -> list[Figure]:
    """Return the relay's rate as a share of the floor of one core, where both were measured in this run."""
    relay, bottom = by_name.get("messages end to end, 20 to 20"), by_name.get("floor: messages on one core")
    if relay is None or bottom is None:
        return []
    return [figure("messages end to end / floor", "ratio", [relay.median / bottom.median])]


def _print(figures: list[Figure]) -> None:
    table = Table("figure", "median", "lowest", "highest", "unit", "repeats")
    for one in figures:
        table.add_row(one.name, _short(one.median), _short(one.low), _short(one.high), one.unit, str(one.repeats))
    Console().print(table)


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
