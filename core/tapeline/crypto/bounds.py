"""Bounds of every integer in a decoded structure: what is kept, shown or computed with fits where it is put.

A uint64 of the wire does not fit a database's integer, and no calendar holds most of them. So no parser hands out one
that is 2⁶³ or more, nor a time (a field that ends in `_ms`) after the year 9999.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from tapeline.base.rules import Rule, require

MAX_INTEGER = 2**63 - 1
MAX_TIME_MS = 253_402_300_799_999
"""The last millisecond of the year 9999, UTC."""

_WIDE = frozenset({FieldDescriptor.CPPTYPE_UINT64, FieldDescriptor.CPPTYPE_INT64})


@dataclass(frozen=True, slots=True)
class _Plan:
    """A class's fields that hold wide integers, with their limits, and those that lead to some."""

    integers: tuple[tuple[str, int, bool], ...]
    messages: tuple[tuple[str, bool], ...]

    @property
    def is_empty(self) -> bool:
        return not (self.integers or self.messages)


def require_bounded(message: Message, what: str) -> None:
    """Refuse under WIR-3 a structure with an integer, at any depth, that is beyond the bound of its field."""
    plan = _plan(message.DESCRIPTOR)
    for name, limit, repeated in plan.integers:
        value = getattr(message, name)
        values = value if repeated else (value,)
        require(all(0 <= one <= limit for one in values), Rule.WIRE_SIZE, f"A {what}'s {name} is out of bounds.")
    for name, repeated in plan.messages:
        inner = getattr(message, name)
        for one in inner if repeated else (inner,):
            require_bounded(one, what)


@lru_cache(maxsize=256)
def _plan(descriptor: Descriptor) -> _Plan:
    fields = [field for field in descriptor.fields if not _is_map(field)]
    return _Plan(
        integers=tuple((field.name, limit_of(field.name), field.is_repeated) for field in fields if _is_wide(field)),
        messages=tuple((field.name, field.is_repeated) for field in fields if _leads_on(field)),
    )


def limit_of(name: str) -> int:
    """Return the highest value of an integer field of that name."""
    return MAX_TIME_MS if name.endswith("_ms") else MAX_INTEGER


def _is_wide(field: FieldDescriptor) -> bool:
    return field.cpp_type in _WIDE


def _leads_on(field: FieldDescriptor) -> bool:
    return field.message_type is not None and not _plan(field.message_type).is_empty


def _is_map(field: FieldDescriptor) -> bool:
    return field.message_type is not None and field.message_type.GetOptions().map_entry
