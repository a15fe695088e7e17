"""What all participants agree on before round 1 (COCKTAIL-DKG, Setup)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import final

from tapeline.base.errors import StateError
from tapeline.base.rules import Rule, require
from tapeline.crypto.cocktail.suite import SUITE_ID
from tapeline.crypto.group import Point, Scalar
from tapeline.crypto.shamir import MAX_PARTICIPANTS


@final
@dataclass(frozen=True, slots=True)
class Setup:
    """Session id, threshold t, and the host keys P_1 … P_n in the agreed order."""

    session_id: bytes
    threshold: int
    host_keys: tuple[Point, ...]

    def __post_init__(self) -> None:
        require_threshold(self.threshold, len(self.host_keys))
        require(
            len(set(self.host_keys)) == len(self.host_keys),
            Rule.DKG_INDEX,
            "Two participants of the ceremony announced the same host key.",
        )

    @property
    def count(self) -> int:
        """n."""
        return len(self.host_keys)

    @property
    def indices(self) -> range:
        """1 … n; 0 is never an index (Setup: zero share attack)."""
        return range(1, self.count + 1)

    @property
    def context(self) -> bytes:
        """The recommended construction, which binds session, suite and ordered participants."""
        return session_context(self.session_id, self.host_keys)

    def host_key(self, index: int) -> Point:
        """Return P_index."""
        return self.host_keys[index - 1]

    def index_of(self, host_secret: Scalar) -> int:
        """Return the index whose host key is that of the secret."""
        public = host_secret.base_mul()
        if public not in self.host_keys:
            raise StateError("This host key takes no part in the ceremony.", "Use the key announced for it.")
        return self.host_keys.index(public) + 1


def require_threshold(threshold: int, count: int) -> None:
    """Refuse (DKG-6) other than 2 ≤ t ≤ n ≤ 255; the specification's t = 1 would leave one custodian alone."""
    require(
        2 <= threshold <= count <= MAX_PARTICIPANTS,
        Rule.DKG_THRESHOLD,
        f"A threshold of {threshold} among {count} custodians is outside 2 ≤ t ≤ n ≤ {MAX_PARTICIPANTS}.",
    )


def session_context(session_id: bytes, host_keys: tuple[Point, ...]) -> bytes:
    """Return the 64-byte `context` (Setup, recommended construction)."""
    state = hashlib.sha512(b"COCKTAIL-DKG-CONTEXT")
    for field in (session_id, SUITE_ID):
        state.update(len(field).to_bytes(8, "big") + field)
    state.update(len(host_keys).to_bytes(4, "little"))
    for key in host_keys:
        state.update(key.encode())
    return state.digest()
