"""Which conversation's recording disclosure was heard first, and whether this user has acknowledged it."""

from __future__ import annotations

from sqlite3 import Connection

from tapeline.client.store import meta

_SETTLED = b"acknowledged"


def hear(connection: Connection, conversation: bytes, message_hash: bytes) -> None:
    """Note the first disclosure of a conversation; later ones change nothing."""
    if meta.get(connection, _name(conversation)) is None:
        meta.put(connection, _name(conversation), message_hash)


def owed(connection: Connection, conversation: bytes) -> bytes | None:
    """Return the hash of the disclosure that is not acknowledged yet."""
    found = meta.get(connection, _name(conversation))
    return None if found in {None, _SETTLED} else found


def settle(connection: Connection, conversation: bytes) -> None:
    """Note that the user has acknowledged, from whichever device."""
    meta.put(connection, _name(conversation), _SETTLED)


def _name(conversation: bytes) -> str:
    return f"disclosure/{conversation.hex()}"
