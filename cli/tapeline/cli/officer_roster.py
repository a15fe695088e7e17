"""`tapeline officer roster`: from a plan that people can read to the roster that officers sign."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tapeline.base.seam import system_clock, system_rng
from tapeline.cli.common import JsonOption, command_errors, print_result
from tapeline.cli.files import require_free, write_new
from tapeline.cli.officer_show import as_result, read_roster, screen
from tapeline.governance.roster import DEPLOYMENT_BYTES
from tapeline.officer.describe import describe
from tapeline.officer.plan import read_plan, require_no_gap, roster_from_plan
from tapeline.officer.plan_example import EXAMPLE

app = typer.Typer(help="Build rosters from a plan.", no_args_is_help=True)

OutOption = Annotated[Path, typer.Option("--out", help="File to write; never overwritten.")]
PreviousOption = Annotated[Path | None, typer.Option("--previous", help="The signed roster before, if any.")]


@app.command("build")
@command_errors
def build(
    plan: Annotated[
        Path, typer.Option("--plan", help="TOML plan; `tapeline officer roster example` prints one with every key.")
    ],
    out: OutOption,
    previous: PreviousOption = None,
    replace_witnesses: Annotated[
        bool,
        typer.Option(
            "--replace-witnesses",
            help="Leave out witnesses that the quorum in force needs; they run on until the change counts.",
        ),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Build an unsigned roster from a plan and the public parts that it names.

    With --previous it is the next version of the same deployment; without, a new deployment is founded.

    Example: tapeline officer roster build --plan founding.toml --out roster.json
    """
    require_free(out)
    read, now_ms, before = read_plan(plan), system_clock(), read_roster(previous, "--previous")
    roster = roster_from_plan(
        read,
        deployment=system_rng(DEPLOYMENT_BYTES) if before is None else before.deployment,
        version=1 if before is None else before.version + 1,
        previous=b"" if before is None else before.statement_hash,
        now_ms=now_ms,
    )
    if before is not None and not replace_witnesses:
        require_no_gap(before, roster, now_ms)
    envelope = roster.sign([])
    told = describe(envelope, now_ms, before=before)
    write_new(out, envelope)
    result = {"roster": roster.statement_hash.hex(), "version": roster.version, **as_result(told)}
    print_result(result, as_json=as_json, human=screen(told))


@app.command("show")
@command_errors
def show(
    file: Annotated[Path, typer.Argument(help="Roster file.")],
    previous: PreviousOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print all that a roster says, which of its officers signed it, and what changes; as `officer show` does.

    Example: tapeline officer roster show roster.json
    """
    roster = read_roster(file, "the file")
    assert roster is not None  # a file was given
    told = describe(file.read_bytes().strip(), system_clock(), before=read_roster(previous, "--previous"))
    more = {
        "roster": roster.statement_hash.hex(),
        "organisation": roster.organisation,
        "version": roster.version,
        "needs": roster.thresholds.officers,
    }
    print_result({**more, **as_result(told)}, as_json=as_json, human=screen(told))


@app.command("example")
@command_errors
def example(as_json: JsonOption = False) -> None:
    """Print a whole plan with every key, to be changed.

    Example: tapeline officer roster example > founding.toml
    """
    print_result({"plan": EXAMPLE}, as_json=as_json, human=EXAMPLE.rstrip("\n"))
