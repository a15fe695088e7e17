"""A person's or service's durable memory: small items in SQLite, each sealed under one 32-byte store key.

The store key lies beside the database, sealed under the owner's passphrase (agents) or in a 0600 key file (services
that start unattended). The item's name is authenticated, so a thief of the disk cannot swap two items.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path

from nacl.bindings import (
    crypto_aead_xchacha20poly1305_ietf_decrypt,
    crypto_aead_xchacha20poly1305_ietf_encrypt,
)
from nacl.exceptions import CryptoError

from tapeline.base.errors import CryptoFailure
from tapeline.base.secret import Secret
from tapeline.base.times import Rng

KEY_BYTES = 32
BUSY_S = 60.0
_SELECT = "SELECT sealed FROM item WHERE name = ?"
_NONCE_BYTES = 24  # XChaCha20: random nonces never collide in practice
_SCHEMA = "CREATE TABLE IF NOT EXISTS item (name TEXT PRIMARY KEY, sealed BLOB NOT NULL) WITHOUT ROWID"


class SealedStore:
    """Named items, sealed; every `put` is durable when it returns, and all or nothing."""

    def __init__(self, path: Path, key: Secret, rng: Rng) -> None:
        self._key = key
        self._rng = rng
        # One connection serves one thread at a time; the lock is held through a whole transaction.
        self._lock = threading.RLock()
        self._depth = 0
        # Created closed to others before anything is in it.
        path.touch(mode=0o600, exist_ok=True)
        self._database = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=BUSY_S)
        self._database.execute("PRAGMA journal_mode = WAL")
        # FULL: what was put survives a power cut, since a bundle must never leave before its memory is on disk.
        self._database.execute("PRAGMA synchronous = FULL")
        # A destroyed share must not stay in a free page (protocol, Ceremony: destroying a share).
        self._database.execute("PRAGMA secure_delete = ON")
        self._database.execute(_SCHEMA)

    def get(self, name: str) -> bytes | None:
        """Return the item, or None where there is none.

        Raises:
            CryptoFailure: the store was altered or belongs to another key.
        """
        with self._lock, closing(self._database.execute(_SELECT, (name,))) as rows:
            row = rows.fetchone()
        return None if row is None else self._open(name, row[0])

    def put(self, items: Mapping[str, bytes | None]) -> None:
        """Store the items in one transaction; None removes one."""
        with self.exclusive():
            for name, value in items.items():
                self._write(name, value)

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Let nobody else write, in this process or another, until the block ends; durable then, or undone.

        What is read inside is still true when the block writes: two agents over one store cannot both answer.
        """
        with self._lock:
            if self._depth == 0:
                self._database.execute("BEGIN IMMEDIATE")
            self._depth += 1
            try:
                yield
            except BaseException:
                self._leave("ROLLBACK")
                raise
            self._leave("COMMIT")

    def _leave(self, how: str) -> None:
        self._depth -= 1
        if self._depth == 0 and self._database.in_transaction:
            self._database.execute(how)

    def names(self, prefix: str) -> Iterator[str]:
        """Yield the names that start with `prefix`, sorted."""
        with self._lock:
            rows = self._database.execute("SELECT name FROM item ORDER BY name").fetchall()
        return (name for (name,) in rows if name.startswith(prefix))

    def close(self) -> None:
        """Close the database."""
        self._database.close()

    def _write(self, name: str, value: bytes | None) -> None:
        if value is None:
            self._database.execute("DELETE FROM item WHERE name = ?", (name,))
            return
        nonce = self._rng(_NONCE_BYTES)
        sealed = nonce + crypto_aead_xchacha20poly1305_ietf_encrypt(value, name.encode(), nonce, self._key.reveal())
        self._database.execute("REPLACE INTO item (name, sealed) VALUES (?, ?)", (name, sealed))

    def _open(self, name: str, sealed: bytes) -> bytes:
        nonce, ciphertext = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
        try:
            return crypto_aead_xchacha20poly1305_ietf_decrypt(ciphertext, name.encode(), nonce, self._key.reveal())
        except (CryptoError, ValueError):
            raise CryptoFailure(
                "An item of the sealed store does not open.",
                "Check the passphrase, or restore a backup.",
            ) from None
