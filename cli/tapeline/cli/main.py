"""The `tapeline` command: mounts the group that is asked for, and only that one, so that each starts quickly."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence
from importlib.metadata import version
from typing import Annotated

import typer

from tapeline.cli.common import command_errors, report, set_debugging, stdout
from tapeline.cli.failure import Failure, Status
from tapeline.cli.groups import GROUPS, Group
from tapeline.cli.helptext import PlainSwitches, let_flow

_HELP = """Tapeline: end-to-end encrypted messages that a firm can keep, prove complete and, under a warrant, open.

Start with `tapeline demo`, the whole story on this machine in about a minute. Every command explains itself with
--help; most take --json. Examples: `tapeline key new --out mine.key` makes your key file; `tapeline audit verify COPY`
verifies a copy of both logs and the archive, offline.

Exit status: 0 done, 1 refused or findings, 2 wrong usage, 3 a service not reached, 4 a fault of this software.
"""


def run() -> None:
    """Run the command line of this process; the entry point of the installed `tapeline`."""
    # gRPC's own library writes raw lines to standard error; what they say, we say in our words (read when it loads).
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    with command_errors(as_json="--json" in sys.argv):
        build(sys.argv[1:])()


def build(arguments: Sequence[str]) -> typer.Typer:
    """Return the application with the group that `arguments` name mounted, and all others as lines of help."""
    root = typer.Typer(
        name="tapeline",
        help=_HELP,
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
    )
    root.callback()(_root)
    asked = next((word for word in arguments if not word.startswith("-")), None)
    for group in GROUPS:
        _mount(root, group, loaded=group.name == asked)
    return root


def _show_version(wanted: bool) -> None:
    if wanted:
        stdout().print(f"tapeline {version('tapeline')}")
        raise typer.Exit


def _root(
    *,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks (never the values in them).")] = False,
    _version: Annotated[
        bool, typer.Option("--version", help="Show the version and exit.", is_eager=True, callback=_show_version)
    ] = False,
) -> None:
    if debug:
        set_debugging()


def _mount(root: typer.Typer, group: Group, *, loaded: bool) -> None:
    app = _load(group, root) if loaded else typer.Typer()
    if app is None:
        return
    single = len(app.registered_commands) == 1 and not app.registered_groups and app.registered_callback is None
    command = app.registered_commands[0] if single else None
    if command is not None and command.callback is not None and command.name in {None, group.name}:
        root.command(group.name, cls=PlainSwitches, help=command.help, rich_help_panel=group.panel)(command.callback)
        return
    root.add_typer(app, name=group.name, help=group.help, rich_help_panel=group.panel)


def _load(group: Group, root: typer.Typer) -> typer.Typer | None:
    try:
        app = importlib.import_module(f"tapeline.cli.{group.name}").app
    except ModuleNotFoundError as error:
        _explain(group, root, error.name or "")
        return None
    if not isinstance(app, typer.Typer):
        raise TypeError(f"tapeline.cli.{group.name} exposes no typer application")
    let_flow(app)
    return app


def _explain(group: Group, root: typer.Typer, missing: str) -> None:
    """Mount a command that, whatever it is asked, says which extra to install."""
    extra = f"tapeline[{group.extra}]" if group.extra else "tapeline"
    failure = Failure(
        Status.USAGE,
        "NotInstalled",
        f"`tapeline {group.name}` needs the module {missing}, which is not installed.",
        f"Install it with: pip install '{extra}'",
    )

    @root.command(
        group.name,
        help=group.help,
        rich_help_panel=group.panel,
        context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []},
    )
    def explain(_words: Annotated[list[str] | None, typer.Argument(hidden=True)] = None) -> None:
        report(failure, as_json="--json" in sys.argv)
        raise SystemExit(failure.status)
