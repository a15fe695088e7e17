"""The store's key: 32 raw bytes that Argon2id derives from a passphrase, once for all stores under one salt."""

from __future__ import annotations

import hmac
import json
import secrets
import threading
from dataclasses import asdict, dataclass
from pathlib import Path

from argon2.low_level import Type, hash_secret_raw

from tapeline.base.errors import MalformedInput
from tapeline.base.secret import Secret
from tapeline.base.times import Rng
from tapeline.client.errors import StoreProblem

SALT_BYTES = 16
KEY_BYTES = 32
_FORMAT = "tapeline-store-1"
_MAX_HEADER = 4096
_MAX_MEMORY_KIB = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class KdfCost:
    """What Argon2id costs; the default is RFC 9106's second recommendation (section 4)."""

    passes: int = 3
    memory_kib: int = 64 * 1024
    lanes: int = 4


@dataclass(frozen=True, slots=True)
class KdfHeader:
    """Salt (16 bytes) and cost: they stand in clear beside the database, as they are needed to open it."""

    salt: bytes
    cost: KdfCost

    def write(self, path: Path) -> None:
        """Write the header file, which must not exist yet."""
        text = json.dumps({"format": _FORMAT, "salt": self.salt.hex(), **asdict(self.cost)}, indent=1)
        with path.open("x", encoding="ascii") as file:
            file.write(text + "\n")

    @classmethod
    def read(cls, path: Path) -> KdfHeader:
        """Read a header file strictly.

        Raises:
            StoreProblem: no header, or one that this version did not write.
        """
        try:
            fields = json.loads(path.read_bytes()[:_MAX_HEADER])
            cost = KdfCost(int(fields["passes"]), int(fields["memory_kib"]), int(fields["lanes"]))
            salt = bytes.fromhex(fields["salt"])
            sound = fields["format"] == _FORMAT and len(salt) == SALT_BYTES and _is_bearable(cost)
        except (OSError, ValueError, KeyError, TypeError):
            sound = False
        if not sound:
            raise StoreProblem("There is no readable store header.", "Give the folder that the device was enrolled in.")
        return cls(salt, cost)


@dataclass(frozen=True, slots=True)
class StoreKey:
    """A derived key with the header that it belongs to; pass it instead of a passphrase to many stores."""

    header: KdfHeader
    key: Secret

    @classmethod
    def new(cls, passphrase: str, rng: Rng, cost: KdfCost | None = None) -> StoreKey:
        """Derive a key under a fresh salt, for one or more new stores."""
        return cls.derive(passphrase, KdfHeader(rng(SALT_BYTES), cost or KdfCost()))

    @classmethod
    def derive(cls, passphrase: str, header: KdfHeader) -> StoreKey:
        """Derive the key of an existing store; the same passphrase and header are derived once per process."""
        if not passphrase:
            raise MalformedInput("The passphrase is empty.", "Give one: the store is encrypted under it.")
        # A fast hash of a passphrase must not lie in memory: the cache's names are keyed for this process.
        cached = (header, hmac.digest(_CACHE_KEY, passphrase.encode(), "sha512"))
        with _LOCK:
            if cached not in _DERIVED:
                _DERIVED[cached] = cls(header, Secret(_argon2id(passphrase, header)))
            return _DERIVED[cached]


def _argon2id(passphrase: str, header: KdfHeader) -> bytes:
    cost = header.cost
    return hash_secret_raw(
        passphrase.encode(), header.salt, cost.passes, cost.memory_kib, cost.lanes, KEY_BYTES, Type.ID
    )


def _is_bearable(cost: KdfCost) -> bool:
    return 1 <= cost.passes <= 64 and 8 <= cost.memory_kib <= _MAX_MEMORY_KIB and 1 <= cost.lanes <= 64


_CACHE_KEY = secrets.token_bytes(32)
_LOCK = threading.Lock()
_DERIVED: dict[tuple[KdfHeader, bytes], StoreKey] = {}
