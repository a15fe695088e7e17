"""Text from others, made safe to show: no control character stays alive."""

from __future__ import annotations

import unicodedata

# Cc: terminal escapes; Cf: bidi overrides and zero-width joiners that disguise names; Cs, Co: not text;
# Zl, Zp: line breaks in disguise.
_UNSAFE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def printable(text: str, *, limit: int = 4096, newlines: bool = False) -> str:
    """Return `text` with every control or format character shown as its code, cut at `limit` characters.

    >>> printable("a\\x1b[2Jb")
    'a\\\\x1b[2Jb'
    """
    shown = "".join(
        char if (newlines and char == "\n") or unicodedata.category(char) not in _UNSAFE else _code(char)
        for char in text[:limit]
    )
    return shown + "…" if len(text) > limit else shown


def plural(count: int, noun: str, many: str = "") -> str:
    """Return a count with its noun; `many` where the plural is not the noun with an s.

    >>> plural(1, "bundle"), plural(1200, "bundle"), plural(2, "witness", "witnesses")
    ('1 bundle', '1,200 bundles', '2 witnesses')
    """
    return f"{count:,} {noun if count == 1 else many or noun + 's'}"


def _code(char: str) -> str:
    return char.encode("unicode_escape").decode("ascii") if ord(char) < 0xD800 or ord(char) > 0xDFFF else "\\ufffd"
