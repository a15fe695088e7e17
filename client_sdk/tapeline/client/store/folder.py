"""The folder of a store: `header.json` in clear, `store.db` encrypted, nobody else's business; one client at a time."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tapeline.base.times import Rng
from tapeline.client.errors import StoreProblem
from tapeline.client.store.database import Database
from tapeline.client.store.keys import KdfHeader, StoreKey
from tapeline.local.folder import LOCK_FILE, FolderHeld, FolderLock

HEADER = "header.json"
DATABASE = "store.db"


async def create_store(folder: Path, secret: str | StoreKey, rng: Rng) -> Database:
    """Create an empty store in a folder that is absent or empty, under a passphrase or an already derived key.

    Raises:
        StoreProblem: the folder holds something.
    """
    lock = await asyncio.to_thread(_claim, folder)
    try:
        key = await asyncio.to_thread(_begin, folder, secret, rng)
        return await Database.open(folder / DATABASE, key, lock)
    except BaseException:
        lock.release()
        raise


async def open_store(folder: Path, secret: str | StoreKey) -> Database:
    """Open a store.

    Raises:
        StoreProblem: no store there, another client works on it, wrong passphrase, altered file, or a later
            version's store.
    """
    if not has_store(folder):
        raise StoreProblem("There is no store in the folder.", "Give the folder that the device was enrolled in.")
    lock = hold_folder(folder)
    try:
        key = await asyncio.to_thread(_find, folder, secret)
        return await Database.open(folder / DATABASE, key, lock)
    except BaseException:
        lock.release()
        raise


def has_store(folder: Path) -> bool:
    """Tell whether a store's header stands in the folder."""
    return (folder / HEADER).is_file()


def hold_folder(folder: Path) -> FolderLock:
    """Return the lock of a store's folder, or say who has it."""
    try:
        return FolderLock.hold(folder)
    except FolderHeld as held:
        remedy = "Close the other client first, or enrol a second device with its own store."
        raise StoreProblem(held.cause, remedy, retryable=True) from None


def _claim(folder: Path) -> FolderLock:
    """Lock a folder that is absent or empty."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    _require_empty(folder)  # before the lock leaves a file in somebody's folder
    lock = hold_folder(folder)
    try:
        _require_empty(folder)
    except BaseException:
        lock.release()
        raise
    return lock


def _require_empty(folder: Path) -> None:
    if any(entry.name != LOCK_FILE for entry in folder.iterdir()):
        raise StoreProblem("The folder is not empty.", "Choose a new one, or open the store that is there.")


def _begin(folder: Path, secret: str | StoreKey, rng: Rng) -> StoreKey:
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
