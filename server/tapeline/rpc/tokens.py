"""Short-lived tokens, in memory only: a restart logs everybody out, which costs one challenge each."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Sequence

from tapeline.base.times import MINUTE, Clock, Rng

TOKEN_BYTES = 32
TOKEN_MS = 30 * MINUTE
MAX_TOKENS = 65_536
_HEADER = "authorization"
_BEARER = "Bearer "

Metadata = Sequence[tuple[str, str | bytes]]


class TokenStore:
    """Issued tokens by their hash: a look-up by hash leaks nothing through its timing."""

    def __init__(self, clock: Clock, rng: Rng) -> None:
        self._clock = clock
        self._rng = rng
        self._keys: OrderedDict[bytes, tuple[bytes, int]] = OrderedDict()

    def issue(self, key: bytes) -> tuple[bytes, int]:
        """Return a fresh token for `key` and when it expires (unix ms)."""
        token, expires_ms = self._rng(TOKEN_BYTES), self._clock() + TOKEN_MS
        self._drop_expired()
        self._keys[_digest(token)] = (key, expires_ms)
        if len(self._keys) > MAX_TOKENS:
            self._keys.popitem(last=False)
        return token, expires_ms

    def key_of(self, token: bytes) -> bytes | None:
        """Return the key that the token was issued to; None where it is unknown or expired."""
        key, expires_ms = self._keys.get(_digest(token), (None, 0))
        return key if self._clock() < expires_ms else None

    def _drop_expired(self) -> None:
        # All tokens live equally long, so the oldest come first.
        now = self._clock()
        while self._keys and next(iter(self._keys.values()))[1] <= now:
            self._keys.popitem(last=False)


def bearer_token(metadata: Metadata | None) -> bytes | None:
    """Return the token of `authorization: Bearer <hex>`; None where there is none, empty where malformed."""
    for name, value in metadata or ():
        if name == _HEADER:
            text = value if isinstance(value, str) else ""
            encoded = text.removeprefix(_BEARER)
            if not text.startswith(_BEARER) or len(encoded) != 2 * TOKEN_BYTES:
                return b""
            try:
                return bytes.fromhex(encoded)
            except ValueError:
                return b""
    return None


def _digest(token: bytes) -> bytes:
    return hashlib.sha256(token).digest()
