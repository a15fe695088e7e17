"""A type for secret bytes: redacted, compared in constant time, never pickled.

Python cannot promise to wipe memory: `bytes` are immutable and may be copied by the interpreter.
`Secret` therefore limits where a value can travel, and `wipe` clears the one buffer that it owns.
"""

from __future__ import annotations

import hmac
from typing import NoReturn


class Secret:
    """Secret bytes of a fixed length; `reveal()` is the one way out."""

    __slots__ = ("_buffer",)

    def __init__(self, value: bytes | bytearray) -> None:
        self._buffer = bytearray(value)

    def reveal(self) -> bytes:
        """Return the bytes; the caller must not store or print them."""
        return bytes(self._buffer)

    def wipe(self) -> None:
        """Overwrite the buffer with zeros; copies made by `reveal` are out of reach."""
        for index in range(len(self._buffer)):
            self._buffer[index] = 0

    def __len__(self) -> int:
        return len(self._buffer)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self._buffer, other._buffer)

    __hash__ = None  # type: ignore[assignment]  # a secret is no dictionary key

    def __repr__(self) -> str:
        return f"<Secret of {len(self._buffer)} bytes>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Secret is not pickled")

    def __copy__(self) -> NoReturn:
        raise TypeError("a Secret is not copied")

    def __deepcopy__(self, memo: object) -> NoReturn:
        raise TypeError("a Secret is not copied")
