"""The witness's key on disk: one `PRIVATE+KEY+…` line that only its owner reads."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from tapeline.base.errors import StateError
from tapeline.base.rules import Rule, require
from tapeline.base.secret import Secret
from tapeline.base.times import Rng
from tapeline.transparency.cosignature import Cosigner
from tapeline.transparency.keys import COSIGNATURE_V1, MAX_KEY_TEXT, encode_signing_key, is_key_name
from tapeline.witness.store import STORE_FILE, SqliteWitnessStore

KEY_FILE = "witness.key"
_SEED_BYTES = 32


def create_key(folder: Path, name: str, rng: Rng) -> Cosigner:
    """Make a key and an empty memory under `folder`, which is created 0700, and return the key's cosigner.

    Raises:
        Refused: POLICY_SYNTAX for a name that no note can carry.
        StateError: there is a key already.
    """
    require(is_key_name(name), Rule.POLICY_SYNTAX, "A key name is empty or holds a space or a plus sign.")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    seed = Secret(rng(_SEED_BYTES))
    try:
        handle = os.open(folder / KEY_FILE, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise StateError("There is a witness key already.", "Use it, or choose another --data folder.") from None
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(encode_signing_key(name, COSIGNATURE_V1, seed) + "\n")
        file.flush()
        os.fsync(file.fileno())
    # Key and memory are born together: a key without a memory is one that forgot what it cosigned.
    SqliteWitnessStore(folder / STORE_FILE)
    return Cosigner(name, seed)


def load_key(folder: Path) -> Cosigner:
    """Read the key of `create_key`.

    Raises:
        StateError: no key, or one that others can read.
        Refused: POLICY_SYNTAX.
    """
    try:
        with (folder / KEY_FILE).open(encoding="utf-8") as file:
            mode = os.fstat(file.fileno()).st_mode
            text = file.read(MAX_KEY_TEXT + 1)
    except (FileNotFoundError, UnicodeDecodeError):
        raise StateError("There is no witness key here.", "Make one with: tapeline witness key.") from None
    if stat.S_IMODE(mode) & 0o077:
        raise StateError(
            "The witness's key file is readable by others.", "Set its mode to 0600; if in doubt, replace it."
        )
    return Cosigner.from_text(text.removesuffix("\n"))
