"""Searching much memory for many byte strings at once, in every spelling that a leak might have.

An occurrence of at least 15 bytes covers one whole aligned word of 8 bytes. So each spelling is entered into a table
under its words at offsets 0 to 7, and the aligned words of the haystack are intersected with that table: one pass,
whatever the number of needles. What the words suggest is then confirmed by a plain search for the whole spelling.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal

WORD = 8
MIN_NEEDLE = 16
"""Shorter strings are not searched for: they turn up by chance."""
_MIN_SPELLING = 2 * WORD - 1


@dataclass(frozen=True, slots=True)
class Needle:
    """What is searched for: a name that may be printed, and the bytes, which may not."""

    name: str
    value: bytes

    def __repr__(self) -> str:
        return f"<Needle {self.name}, {len(self.value)} bytes>"


@dataclass(frozen=True, slots=True)
class Hit:
    """A needle that was found, in which spelling, and where."""

    name: str
    spelling: str
    place: str


@dataclass(frozen=True, slots=True)
class _Spelling:
    needle: int
    form: str
    data: bytes


def spellings(value: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield each spelling of the bytes: raw, hex, base64 at each of its three phases, UTF-16 of a text."""
    yield "raw", value
    yield "hex", value.hex().encode()
    yield "HEX", value.hex().upper().encode()
    for phase in range(3):
        # Cut off the characters that also depend on the neighbours' bits.
        encoded = base64.b64encode(bytes(phase) + value)
        core = encoded[-(-phase * 8 // 6) : (phase + len(value)) * 8 // 6]
        yield "base64", core
        if core.translate(_URLSAFE) != core:
            yield "base64url", core.translate(_URLSAFE)
    wide = [value.hex()]  # a secret would stand in a wide string as its digits
    with suppress(UnicodeDecodeError):
        wide.append(value.decode("utf-8"))
    for text in wide:
        yield "UTF-16LE", text.encode("utf-16-le")
        yield "UTF-16BE", text.encode("utf-16-be")


_URLSAFE = bytes.maketrans(b"+/", b"-_")


class PatternTable:
    """The table of all spellings of all needles; one search takes time linear in the haystack."""

    def __init__(self, needles: Iterable[Needle]) -> None:
        self._needles: list[Needle] = [needle for needle in needles if len(needle.value) >= MIN_NEEDLE]
        self._words: dict[int, list[_Spelling]] = {}
        self.longest = WORD
        seen: set[bytes] = set()
        for number, needle in enumerate(self._needles):
            for form, data in spellings(needle.value):
                if data not in seen and len(data) >= _MIN_SPELLING:
                    seen.add(data)
                    self._enter(_Spelling(number, form, data))
        self._known = frozenset(self._words)

    def __len__(self) -> int:
        return len(self._needles)

    @property
    def needles(self) -> tuple[Needle, ...]:
        """The needles that are long enough to be searched for."""
        return tuple(self._needles)

    def _enter(self, spelling: _Spelling) -> None:
        self.longest = max(self.longest, len(spelling.data))
        for offset in range(WORD):
            self._words.setdefault(_word(spelling.data, offset), []).append(spelling)
            if len(spelling.data) >= offset + 2 * WORD:
                # The word behind it is present too; asking for both keeps everyday words from being candidates.
                self._words.setdefault(_word(spelling.data, offset + WORD), [])

    def search(self, haystack: bytes, place: str) -> list[Hit]:
        """Return each needle's first occurrence in `haystack`, which starts at a word boundary."""
        if not self._known:
            return []
        whole = len(haystack) // WORD * WORD
        present = self._known.intersection(memoryview(haystack)[:whole].cast("Q"))
        candidates = {spelling for word in present for spelling in self._words[word]}
        found: dict[tuple[int, str], Hit] = {}
        for spelling in candidates:
            if _suggested(spelling.data, present) and spelling.data in haystack:
                needle = self._needles[spelling.needle]
                found[spelling.needle, spelling.form] = Hit(needle.name, spelling.form, place)
        return [found[key] for key in sorted(found)]


def _suggested(data: bytes, present: frozenset[int]) -> bool:
    """Tell whether some alignment has its first word, and the one behind it where there is one, in the haystack."""
    return any(
        _word(data, offset) in present and (len(data) < offset + 2 * WORD or _word(data, offset + WORD) in present)
        for offset in range(WORD)
    )


def _word(data: bytes, offset: int) -> int:
    return int.from_bytes(data[offset : offset + WORD], _NATIVE)


_NATIVE: Literal["little", "big"] = "little" if memoryview(b"\x01" + bytes(7)).cast("Q")[0] == 1 else "big"
