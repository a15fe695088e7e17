"""Own prekeys and their secret halves."""

from __future__ import annotations

from dataclasses import dataclass
from sqlite3 import Connection

from tapeline.base.secret import Secret


@dataclass(frozen=True, slots=True)
class StoredPrekey:
    """One own prekey; `secret` (64 bytes) is None once the old half was deleted."""

    secret: Secret | None
    prekey_id: int
    prekey_hash: bytes
    object: bytes
    not_after_ms: int
    created_ms: int
    superseded_ms: int | None


def add(connection: Connection, prekey: StoredPrekey) -> None:
    """Store a prekey; do so durably before its public half is published."""
    connection.execute(
        "INSERT INTO prekeys (prekey_id, prekey_hash, object, secret, not_after_ms, created_ms, superseded_ms)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            prekey.prekey_id,
            prekey.prekey_hash,
            prekey.object,
            None if prekey.secret is None else prekey.secret.reveal(),
            prekey.not_after_ms,
            prekey.created_ms,
            prekey.superseded_ms,
        ),
    )


def load_all(connection: Connection) -> list[StoredPrekey]:
    """Return all, oldest first."""
    rows = connection.execute(
        "SELECT secret, prekey_id, prekey_hash, object, not_after_ms, created_ms, superseded_ms"
        " FROM prekeys ORDER BY prekey_id"
    )
    return [StoredPrekey(None if secret is None else Secret(secret), *rest) for secret, *rest in rows]


def mark_superseded(connection: Connection, prekey_hash: bytes, leaf_time_ms: int) -> None:
    """Note the leaf time of the next prekey."""
    connection.execute("UPDATE prekeys SET superseded_ms = ? WHERE prekey_hash = ?", (leaf_time_ms, prekey_hash))


def forget(connection: Connection, prekey_hash: bytes) -> None:
    """Delete the secret half; nothing sealed to it can be opened by this device any more."""
    connection.execute("UPDATE prekeys SET secret = NULL WHERE prekey_hash = ?", (prekey_hash,))
