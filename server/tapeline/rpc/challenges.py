"""Login challenges without state: the nonce authenticates itself, so asking for many fills no memory."""

from __future__ import annotations

import hmac
from collections import OrderedDict

from tapeline.base.hashing import tagged_hash, u64
from tapeline.base.times import MINUTE, Clock, Rng

CHALLENGE_MS = 2 * MINUTE
_RANDOM = 16
_MAC = 32


class Challenges:
    """Makes nonces bound to key and expiry, and takes each at most once."""

    def __init__(self, clock: Clock, rng: Rng) -> None:
        self._clock = clock
        self._rng = rng
        self._secret = rng(32)
        self._used: OrderedDict[bytes, int] = OrderedDict()

    def make(self, key: bytes) -> tuple[bytes, int]:
        """Return nonce (48 bytes) and expiry (unix ms) for a key."""
        expires_ms = self._clock() + CHALLENGE_MS
        random = self._rng(_RANDOM)
        return random + self._mac(random, key, expires_ms), expires_ms

    def redeem(self, nonce: bytes, key: bytes, expires_ms: int) -> bool:
        """Tell whether the nonce is ours, for this key and expiry, unexpired and unused; then it is used.

        Call it after the signature was verified: only holders of keys can then fill the table of used nonces.
        """
        now = self._clock()
        ours = hmac.compare_digest(nonce[_RANDOM:], self._mac(nonce[:_RANDOM], key, expires_ms))
        if not ours or now >= expires_ms or nonce in self._used:
            return False
        while self._used and next(iter(self._used.values())) <= now:
            self._used.popitem(last=False)
        self._used[nonce] = expires_ms
        return True

    def _mac(self, random: bytes, key: bytes, expires_ms: int) -> bytes:
        # The tagged hash prefixes every part with its length, so a keyed hash by prefix cannot be extended to another.
        body = tagged_hash("login-nonce", random, key, u64(expires_ms))
        return hmac.digest(self._secret, body, "sha512")[:_MAC]
