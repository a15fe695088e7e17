"""The folder of a store: `header.json` in clear, `store.db` encrypted, nobody else's business."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tapeline.base.times import Rng
from tapeline.client.errors import StoreProblem
from tapeline.client.store.database import Database
from tapeline.client.store.keys import KdfHeader, StoreKey

HEADER = "header.json"
DATABASE = "store.db"


async def create_store(folder: Path, secret: str | StoreKey, rng: Rng) -> Database:
    """Create an empty store in a folder that is absent or empty, under a passphrase or an already derived key.

    Raises:
        StoreProblem: the folder holds something.
    """
    key = await asyncio.to_thread(_prepare, folder, secret, rng)
    return await Database.open(folder / DATABASE, key)


async def open_store(folder: Path, secret: str | StoreKey) -> Database:
    """Open a store.

    Raises:
        StoreProblem: no store there, wrong passphrase, altered file, or a later version's store.
    """
    key = await asyncio.to_thread(_find, folder, secret)
    return await Database.open(folder / DATABASE, key)


def has_store(folder: Path) -> bool:
    """Tell whether a store's header stands in the folder."""
    return (folder / HEADER).is_file()


def _prepare(folder: Path, secret: str | StoreKey, rng: Rng) -> StoreKey:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise StoreProblem("The folder is not empty.", "Choose a new one, or open the store that is there.")
    key = secret if isinstance(secret, StoreKey) else StoreKey.new(secret, rng)
    key.header.write(folder / HEADER)
    return key


def _find(folder: Path, secret: str | StoreKey) -> StoreKey:
    header = KdfHeader.read(folder / HEADER)
    if isinstance(secret, StoreKey) and secret.header != header:
        raise StoreProblem("The derived key is of another store.", "Derive it with this store's header.")
    if not (folder / DATABASE).is_file():
        raise StoreProblem("The store's database is missing.", "Give the folder that the device was enrolled in.")
    return secret if isinstance(secret, StoreKey) else StoreKey.derive(secret, header)
