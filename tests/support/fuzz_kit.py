"""Random and spoilt inputs from a seed: messages of any type with odd values, and bytes that nearly parse."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

ROUNDS = int(os.environ.get("TAPELINE_FUZZ", "40"))
"""Inputs for each RPC and parser; `make soak` sets more."""
DEPTH = 4
_INTEGERS = (0, 1, 2, 63, 64, 2**31 - 1, 2**32 - 1, 2**63 - 1, 2**63, 2**64 - 1)
_TEXTS = ("", "a", "acme", "roster", "\x00", "\x1b[2J", "‮", "é" * 70, "x" * 300, "../..", "\ud7ff")
_LENGTHS = (0, 1, 12, 16, 31, 32, 33, 63, 64, 65, 128, 300)


def random_message(descriptor: Descriptor, rng: random.Random, depth: int = DEPTH) -> Message:
    """Return a message of a type, each field present or not, with values at the edges."""
    message = GetMessageClass(descriptor)()
    for field in descriptor.fields:
        if rng.random() < 0.3:
            continue
        if field.is_repeated:
            values = [_value(field, rng, depth) for _ in range(rng.choice((1, 1, 2, 3)))]
            getattr(message, field.name).extend(value for value in values if value is not None)
        elif (value := _value(field, rng, depth)) is not None:
            if isinstance(value, Message):
                getattr(message, field.name).CopyFrom(value)
            else:
                setattr(message, field.name, value)
    return message


def _value(field: FieldDescriptor, rng: random.Random, depth: int) -> object:
    if field.type == FieldDescriptor.TYPE_MESSAGE:
        return random_message(field.message_type, rng, depth - 1) if depth else None
    if field.type == FieldDescriptor.TYPE_STRING:
        return rng.choice(_TEXTS)
    if field.type == FieldDescriptor.TYPE_BYTES:
        return _bytes(rng)
    if field.type == FieldDescriptor.TYPE_BOOL:
        return rng.random() < 0.5
    limit = 2**64 if field.type == FieldDescriptor.TYPE_UINT64 else 2**32
    if field.type == FieldDescriptor.TYPE_ENUM:
        limit = 16
    return rng.choice([one for one in _INTEGERS if one < limit])


def _bytes(rng: random.Random) -> bytes:
    length = rng.choice(_LENGTHS)
    return rng.choice((rng.randbytes(length), bytes(length), b"\xff" * length))


def spoilt(data: bytes, rng: random.Random) -> bytes:
    """Return bytes that differ a little: flipped, cut, doubled, with something put in."""
    if not data:
        return rng.randbytes(rng.choice(_LENGTHS))
    place = rng.randrange(len(data))
    return rng.choice(
        (
            data[:place] + bytes([data[place] ^ (1 << rng.randrange(8))]) + data[place + 1 :],
            data[:place],
            data[:place] + rng.randbytes(rng.choice((1, 2, 8))) + data[place:],
            data + data,
            data[place:],
            data[:place] + b"\xff" * 10 + data[place:],
        )
    )


def inputs(corpus: list[bytes], rng: random.Random, rounds: int = ROUNDS) -> Iterator[bytes]:
    """Yield spoilt corpus entries and random bytes."""
    for _ in range(rounds):
        if corpus and rng.random() < 0.8:
            data = rng.choice(corpus)
            for _ in range(rng.choice((1, 1, 2, 4))):
                data = spoilt(data, rng)
            yield data
        else:
            yield rng.randbytes(rng.choice(_LENGTHS))
