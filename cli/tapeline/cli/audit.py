"""`tapeline audit`: copy both logs and the archive, then verify the copy offline, with no secret at all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from tapeline.audit.auditor import audit
from tapeline.audit.finding import Progress as Advance
from tapeline.cli.auditroster import ground_of
from tapeline.cli.auditshow import show_report
from tapeline.cli.common import (
    JsonOption,
    PassphraseFd,
    PassphraseFile,
    command_errors,
    print_result,
    read_passphrase,
    stderr,
)
from tapeline.cli.copyfolder import LOGS, FolderLog, count_forks, open_copy, write_fork
from tapeline.cli.expiring import say_what_ends
from tapeline.cli.failure import Status

app = typer.Typer(
    help="""Copy both logs and the archive, and verify the copy offline with no secret.

    `copy` needs an auditor's key, since entries say who talked with whom; `verify` needs nothing but the folder, and
    every line that it prints can be checked by anybody else.""",
    no_args_is_help=True,
)


@app.command()
@command_errors
def verify(
    copy: Annotated[Path, typer.Argument(metavar="COPY", help="Folder that `tapeline audit copy` made.")],
    roster: Annotated[
        Path | None, typer.Option(help="Version 1 of the roster, which you trust; the copy must be of it.", exists=True)
    ] = None,
    trust_copy: Annotated[
        bool, typer.Option("--trust-copy", help="Without --roster: you compared the words that the copy shows.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Verify a copy: consistency, cosignatures, every proof and receipt, every release, completeness.

    Example: `tapeline audit verify copy-of-march --roster roster.json`. Exit status 1 where anything is wrong, each
    thing named, and where nobody vouches for the roster that the copy names.
    """
    opened = open_copy(copy)
    ground = ground_of(opened, roster, trust_copy=trust_copy)
    with _bars(shown=not as_json) as advance:
        report = audit(opened, advance)
    ending = say_what_ends(report.ends, as_json=as_json)
    if as_json:
        print_result({**report.as_dict(), **ground.as_dict(), "ending": ending}, as_json=True)
    else:
        show_report(report, ground)
    if not (report.complete and ground.trusted):
        raise typer.Exit(Status.REFUSED)


@app.command("copy")
@command_errors
def fetch(
    out: Annotated[Path, typer.Argument(metavar="COPY", help="Folder to copy into; an earlier copy is taken up.")],
    roster: Annotated[Path, typer.Option(help="Version 1 of the roster, which you trust.", exists=True)],
    key: Annotated[Path, typer.Option(help="Your key file; the roster lists you as auditor.", exists=True)],
    relay: Annotated[str, typer.Option(metavar="HOST:PORT", help="The relay's gRPC address.")],
    relay_url: Annotated[str, typer.Option(metavar="URL", help="Where the archive log's tiles are.")],
    escrow: Annotated[str, typer.Option(metavar="HOST:PORT", help="The escrow service's gRPC address.")],
    escrow_url: Annotated[str, typer.Option(metavar="URL", help="Where the audit log's tiles are.")],
    passphrase_fd: PassphraseFd = None,
    passphrase_file: PassphraseFile = None,
    as_json: JsonOption = False,
) -> None:
    """Copy both logs with every object and statement into a folder; an earlier copy grows, and nothing in it changes.

    Example: `tapeline audit copy copy-of-march --roster roster.json --key auditor.key --relay 127.0.0.1:7001
    --relay-url http://127.0.0.1:7002 --escrow 127.0.0.1:7003 --escrow-url http://127.0.0.1:7004`
    """
    from tapeline.cli.copying import begin_copy, copy_log
    from tapeline.cli.sources import Sources

    passphrase = read_passphrase(passphrase_fd, passphrase_file, prompt="Passphrase of your key file")
    sources = Sources.connect(roster, key, passphrase, relay=relay, escrow=escrow)
    is_update = begin_copy(out, sources.pins)
    before = {name: FolderLog(out / name).size() for name in LOGS}
    if is_update:
        stderr().print("The folder holds a copy of this deployment: it is updated; nothing in it is overwritten.")
    with _bars(shown=not as_json) as advance:
        # The audit log first: whatever it holds by then, the archive has the mirrored statements of soon after.
        audit_size = copy_log("audit", escrow_url, sources.audit, FolderLog(out / "audit"), advance)
        sources.wait_for_mirror(audit_size)
        archive_size = copy_log("archive", relay_url, sources.archive, FolderLog(out / "archive"), advance)
    kept = count_forks(out)
    for number, fork in enumerate(sources.forks(kept), kept + 1):
        write_fork(out, number, fork)
    result = {
        "copy": str(out),
        "archive_leaves_before": before["archive"],
        "archive_leaves": archive_size,
        "audit_leaves_before": before["audit"],
        "audit_leaves": audit_size,
    }
    print_result(result, as_json=as_json)


@app.command()
@command_errors
def complain(
    complaint: Annotated[Path, typer.Argument(metavar="FILE", help="What an employee gave you.", exists=True)],
    roster: Annotated[Path, typer.Option(help="Version 1 of the roster, which you trust.", exists=True)],
    key: Annotated[Path, typer.Option(help="Your key file; the roster lists you.", exists=True)],
    escrow: Annotated[str, typer.Option(metavar="HOST:PORT", help="The escrow service's gRPC address.")],
    passphrase_fd: PassphraseFd = None,
    passphrase_file: PassphraseFile = None,
    as_json: JsonOption = False,
) -> None:
    """Hand in a complaint that the relay kept back, so that the audit log holds it.

    The employee writes it with `tapeline chat complaints --out FOLDER`. Example: `tapeline audit complain
    rec-23.complaint --roster roster.json --key auditor.key --escrow 127.0.0.1:7003`
    """
    from tapeline.cli.sources import hand_in

    passphrase = read_passphrase(passphrase_fd, passphrase_file, prompt="Passphrase of your key file")
    index = hand_in(complaint, roster, key, passphrase, escrow)
    print_result({"audit_leaf": index}, as_json=as_json, human=f"Logged as audit leaf {index}.")


@contextmanager
def _bars(*, shown: bool) -> Iterator[Advance]:
    """Yield a callback that draws a bar for each stage on standard error."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=stderr(), disable=not shown) as progress:
        tasks: dict[str, TaskID] = {}

        def advance(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = progress.add_task(stage, total=total)
            if done == total or done % 16 == 0:
                progress.update(tasks[stage], completed=done, total=total)

        yield advance
