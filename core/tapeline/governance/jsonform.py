"""Strict JSON: one spelling for each value, read field by field under GOV-2 (governance, introduction)."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import TypeVar, cast

from tapeline.base.rules import Rule, require
from tapeline.base.text import printable

Json = bool | int | str | list["Json"] | dict[str, "Json"]
T = TypeVar("T")

MAX_JSON_BYTES = 8 * 1024 * 1024
MAX_DEPTH = 8
MAX_TEXT = 16 * 1024
MAX_NAME_BYTES = 64
MAX_INTEGER = 2**63 - 1


def encode_json(value: Json) -> bytes:
    """Return the one spelling: keys sorted, no spaces, UTF-8 unescaped where JSON allows."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def decode_json(data: bytes) -> Json:
    """Parse JSON without floats, null, doubled keys, deep nesting or any spelling but `encode_json`'s.

    Raises:
        Refused: DSSE_SYNTAX.
    """
    require(len(data) <= MAX_JSON_BYTES, Rule.DSSE_SYNTAX, "A statement is too large.")
    value = _loads(data)
    require(_is_plain(value, MAX_DEPTH), Rule.DSSE_SYNTAX, "A statement is no JSON of objects, lists, text, integers.")
    # A doubled key, spaces, or an escape: another parser might read them otherwise.
    require(encode_json(cast(Json, value)) == data, Rule.DSSE_SYNTAX, "A statement is not in its one JSON spelling.")
    return cast(Json, value)


def _loads(data: bytes) -> object:
    try:
        return cast(object, json.loads(data.decode("utf-8")))
    except (ValueError, RecursionError):
        return None  # null is nowhere allowed, so the caller refuses it


def _is_plain(value: object, depth: int) -> bool:
    if depth == 0:
        return False
    if isinstance(value, dict):
        return all(_is_plain(key, depth) and _is_plain(item, depth - 1) for key, item in value.items())
    if isinstance(value, list):
        return all(_is_plain(item, depth - 1) for item in value)
    if isinstance(value, str):
        return _is_unicode(value)
    return type(value) is bool or (type(value) is int and abs(value) <= MAX_INTEGER)


def _is_unicode(text: str) -> bool:
    """Tell whether the text has no lone surrogate, which an escape in JSON can make."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


class Fields:
    """Reads the fields of one JSON object, each once and of its type; `finish` refuses those left over."""

    def __init__(self, value: Json, what: str) -> None:
        require(isinstance(value, dict), Rule.DSSE_SYNTAX, f"{what} is not a JSON object.")
        self._left = dict(value) if isinstance(value, dict) else {}
        self._what = what

    def finish(self) -> None:
        """Refuse fields that nobody asked for."""
        require(not self._left, Rule.DSSE_SYNTAX, f"{self._what} has unknown fields.")

    def text(self, name: str, *, limit: int = MAX_TEXT) -> str:
        """Return free text without control characters other than newlines, up to `limit` characters, maybe empty."""
        text = self._take(name, str)
        clean = text.isprintable() or printable(text, limit=len(text), newlines=True) == text
        self._require(name, len(text) <= limit and clean)
        return text

    def name(self, name: str) -> str:
        """Return an identifier: 1 to 64 UTF-8 bytes, printable, not starting or ending in a space."""
        return self.check(name, self._take(name, str), is_name)

    def choice(self, name: str, allowed: Sequence[str] | frozenset[str]) -> str:
        """Return a text that is one of `allowed`."""
        return self.check(name, self._take(name, str), lambda text: text in allowed)

    def integer(self, name: str, low: int = 0, high: int = MAX_INTEGER) -> int:
        """Return an integer within the bounds, both included."""
        return self.check(name, self._take(name, int), lambda value: low <= value <= high)

    def flag(self, name: str) -> bool:
        """Return true or false."""
        return self._take(name, bool)

    def hex(self, name: str, length: int, *, optional: bool = False) -> bytes:
        """Return bytes from lower-case hex, `length` of them; empty too where `optional`."""
        return self._unhex(name, self._take(name, str), length, optional=optional)

    def blob(self, name: str, *, limit: int) -> bytes:
        """Return bytes from lower-case hex, 1 to `limit` of them."""
        text = self._take(name, str)
        return self._unhex(name, text, min(max(len(text) // 2, 1), limit))

    def hexes(self, name: str, length: int, *, limit: int) -> tuple[bytes, ...]:
        """Return a list of hex texts, each of `length` bytes."""
        return tuple(self._unhex(name, self._text(name, item), length) for item in self._list(name, limit))

    def names(self, name: str, *, limit: int) -> tuple[str, ...]:
        """Return a list of identifiers."""
        return tuple(self.check(name, self._text(name, item), is_name) for item in self._list(name, limit))

    def object(self, name: str, read: Callable[[Fields], T]) -> T:
        """Return what `read` makes of a nested object."""
        return self._nested(self._take(name, dict), name, read)

    def objects(self, name: str, read: Callable[[Fields], T], *, limit: int) -> tuple[T, ...]:
        """Return what `read` makes of each object of a list."""
        return tuple(self._nested(item, name, read) for item in self._list(name, limit))

    def mapping(self, name: str, *, limit: int) -> dict[str, str]:
        """Return an object whose values are all texts."""
        items = self._take(name, dict)
        self._require(name, len(items) <= limit)
        return {key: self._text(name, value) for key, value in items.items()}

    def check(self, name: str, value: T, holds: Callable[[T], bool]) -> T:
        """Return `value`, or refuse the field where it does not hold."""
        self._require(name, holds(value))
        return value

    def _nested(self, value: Json, name: str, read: Callable[[Fields], T]) -> T:
        fields = Fields(value, f"{self._what}, {name},")
        result = read(fields)
        fields.finish()
        return result

    def _list(self, name: str, limit: int) -> list[Json]:
        return self.check(name, self._take(name, list), lambda items: len(items) <= limit)

    def _text(self, name: str, value: Json) -> str:
        self._require(name, isinstance(value, str))
        return cast(str, value)

    def _unhex(self, name: str, text: str, length: int, *, optional: bool = False) -> bytes:
        lower = all(char in "0123456789abcdef" for char in text)
        self._require(name, lower and (len(text) == 2 * length or (optional and not text)))
        return bytes.fromhex(text)

    def _take(self, name: str, kind: type[T]) -> T:
        value = self._left.pop(name, None)
        self._require(name, type(value) is kind)
        return cast(T, value)

    def _require(self, name: str, holds: bool) -> None:
        require(holds, Rule.DSSE_SYNTAX, f"{self._what}: the field {name} is missing or malformed.")


def is_name(text: str) -> bool:
    """Tell whether a text may be an identifier of a person, firm, user, class or witness."""
    return 0 < len(text.encode("utf-8", "replace")) <= MAX_NAME_BYTES and printable(text) == text == text.strip()
