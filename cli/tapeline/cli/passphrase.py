"""Passphrases: by prompt, file descriptor or file; never on the command line, where every user of a machine sees it."""

from __future__ import annotations

import getpass
import os
import stat
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from tapeline.base.errors import MalformedInput, StateError
from tapeline.base.secret import Secret
from tapeline.cli.strength import require_strong

MAX_BYTES = 1024

PassphraseFd: TypeAlias = Annotated[
    int | None,
    typer.Option("--passphrase-fd", metavar="N", help="Read the passphrase from this open file descriptor.", min=0),
]
PassphraseFile: TypeAlias = Annotated[
    Path | None,
    typer.Option("--passphrase-file", metavar="PATH", help="Read the passphrase from this file, which only you read."),
]
passphrase_option = PassphraseFile
NewPassphraseFd: TypeAlias = Annotated[
    int | None,
    typer.Option("--new-passphrase-fd", metavar="N", help="Read the new passphrase from this descriptor.", min=0),
]
NewPassphraseFile: TypeAlias = Annotated[
    Path | None,
    typer.Option("--new-passphrase-file", metavar="PATH", help="Read the new passphrase from this file of yours."),
]


def read_passphrase(
    fd: int | None = None,
    file: Path | None = None,
    *,
    prompt: str = "Passphrase",
    confirm: bool = False,
) -> Secret:
    """Return the passphrase, UTF-8, without its final line break.

    Args:
        fd: an open descriptor, read up to its end or its first line break.
        file: a file readable by its owner alone.
        prompt: what to ask where neither is given; needs a terminal.
        confirm: ask twice, for a new passphrase.

    Raises:
        MalformedInput: both ways given, or the passphrase is empty, too long or not UTF-8.
        StateError: no terminal to ask on, or a file that others may read.
    """
    if fd is not None and file is not None:
        raise MalformedInput(
            "Both --passphrase-fd and --passphrase-file are given.", "Give one way to read the passphrase."
        )
    if fd is not None:
        return _checked(_read_fd(fd))
    if file is not None:
        return _checked(_read_file(file))
    return _ask(prompt, confirm=confirm)


def new_passphrase(fd: int | None = None, file: Path | None = None, *, about: Iterable[str] = ()) -> Secret:
    """Return a new passphrase, asked twice at a terminal, that is not easily guessed; `about` as `require_strong`.

    Raises:
        MalformedInput: as `read_passphrase`, or too weak.
        StateError: as `read_passphrase`.
    """
    passphrase = read_passphrase(fd, file, prompt="New passphrase", confirm=True)
    require_strong(passphrase, about=about)
    return passphrase


def _read_fd(fd: int) -> bytes:
    collected = b""
    try:
        while b"\n" not in collected and len(collected) <= MAX_BYTES + 2:
            # One byte at a time: what follows the line belongs to the next reader of the descriptor.
            chunk = os.read(fd, 1)
            if not chunk:
                break
            collected += chunk
    except OSError:
        raise MalformedInput(
            f"File descriptor {fd} cannot be read.", "Open it in the calling process, such as `3<file`."
        ) from None
    return collected


def _read_file(path: Path) -> bytes:
    with path.open("rb") as handle:
        if stat.S_IMODE(os.fstat(handle.fileno()).st_mode) & 0o077:
            raise StateError("The passphrase file may be read by others.", "Run `chmod 600` on it.")
        return handle.read(MAX_BYTES + 3)


def _ask(prompt: str, *, confirm: bool) -> Secret:
    if not sys.stdin.isatty():
        raise StateError(
            "A passphrase is needed and there is no terminal to ask on.",
            "Give --passphrase-fd N or --passphrase-file PATH.",
        )
    entered = getpass.getpass(f"{prompt}: ")
    if confirm and getpass.getpass(f"{prompt}, again: ") != entered:
        raise MalformedInput("The two passphrases differ.", "Start again.")
    return _checked(entered.encode())


def _checked(raw: bytes) -> Secret:
    line = raw.split(b"\n", 1)[0].removesuffix(b"\r")
    if not 0 < len(line) <= MAX_BYTES:
        raise MalformedInput(f"A passphrase has 1 to {MAX_BYTES} bytes.", "Choose another.")
    try:
        line.decode()
    except UnicodeDecodeError:
        raise MalformedInput("The passphrase is not UTF-8.", "Choose another.") from None
    return Secret(line)
