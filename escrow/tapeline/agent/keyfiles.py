"""Files that only their owner may read."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from tapeline.base.errors import MalformedInput, NotFound, PermissionRefused, StateError
from tapeline.base.secret import Secret

MAX_BYTES = 64 * 1024


def create_secret_file(path: Path, content: bytes) -> None:
    """Write a new file with mode 0600, durably; never replaces one.

    Raises:
        StateError: the file exists.
    """
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise StateError(f"There is a key file {path.name} already.", "Use it, or choose another folder.") from None
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def read_secret_file(path: Path) -> Secret:
    """Return the content.

    Raises:
        NotFound: no such file.
        PermissionRefused: others than the owner may read it.
        MalformedInput: over 64 KiB.
    """
    try:
        with path.open("rb") as file:
            if stat.S_IMODE(os.fstat(file.fileno()).st_mode) & 0o077:
                raise PermissionRefused(f"The key file {path.name} is open to others.", "Set its mode to 0600.")
            content = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise NotFound(f"There is no key file {path.name}.", "Run the service's init command first.") from None
    if len(content) > MAX_BYTES:
        raise MalformedInput(f"The key file {path.name} is too large.", "Restore it from its backup.")
    return Secret(content)
