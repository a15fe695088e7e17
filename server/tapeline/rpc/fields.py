"""Limits of request fields, declared beside the RPC and checked once, before its handler runs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

from google.protobuf.message import Message

from tapeline.base.rules import Rule, require


@dataclass(frozen=True, slots=True)
class Field:
    """Upper bounds of one field: bytes of a value, number of values, and the bounds inside a message."""

    size: int = 0
    count: int = 1
    inside: Mapping[str, Field] = field(default_factory=dict)


Fields = Mapping[str, Field]


def check_fields(message: Message, fields: Fields) -> None:
    """Refuse under WIR-3 a text, bytes or repeated field over its bound, or one that declares no bound."""
    for descriptor, value in message.ListFields():
        if descriptor.type not in _SIZED and not descriptor.is_repeated:
            continue
        bound = fields.get(descriptor.name, _NOTHING)
        values = cast("Sequence[object]", value) if descriptor.is_repeated else (value,)
        require(len(values) <= bound.count, Rule.WIRE_SIZE, f"The request's {descriptor.name} has too many values.")
        _check_values(descriptor.name, values, bound)


def _check_values(name: str, values: Iterable[object], bound: Field) -> None:
    for value in values:
        if isinstance(value, Message):
            check_fields(value, bound.inside)
        elif isinstance(value, (bytes, str)):
            size = len(value if isinstance(value, bytes) else value.encode())
            require(size <= bound.size, Rule.WIRE_SIZE, f"The request's {name} is over {bound.size} bytes.")


_NOTHING = Field()
_STRING, _MESSAGE, _BYTES = 9, 11, 12
"""FieldDescriptorProto.Type of the field types that have no bound of their own."""
_SIZED = frozenset({_STRING, _MESSAGE, _BYTES})
