"""Holding what texts say of `tapeline` commands against the real command line."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import typer

from tapeline.cli.groups import GROUPS
from tapeline.cli.main import build

USAGE_ERROR = typer.BadParameter.__mro__[1]
_MENTION = re.compile(r"\btapeline((?: [a-z][a-z-]*)*)((?: --?[a-z][a-z-]*| [A-Z][A-Z0-9_:-]*)*)")
_OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]*")


def parse(words: list[str], *, whole: bool) -> None:
    """Parse as the command would, without running it; `whole` demands the required options too."""
    command = typer.main.get_command(build(words[1:]))
    context = command.make_context("tapeline", words[1:], resilient_parsing=True)
    rest = words[1:]
    while hasattr(command, "get_command"):
        assert rest, f"{' '.join(words)} stops at a group"
        inner = command.get_command(context, rest[0])
        assert inner is not None, f"{' '.join(words)}: there is no {rest[0]}"
        command, rest = inner, rest[1:]
        if not hasattr(command, "get_command"):
            _parse_options(command, rest, context, whole=whole)


def _parse_options(command: Any, words: list[str], context: Any, *, whole: bool) -> None:
    try:
        command.make_context(command.name, list(words), parent=context)
    except USAGE_ERROR as error:  # unknown options are refused before missing ones
        if whole or type(error).__name__ != "MissingParameter":
            raise


def wrong_mentions(text: str) -> Iterator[str]:
    """Yield what a sentence says of `tapeline` that is not so: a command or an option that does not exist."""
    for match in _MENTION.finditer(text):
        words = match[1].split()
        if not words or text[match.end(1) : match.end(1) + 1] in {"(", "{"}:
            continue  # the product, not its command
        if words[0] not in {group.name for group in GROUPS}:
            if text[match.start() - 1 : match.start()] == "`" or match[2]:
                yield f"there is no group {words[0]}"
            continue
        command, left = find_command(words)
        if command is None:
            yield f"tapeline {' '.join(words)}: {left}"
            continue
        known = options_of(command)
        yield from (f"{match[0]}: no option {name}" for name in _OPTION.findall(match[2]) if name not in known)
    everywhere = every_option()
    yield from (f"no command has {name}" for name in _OPTION.findall(text) if name not in everywhere)


def find_command(words: list[str]) -> tuple[Any, str]:
    """Return the command that the words begin with, or None and why there is none."""
    command = _root(words[0])
    context = command.make_context("tapeline", words, resilient_parsing=True)
    for word in words:
        inner = command.get_command(context, word)
        if inner is None:
            return None, f"there is no {word}"
        command = inner
        if not hasattr(command, "get_command"):
            return command, ""
    return None, "it stops at a group"


def options_of(command: Any) -> set[str]:
    """Return the names of a command's options."""
    return {name for parameter in command.params for name in getattr(parameter, "opts", ())}


@lru_cache
def every_option() -> frozenset[str]:
    """Return the names of all options of all commands."""
    found = {"--help", "--debug", "--version"}
    for _, command in every_command():
        found |= options_of(command)
    return frozenset(found)


@lru_cache
def every_command() -> tuple[tuple[str, Any], ...]:
    """Return all commands with their names, such as "officer roster build"."""
    found: list[tuple[str, Any]] = []
    for group in GROUPS:
        command = _root(group.name).get_command(None, group.name)  # type: ignore[arg-type]
        _collect(group.name, command, found)
    return tuple(found)


def _collect(name: str, command: Any, found: list[tuple[str, Any]]) -> None:
    if not hasattr(command, "get_command"):
        found.append((name, command))
        return
    for inner in command.list_commands(None):
        _collect(f"{name} {inner}", command.get_command(None, inner), found)


@lru_cache
def _root(group: str) -> Any:
    return typer.main.get_command(build([group]))
