"""Another passphrase for a store: a copy is encrypted anew and proven to open, then takes the database's place."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import sqlcipher3

from tapeline.client.errors import StoreProblem
from tapeline.client.store.database import connect_database
from tapeline.client.store.folder import DATABASE, HEADER, has_store, hold_folder
from tapeline.client.store.keys import KdfHeader, StoreKey

_FRESH = "store.db.new"


def change_passphrase(folder: Path, old: str, new: str) -> None:
    """Bring a store from one passphrase to another; a crash at any moment leaves one that opens under either.

    The salt stays: the header stands in a file of its own, and two files cannot be replaced in one step.

    Raises:
        StoreProblem: no store, wrong passphrase, or another client works on it; nothing was changed.
    """
    if not has_store(folder):
        raise StoreProblem("There is no store in the folder.", "Give the folder that the device was enrolled in.")
    lock = hold_folder(folder)
    fresh = folder / _FRESH
    try:
        header = KdfHeader.read(folder / HEADER)
        before, after = StoreKey.derive(old, header), StoreKey.derive(new, header)
        _settle(folder / DATABASE, before)
        fresh.unlink(missing_ok=True)
        shutil.copy(folder / DATABASE, fresh)  # with its mode
        _encrypt_anew(fresh, before, after)
        _prove(fresh, after)
        fresh.replace(folder / DATABASE)
        _sync(folder)
    finally:
        fresh.unlink(missing_ok=True)
        lock.release()


def _settle(database: Path, key: StoreKey) -> None:
    """Bring what lies in the write-ahead log into the database, so that the one file is all of it."""
    connection = connect_database(database, key)
    try:
        connection.execute("PRAGMA journal_mode = DELETE")
    finally:
        connection.close()


def _encrypt_anew(database: Path, before: StoreKey, after: StoreKey) -> None:
    connection = connect_database(database, before)
    try:
        connection.execute("PRAGMA journal_mode = DELETE")
        connection.execute(f"PRAGMA rekey = \"x'{after.key.reveal().hex()}'\"")
    finally:
        connection.close()


def _prove(database: Path, key: StoreKey) -> None:
    """Open the copy as the next client will, check every page, and bring it to the disk."""
    connection = connect_database(database, key)
    try:
        pages = connection.execute("PRAGMA cipher_integrity_check").fetchall()
        tables = connection.execute("PRAGMA integrity_check").fetchall()
        connection.execute("PRAGMA journal_mode = DELETE")
    except sqlcipher3.Error:
        pages, tables = [("unreadable",)], []
    finally:
        connection.close()
    if pages or tables != [("ok",)]:
        raise StoreProblem("The store could not be encrypted anew; nothing was changed.", "Free some disk, try again.")
    _sync(database)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
