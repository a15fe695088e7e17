"""Signing acknowledgements."""

from __future__ import annotations

from tapeline.crypto.ack import sign_ack
from tapeline.crypto.signing import SigningKey
from tapeline.wire.v1.objects_pb2 import Ack


class Acknowledger:
    """Signs with the relay's key that the roster names; the same leaf always gets the same bytes (Ed25519)."""

    def __init__(self, key: SigningKey, origin: str) -> None:
        self._key = key
        self._origin = origin

    def ack(self, index: int, leaf: bytes) -> Ack:
        """Return the promise that the leaf is durable; to be called after the commit."""
        return Ack(index=index, leaf=leaf, signature=sign_ack(self._key, self._origin, index, leaf))
