"""How vectors are written: seeded randomness, hex, and changes of a byte string as splices."""

from __future__ import annotations

import hashlib

Value = str | int | bool | list["Value"] | dict[str, "Value"]
Document = dict[str, Value]

_GAP = 8  # runs of changed bytes nearer than this are one splice


class Stream:
    """Bytes from a seed: SHAKE256(seed ‖ number of the draw); remembers what was drawn."""

    def __init__(self, seed: str) -> None:
        self._seed = seed.encode()
        self.drawn: list[bytes] = []

    def __call__(self, count: int) -> bytes:
        """Return the next `count` bytes."""
        number = len(self.drawn).to_bytes(8, "big")
        self.drawn.append(hashlib.shake_256(self._seed + number).digest(count))
        return self.drawn[-1]


def splices(base: bytes, changed: bytes) -> list[Value]:
    """Return [offset in base, bytes to cut, hex to insert] for each difference, from the last to the first."""
    if len(base) != len(changed):
        start = _common(base, changed)
        tail = _common(base[start:][::-1], changed[start:][::-1])
        return [[start, len(base) - tail - start, changed[start : len(changed) - tail].hex()]]
    runs: list[tuple[int, int]] = []
    for at in (i for i, (a, b) in enumerate(zip(base, changed, strict=True)) if a != b):
        if runs and at - runs[-1][1] < _GAP:
            runs[-1] = (runs[-1][0], at + 1)
        else:
            runs.append((at, at + 1))
    return [[start, end - start, changed[start:end].hex()] for start, end in reversed(runs)]


def _common(one: bytes, other: bytes) -> int:
    """Return the length of the common prefix."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((at for at, (a, b) in pairs if a != b), min(len(one), len(other)))


def flipped(data: bytes, at: int = -1) -> bytes:
    """Return the bytes with the lowest bit of one of them changed."""
    at %= len(data)
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
