"""Strict reading of the specification's byte formats: fixed fields, and framed ciphertexts (Protocol Messages)."""

from __future__ import annotations

from typing import final

from tapeline.base.errors import MalformedInput
from tapeline.crypto.cocktail.suite import MAX_CIPHERTEXT_BYTES, MIN_CIPHERTEXT_BYTES
from tapeline.crypto.group import POINT_BYTES, Point

_FRAME_BYTES = 8


@final
class Reader:
    """Takes fields from the front of a byte string; every short read is `MalformedInput`."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def take(self, count: int) -> bytes:
        """Return the next `count` bytes."""
        if count > len(self._data) - self._at:
            raise MalformedInput("A ceremony message ends too early.")
        self._at += count
        return self._data[self._at - count : self._at]

    def little(self, size: int) -> int:
        """Return the next unsigned little-endian integer of `size` bytes."""
        return int.from_bytes(self.take(size), "little")

    def points(self, count: int) -> tuple[Point, ...]:
        """Return the next `count` points."""
        return tuple(Point.decode(self.take(POINT_BYTES)) for _ in range(count))

    def ciphertexts(self, count: int) -> tuple[bytes, ...]:
        """Return the next `count` framed ciphertexts, each between the smallest that holds a share and 64 KiB."""
        return tuple(self._ciphertext() for _ in range(count))

    def _ciphertext(self) -> bytes:
        length = int.from_bytes(self.take(_FRAME_BYTES), "big")
        if not MIN_CIPHERTEXT_BYTES <= length <= MAX_CIPHERTEXT_BYTES:
            raise MalformedInput("An encrypted share has a length outside its bounds.")
        return self.take(length)

    def end(self) -> None:
        """Demand that nothing is left."""
        if self._at != len(self._data):
            raise MalformedInput("A ceremony message has trailing bytes.")


def frame(ciphertexts: tuple[bytes, ...]) -> bytes:
    """Return the ciphertexts, each behind its 8-byte big-endian length."""
    return b"".join(len(c).to_bytes(_FRAME_BYTES, "big") + c for c in ciphertexts)


def parse_bundle(bundle: bytes, count: int) -> tuple[bytes, ...]:
    """Return the n ciphertexts of a recovery bundle, which must parse exactly (Recovery Algorithm, step 5)."""
    reader = Reader(bundle)
    ciphertexts = reader.ciphertexts(count)
    reader.end()
    return ciphertexts
