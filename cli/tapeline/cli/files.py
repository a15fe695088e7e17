"""Files that commands write: what is signed or secret is never overwritten, and a crash leaves the old or the new."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from tapeline.base.errors import MalformedInput, StateError

PRIVATE, PUBLIC = 0o600, 0o644


def require_free(path: Path) -> None:
    """Refuse a name that is taken, before a person is asked anything."""
    if path.exists() or path.is_symlink():
        raise _taken(path)


def write_new(path: Path, content: bytes, *, mode: int = PUBLIC) -> None:
    """Write a file that does not exist yet, durably.

    Raises:
        StateError: there is one of that name.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    except FileExistsError:
        raise _taken(path) from None
    _fill(descriptor, content)


def replace_whole(path: Path, content: bytes, prove: Callable[[bytes], object] = bytes) -> None:
    """Replace a file in one step, with the mode that it has; not before `prove` took what was read back from disk."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    mode = path.stat().st_mode & 0o777
    try:
        _fill(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), content)
        prove(partial.read_bytes())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    _sync_folder(path.parent)


def read_bounded(path: Path, limit: int, option: str) -> bytes:
    """Return a file's bytes, at most `limit`.

    Raises:
        MalformedInput: unreadable or too large; `option` says which argument named it.
    """
    try:
        with path.open("rb") as file:
            data = file.read(limit + 1)
    except OSError as error:
        raise MalformedInput(
            f"{path} cannot be read: {error.strerror or 'no reason given'}.", f"Check {option}."
        ) from None
    if len(data) > limit:
        raise MalformedInput(f"{path} is too large for what it should be.", f"Check {option}.")
    return data


def _fill(descriptor: int, content: bytes) -> None:
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _taken(path: Path) -> StateError:
    return StateError(
        f"There is a file {path} already.", "Choose another name: nothing signed and no key is ever overwritten."
    )
