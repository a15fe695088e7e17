"""H, lists, ids (protocol, sections 1, 2 and 10)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable


def lp(data: bytes) -> bytes:
    return len(data).to_bytes(8, "little") + data


def u64(value: int) -> bytes:
    return value.to_bytes(8, "little")


def u32(value: int) -> bytes:
    return value.to_bytes(4, "little")


def H(tag: str, *parts: bytes) -> bytes:
    return hashlib.sha512(lp(b"tapeline/v1/" + tag.encode()) + b"".join(map(lp, parts))).digest()


def listed(items: Iterable[bytes]) -> bytes:
    encoded = [lp(item) for item in items]
    return u64(len(encoded)) + b"".join(encoded)


def user_id(deployment: bytes, firm: str, user: str) -> bytes:
    return H("user", deployment, firm.encode(), user.encode())


def conversation_id(genesis_body: bytes) -> bytes:
    return H("conversation", H("membership", genesis_body))


def tag(salt: bytes, identifier: bytes) -> bytes:
    return H("tag", salt, identifier)[:16]


def leaf_hash(leaf: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + leaf).digest()


def ack_body(origin: str, index: int, leaf: bytes) -> bytes:
    return H("ack", origin.encode(), u64(index), leaf_hash(leaf))
