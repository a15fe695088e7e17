"""The sealed stores of custodians and reviewers, which lie under the passphrase of the person's key file."""

from __future__ import annotations

from pathlib import Path

from tapeline.agent.passphrase_store import STORE_KEY, StoreOpener, open_store
from tapeline.base.errors import NotFound, StateError
from tapeline.base.seam import system_rng
from tapeline.base.secret import Secret
from tapeline.cli.strength import require_strong
from tapeline.crypto.passphrase import WrongPassphrase

PURPOSES = ("custodian-store", "reviewer-store")


def store_of(folder: Path, passphrase: Secret, purpose: str, *, fresh: bool = True) -> StoreOpener:
    """Return the store of a data folder; a new one is made where `fresh` allows, under a passphrase that is strong.

    Args:
        folder: of --data.
        passphrase: the one that opened the key file.
        purpose: of `PURPOSES`.
        fresh: make the store where there is none.

    Raises:
        NotFound: there is none.
        MalformedInput: the passphrase is too weak for a new store.
        StateError: the store lies under another passphrase than the key file.
    """
    if not (folder / STORE_KEY).exists():
        if not fresh:
            raise NotFound(f"There is no store in {folder}.", "Give the --data that the person's other commands had.")
        require_strong(passphrase)
    try:
        return open_store(folder, passphrase, purpose, system_rng)
    except WrongPassphrase:
        raise StateError(
            f"The store in {folder} lies under another passphrase than the key file.",
            "Bring both to one: `tapeline key passphrase FILE --data FOLDER`, with the old and the new passphrase.",
        ) from None
