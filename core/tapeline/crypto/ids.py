"""Names and identifiers: object hashes, user and conversation ids, log tags."""

from __future__ import annotations

from tapeline.base.errors import MalformedInput
from tapeline.base.hashing import tagged_hash
from tapeline.base.text import printable
from tapeline.crypto.limits import NAME_BYTES, TAG_BYTES


def object_hash(kind: str, body: bytes) -> bytes:
    """Return H(kind, body), 64 bytes: how one object names another (protocol, Notation)."""
    return tagged_hash(kind, body)


def user_id(deployment: bytes, firm: str, user: str) -> bytes:
    """Return H("user", deployment, firm, user), 64 bytes."""
    return tagged_hash("user", deployment, firm.encode(), user.encode())


def conversation_id(genesis_hash: bytes) -> bytes:
    """Return H("conversation", genesis statement), 64 bytes: the id holds all that the genesis says."""
    return tagged_hash("conversation", genesis_hash)


def tag(salt: bytes, identifier: bytes) -> bytes:
    """Return the first 16 bytes of H("tag", salt, id): what a log leaf shows in place of an id."""
    return tagged_hash("tag", salt, identifier)[:TAG_BYTES]


def check_name(name: str, what: str) -> str:
    """Return the name of a firm, user, device or class, or refuse one that is empty, long or deceptive to show."""
    if not 1 <= len(name.encode("utf-8", "surrogatepass")) <= NAME_BYTES:
        raise MalformedInput(f"A {what} is not 1 to {NAME_BYTES} bytes of UTF-8.", "Choose another name.")
    if name != name.strip() or printable(name) != name:
        raise MalformedInput(
            f"A {what} holds control characters, or spaces at its ends.", "Choose a name of visible characters."
        )
    return name
