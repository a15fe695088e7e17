"""What the custodian's commands share: options, the person's screen, progress."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, TypeAlias

import typer
from rich.text import Text

from tapeline.base.text import printable
from tapeline.cli.common import stderr
from tapeline.custodian.ceremony.run import CeremonyProgress
from tapeline.custodian.consent import consent_table
from tapeline.custodian.release import AskPerson
from tapeline.governance.gate_input import GateSummary

STORE_PURPOSE = "custodian-store"
DataOption: TypeAlias = Annotated[Path, typer.Option("--data", help="Folder of this agent's sealed store.")]
PolicyOption: TypeAlias = Annotated[Path | None, typer.Option("--policy", help="This agent's own policy file (TOML).")]
YesOption: TypeAlias = Annotated[bool, typer.Option("--yes", help="Say yes to what is shown, without being asked.")]


def asker(*, yes: bool) -> AskPerson:
    """Return a question to the person at the terminal; `yes` was their answer on the command line."""

    def ask(summary: GateSummary) -> bool:
        stderr().print(consent_table(summary))
        return yes or typer.confirm("Release these sessions?", default=False, err=True)

    return ask


def show_absence(is_away: bool) -> None:
    """Say that the escrow service went away, and that it is back."""
    text = "The escrow service does not answer; this agent waits for it." if is_away else "The escrow service is back."
    stderr().print(Text(text), soft_wrap=True)


def show_progress(progress: CeremonyProgress) -> None:
    """Print where a ceremony stands."""
    waiting = ", ".join(printable(name) for name in progress.waiting_for)
    state = "complete" if progress.done else f"waiting for {waiting or 'the board'}"
    stderr().print(Text(f"{progress.round}: {state}"))
