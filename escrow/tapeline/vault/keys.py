"""The vault's own secrets: its roster key, and the key of its sealed store."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tapeline.agent.sealed_store import KEY_BYTES, SealedStore
from tapeline.base.errors import MalformedInput
from tapeline.base.secret import Secret
from tapeline.base.times import Rng
from tapeline.crypto.signing import SigningKey
from tapeline.rpc.keyfiles import make_data_folder, read_secret, read_signing_key, write_secret, write_signing_key

ROSTER_KEY = "vault.key"
STORE_KEY = "store.key"
STORE = "vault.db"


@dataclass(frozen=True)
class VaultKeys:
    """The roster key, which signs receipts and releases, and the opened store."""

    roster: SigningKey
    store: SealedStore

    def public_part(self) -> dict[str, str]:
        """Return what the officers put into the roster."""
        return {"part": "vault", "vault_key": self.roster.public.hex()}


def init_keys(data: Path, rng: Rng) -> VaultKeys:
    """Make the secrets of a data folder.

    Raises:
        StateError: there are secrets already.
    """
    make_data_folder(data)
    write_signing_key(data / ROSTER_KEY, rng)
    write_secret(data / STORE_KEY, rng(KEY_BYTES).hex())
    return load_keys(data, rng)


def load_keys(data: Path, rng: Rng) -> VaultKeys:
    """Read the secrets and open the store.

    Raises:
        StateError, MalformedInput: a file is absent, open to others, or damaged.
    """
    try:
        store_key = Secret(bytes.fromhex(read_secret(data / STORE_KEY)))
    except ValueError:
        raise MalformedInput("The key of the vault's store is damaged.", "Restore it from its backup.") from None
    return VaultKeys(read_signing_key(data / ROSTER_KEY), SealedStore(data / STORE, store_key, rng))
