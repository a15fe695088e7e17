"""Named values of the store: the device's identity and where things stand."""

from __future__ import annotations

from sqlite3 import Connection


def get(connection: Connection, name: str) -> bytes | None:
    """Return the value of that name, or None."""
    row = connection.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
    return None if row is None else row[0]


def put(connection: Connection, name: str, value: bytes) -> None:
    """Set a value."""
    connection.execute("INSERT OR REPLACE INTO meta (name, value) VALUES (?, ?)", (name, value))


def get_int(connection: Connection, name: str) -> int:
    """Return a counter, 0 where it was never set."""
    value = get(connection, name)
    return 0 if value is None else int.from_bytes(value, "little")


def put_int(connection: Connection, name: str, value: int) -> None:
    """Set a counter, at most 2⁶⁴ − 1."""
    put(connection, name, value.to_bytes(8, "little"))
