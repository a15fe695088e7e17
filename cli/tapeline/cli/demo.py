"""`tapeline demo`: the whole story with real processes on this machine."""

from __future__ import annotations

import json
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from tapeline.cli.common import JsonOption, command_errors
from tapeline.cli.failure import Status
from tapeline.demo.story import tell

# The servers run as processes of their own: what they need is looked for here, before the story begins.
for _needed in ("grpc_health", "sqlalchemy", "starlette", "uvicorn"):
    if find_spec(_needed) is None:
        raise ModuleNotFoundError(name=_needed)

app = typer.Typer()


@app.command()
@command_errors
async def demo(
    transcript: Annotated[
        list[Path] | None,
        typer.Option(
            "--transcript", metavar="FILE", help="Replay a real chat log; may be given several times.", exists=True
        ),
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option("--data", metavar="DIR", help="Keep the data here; a new folder, or an earlier demo's."),
    ] = None,
    keep: Annotated[bool, typer.Option("--keep", help="Keep the data in the temporary folder.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Run the whole story with real processes on loopback: founding, chat, frauds, search, review, audit.

    Without --transcript a small conversation is played. Nothing is left running afterwards, also on Ctrl-C; the data
    are removed after a good run unless --data or --keep is given. With --json the story is told on standard error, and
    the last line of standard output is one object with its figures. Exit status 0 only if all is as it should be.
    """
    outcome = await tell(transcript or [], data, keep=keep, for_program=as_json)
    if as_json:
        sys.stdout.write(json.dumps(outcome.as_dict()) + "\n")
        sys.stdout.flush()
    if outcome.faults():
        raise typer.Exit(Status.REFUSED)
