"""Conventions of every `tapeline` command: --json, one readable paragraph for an error, exit statuses.

    @app.command()
    @command_errors
    def show(as_json: JsonOption = False, passphrase_fd: PassphraseFd = None, ...) -> None: ...

`command_errors` also runs coroutines: a command may be `async def`. Passphrases: see `tapeline.cli.passphrase`.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
import json
import os
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from contextvars import ContextVar
from typing import Annotated, Any, ParamSpec, TypeAlias, TypeVar, cast, overload

import typer
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from tapeline.base.text import printable
from tapeline.cli.failure import Failure, failure_of
from tapeline.cli.passphrase import (
    PassphraseFd,
    PassphraseFile,
    passphrase_option,
    read_passphrase,
)

__all__ = [
    "JsonOption",
    "PassphraseFd",
    "PassphraseFile",
    "command_errors",
    "debugging",
    "json_option",
    "passphrase_option",
    "print_result",
    "read_passphrase",
    "stderr",
    "stdout",
    "until_the_command_ends",
]

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")

JsonOption: TypeAlias = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")]
json_option = JsonOption
DEBUG_VARIABLE = "TAPELINE_DEBUG"
_ENDINGS: ContextVar[ExitStack] = ContextVar("tapeline_command_endings")


def debugging() -> bool:
    """Tell whether --debug (or TAPELINE_DEBUG=1) asked for tracebacks."""
    return os.environ.get(DEBUG_VARIABLE, "") not in {"", "0"}


def set_debugging() -> None:
    """Turn tracebacks on, in this process and those it starts."""
    os.environ[DEBUG_VARIABLE] = "1"


def stdout() -> Console:
    """Return a console for results; made anew, so that redirected streams are honoured."""
    return Console(file=sys.stdout, markup=False, highlight=False, emoji=False)


def stderr() -> Console:
    """Return a console for errors and progress."""
    return Console(file=sys.stderr, markup=False, highlight=False, emoji=False)


def print_result(
    result: Mapping[str, Any], *, as_json: bool = False, human: str | RenderableType | None = None
) -> None:
    """Print a command's result: one JSON line, or `human`, or else the fields one below the other.

    A `str` given as `human` may hold text from others: control characters are shown as codes, newlines stay.
    """
    if as_json:
        sys.stdout.write(json.dumps(result, ensure_ascii=True, default=_plain) + "\n")
        sys.stdout.flush()
        return
    shown: RenderableType = human if human is not None else _fields(result)
    if isinstance(shown, str):
        shown = Text(printable(shown, limit=1 << 20, newlines=True))
    stdout().print(shown, soft_wrap=not isinstance(human, Table | Group) or not sys.stdout.isatty())


def _fields(result: Mapping[str, Any]) -> Text:
    """Return a line for each field; nothing folds long values, so that ids and codes can be copied whole."""
    width = max((len(name) for name in result), default=0)
    lines = [f"{name.replace('_', ' '):<{width}}  {_shown(value)}" for name, value in result.items()]
    return Text("\n".join(lines))


def _shown(value: object) -> str:
    """Return a value as people read it: several ones below the other, each on an indented line."""
    if isinstance(value, Mapping):
        return "".join(f"\n  {printable(str(name))}  {_shown(one)}" for name, one in value.items())
    if isinstance(value, list | tuple):
        if any(isinstance(one, Mapping) for one in value):
            return "".join(f"\n  {_row(one)}" for one in value)
        return ", ".join(_shown(one) for one in value) or "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "-" if value is None else printable(value if isinstance(value, str) else _plain(value), limit=1 << 20)


def _row(value: object) -> str:
    if not isinstance(value, Mapping):
        return _shown(value)
    return "; ".join(f"{str(name).replace('_', ' ')}: {_shown(one)}" for name, one in value.items() if one)


def _plain(value: object) -> str:
    return bytes(value).hex() if isinstance(value, (bytes, bytearray)) else str(value)


@overload
def command_errors(function: Callable[P, R], /) -> Callable[P, R]: ...
@overload
def command_errors(*, as_json: bool = ...) -> Any: ...


def command_errors(function: Callable[..., Any] | None = None, /, *, as_json: bool = False) -> Any:
    """Turn every exception into one paragraph (or JSON object) on standard error and an exit status.

    As a decorator below `@app.command()` it reads the command's own `as_json` (or `json_output`) argument and runs
    coroutines; as `with command_errors(as_json=…):` it guards a block.
    """
    if function is None:
        return _guard(as_json)
    return _decorated(function)


def _decorated(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        with _guard(bool(kwargs.get("as_json") or kwargs.get("json_output"))):
            result = function(*args, **kwargs)
            return asyncio.run(result) if inspect.iscoroutine(result) else result

    return cast("Callable[..., Any]", wrapper)


def until_the_command_ends(resource: AbstractContextManager[T]) -> T:
    """Enter a context that is left when the running command ends, however it ends."""
    return _ENDINGS.get().enter_context(resource)


@contextmanager
def _guard(as_json: bool) -> Iterator[None]:
    try:
        with ExitStack() as endings:
            _ENDINGS.set(endings)
            yield
    except (KeyboardInterrupt, asyncio.CancelledError):
        stderr().print("Stopped.")
        raise SystemExit(130) from None
    except Exception as error:
        failure = failure_of(error)
        if failure is None:  # typer's own: exits, aborts, usage
            raise
        if debugging():
            stderr().print(Text(trace_of(error)), soft_wrap=True)
        report(failure, as_json=as_json)
        raise SystemExit(failure.status) from None


def trace_of(error: BaseException) -> str:
    """Return where an error and its causes arose, by their classes: their texts, like locals, may hold secrets."""
    lines: list[str] = []
    seen: set[int] = set()
    cause: BaseException | None = error
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        lines += [f"{type(cause).__name__}:", *traceback.format_tb(cause.__traceback__)]
        cause = cause.__cause__ or cause.__context__
    return "\n".join(line.rstrip() for line in lines)


def report(failure: Failure, *, as_json: bool) -> None:
    """Print a failure to standard error, as one paragraph or one JSON object."""
    if as_json:
        sys.stderr.write(json.dumps({"error": failure.as_dict()}) + "\n")
        sys.stderr.flush()
        return
    stderr().print(Text(failure.paragraph()), style="", soft_wrap=not sys.stderr.isatty())
