"""The one hash of the protocol: length-prefixed, tagged SHA-512 (protocol, Notation)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

HASH_BYTES = 64


def lp(data: bytes) -> bytes:
    """Return the 8-byte little-endian length of `data`, then `data`."""
    return len(data).to_bytes(8, "little") + data


def tagged_hash(tag: str, *parts: bytes) -> bytes:
    """Return H(tag, parts…), 64 bytes: SHA-512 over the prefixed tag and parts.

    >>> tagged_hash("generator2")[:4].hex()
    'a76b05c7'
    """
    state = hashlib.sha512(lp(b"tapeline/v1/" + tag.encode("ascii")))
    for part in parts:
        state.update(lp(part))
    return state.digest()


def counted(items: Iterable[bytes]) -> bytes:
    """Encode a list with its count, so that neighbouring lists cannot be shifted into one another."""
    encoded = [lp(item) for item in items]
    return len(encoded).to_bytes(8, "little") + b"".join(encoded)


def u64(value: int) -> bytes:
    """Encode an unsigned integer in 8 little-endian bytes, as hashed structures hold it."""
    return value.to_bytes(8, "little")
