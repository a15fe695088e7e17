"""A sealed store whose key lies beside it under the owner's passphrase."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tapeline.agent.sealed_store import KEY_BYTES, SealedStore
from tapeline.base.errors import MalformedInput
from tapeline.base.secret import Secret
from tapeline.base.times import Rng
from tapeline.crypto.passphrase import DEFAULT_COST, Argon2Cost, open_under_passphrase, seal_under_passphrase
from tapeline.rpc.keyfiles import make_data_folder, read_secret, write_secret

STORE_KEY = "store.key"
STORE = "store.db"


@dataclass(frozen=True)
class StoreOpener:
    """Opens one store, any number of times, with a key that Argon2id gave once."""

    path: Path
    key: Secret
    rng: Rng

    def open(self) -> SealedStore:
        """Return a new connection; what it reads, it reads from disk."""
        return SealedStore(self.path, self.key, self.rng)


def open_store(
    folder: Path, passphrase: Secret, purpose: str, rng: Rng, cost: Argon2Cost = DEFAULT_COST
) -> StoreOpener:
    """Return the store of a folder, which is made (0700) with a fresh key where it is new.

    Raises:
        WrongPassphrase: of an existing store.
    """
    make_data_folder(folder)
    path = folder / STORE_KEY
    if not path.exists():
        write_secret(path, seal_under_passphrase(Secret(rng(KEY_BYTES)), passphrase, purpose, rng, cost).hex())
    key = open_under_passphrase(_sealed(path), passphrase, purpose)
    return StoreOpener(folder / STORE, key, rng)


def _sealed(path: Path) -> bytes:
    try:
        return bytes.fromhex(read_secret(path))
    except ValueError:
        raise MalformedInput("The key file of the store is damaged.", "Restore it from its backup.") from None
