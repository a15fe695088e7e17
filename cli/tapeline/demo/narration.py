"""How the demo tells its story: titles, sentences and progress bars; every text from others made printable."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.rule import Rule
from rich.text import Text

from tapeline.base.text import printable

Advance = Callable[[int], None]
"""Called with how much is done by now."""


class Narrator:
    """Writes to standard output, or to standard error where a program reads the output."""

    def __init__(self, *, for_program: bool) -> None:
        stream = sys.stderr if for_program else sys.stdout
        self._console = Console(file=stream, markup=False, highlight=False, emoji=False)
        self.seconds: dict[str, float] = {}

    @contextmanager
    def step(self, name: str, title: str) -> Iterator[None]:
        """Narrate one step of the story and measure how long it takes."""
        self._console.print(Rule(Text(title, style="bold"), align="left"))
        started = time.monotonic()
        try:
            yield
        finally:
            self.seconds[name] = round(time.monotonic() - started, 1)
        self._console.print(Text(f"  ({self.seconds[name]} s)", style="dim"))

    def say(self, text: str) -> None:
        """Say one sentence."""
        self._console.print(Text(f"  {printable(text)}"), soft_wrap=not self._console.is_terminal)

    def good(self, text: str) -> None:
        """Say that something is as it should be."""
        self._marked("✓", "green", text)

    def bad(self, text: str) -> None:
        """Say that something is not as it should be."""
        self._marked("✗", "red", text)

    def close(self, text: str) -> None:
        """Say the last sentence."""
        self._console.print(Rule(align="left"))
        self.say(text)

    @contextmanager
    def bar(self, what: str, total: int) -> Iterator[Advance]:
        """Show a progress bar; only its end where the output is no terminal."""
        columns = (TextColumn("  {task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        with Progress(*columns, console=self._console) as progress:
            task = progress.add_task(what, total=total)
            yield lambda done: progress.update(task, completed=done)

    def _marked(self, mark: str, style: str, text: str) -> None:
        line = Text("  ").append(mark, style=style).append(f" {printable(text)}")
        self._console.print(line, soft_wrap=not self._console.is_terminal)
