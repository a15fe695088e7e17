"""Key files of services: they start unattended, so the file is readable by its owner only, without a passphrase."""

from __future__ import annotations

import os
from pathlib import Path

from tapeline.base.errors import MalformedInput, StateError
from tapeline.base.secret import Secret
from tapeline.base.times import Rng
from tapeline.crypto.signing import SEED_BYTES, SigningKey

MAX_FILE = 4096


def make_data_folder(path: Path) -> Path:
    """Return the folder, created with mode 0700 where absent."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path


def make_private_file(path: Path) -> Path:
    """Return the file, created empty with mode 0600 where absent: SQLite opens its files by the umask otherwise.

    Its journals get the mode of the database that they belong to.
    """
    path.touch(mode=0o600, exist_ok=True)
    return path


def write_secret(path: Path, text: str) -> None:
    """Write a new file of mode 0600, durably.

    Raises:
        StateError: there is one already: a key is never overwritten.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise StateError(f"There is a key already: {path.name}.", "Use it, or choose another --data.") from None
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(text + "\n")
        file.flush()
        os.fsync(file.fileno())


def read_secret(path: Path) -> str:
    """Return the text of a key file.

    Raises:
        StateError: absent, open to others, or too large.
    """
    if not path.is_file():
        raise StateError(f"There is no key file {path.name}.", "Make keys with `init` first.")
    if path.stat().st_mode & 0o077:
        raise StateError(f"The key file {path.name} is open to others.", "Restrict it: chmod 600.")
    with path.open(encoding="ascii", errors="replace") as file:
        text = file.read(MAX_FILE + 1)
    if len(text) > MAX_FILE:
        raise StateError(f"The key file {path.name} is too large.", "Restore it from its backup.")
    return text.strip()


def write_signing_key(path: Path, rng: Rng) -> SigningKey:
    """Make an Ed25519 key and store its seed as hex."""
    seed = rng(SEED_BYTES)
    write_secret(path, seed.hex())
    return SigningKey.from_seed(Secret(seed))


def read_signing_key(path: Path) -> SigningKey:
    """Return the key of a file that `write_signing_key` made.

    Raises:
        StateError, MalformedInput: absent, open to others, or damaged.
    """
    try:
        seed = bytes.fromhex(read_secret(path))
    except ValueError:
        raise MalformedInput(f"The key file {path.name} is damaged.", "Restore it from its backup.") from None
    return SigningKey.from_seed(Secret(seed))
