"""The sealed stores of custodians and reviewers, which lie under the passphrase of the person's key file."""

from __future__ import annotations

from pathlib import Path

from tapeline.agent.passphrase_store import STORE_KEY, StoreOpener, open_store
from tapeline.base.errors import NotFound, StateError
from tapeline.base.seam import system_rng
from tapeline.base.secret import Secret
from tapeline.cli.common import until_the_command_ends
from tapeline.cli.strength import require_strong
from tapeline.crypto.passphrase import WrongPassphrase
from tapeline.local.folder import FolderLock
from tapeline.rpc.keyfiles import make_data_folder

PURPOSES = ("custodian-store", "reviewer-store")
PATIENCE_S = 5.0
"""Commands of a person are short: a second one waits for the first."""


def store_of(folder: Path, passphrase: Secret, purpose: str, *, fresh: bool = True) -> StoreOpener:
    """Return the store of a data folder, which this command alone works on until it ends.

    A new one is made where `fresh` allows, under a passphrase that is strong.

    Args:
        folder: of --data.
        passphrase: the one that opened the key file.
        purpose: of `PURPOSES`.
        fresh: make the store where there is none.

    Raises:
        NotFound: there is none.
        MalformedInput: the passphrase is too weak for a new store.
        StateError: the store lies under another passphrase than the key file.
        FolderHeld: another command works on the folder.
    """
    if not (folder / STORE_KEY).exists():
        if not fresh:
            raise NotFound(f"There is no store in {folder}.", "Give the --data that the person's other commands had.")
        require_strong(passphrase)  # before a folder is made
    until_the_command_ends(held(folder))
    return _opened(folder, passphrase, purpose)


def watched_store(folder: Path, passphrase: Secret, purpose: str) -> StoreOpener:
    """Return a store as `store_of` does, for a command that holds the folder only now and then."""
    if not (folder / STORE_KEY).exists():
        require_strong(passphrase)
    with held(folder):
        return _opened(folder, passphrase, purpose)


def held(folder: Path) -> FolderLock:
    """Return the lock of a person's data folder, which is made where it is new; a second command waits for the first.

    Raises:
        FolderHeld: the first did not end soon.
    """
    return FolderLock.hold(make_data_folder(folder), wait_s=PATIENCE_S)


def _opened(folder: Path, passphrase: Secret, purpose: str) -> StoreOpener:
    try:
        return open_store(folder, passphrase, purpose, system_rng)
    except WrongPassphrase:
        raise StateError(
            f"The store in {folder} lies under another passphrase than the key file.",
            "Bring both to one: `tapeline key passphrase FILE --data FOLDER`, with the old and the new passphrase.",
        ) from None
