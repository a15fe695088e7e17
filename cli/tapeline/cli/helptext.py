"""Help as people read it: paragraphs flow to the terminal's width, whatever the lines of the source, and a switch shows
no type.
"""

from __future__ import annotations

import inspect
import re
from typing import Any

import typer
from typer.core import TyperCommand, TyperOption
from typer.models import CommandInfo


class PlainSwitches(TyperCommand):
    """A command whose help shows `--json`, not `--json <bool>`: a switch takes no value."""

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        for option in self.params:
            if isinstance(option, TyperOption) and option.is_bool_flag and option.metavar is None:
                option.metavar = ""


def let_flow(app: typer.Typer) -> None:
    """Join the lines of each paragraph of the help of all commands below `app`, and let switches be plain."""
    for command in app.registered_commands:
        _let_flow(command)
        if command.cls in {None, TyperCommand}:
            command.cls = PlainSwitches
    for group in app.registered_groups:
        if group.typer_instance is not None:
            let_flow(group.typer_instance)


def _let_flow(command: CommandInfo) -> None:
    text = command.help or (inspect.getdoc(command.callback) if command.callback is not None else None)
    if text:
        paragraphs = re.split(r"\n\s*\n", text.strip())
        command.help = "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)
