"""Questions that a command asks before it does what cannot be undone."""

from __future__ import annotations

import sys
from typing import Annotated, TypeAlias

import typer

from tapeline.base.errors import StateError

SureOption: TypeAlias = Annotated[bool, typer.Option("--yes", help="Say yes to what is shown, without being asked.")]


def require_yes(question: str, *, yes: bool) -> None:
    """Go on only where the person says yes; no is the answer of an empty line.

    Raises:
        StateError: nobody is there to be asked, or the answer was no.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        raise StateError("Nobody is at the terminal to say yes.", "Read what is shown, then give --yes.")
    if not typer.confirm(question, default=False, err=True):
        raise StateError("The answer was no; nothing was done.", "Run the command again to be asked again.")
