"""Strict decoding of hashed and signed structures: the bytes received are the bytes hashed (protocol, Notation)."""

from __future__ import annotations

from typing import TypeVar

from google.protobuf.message import DecodeError, Message

from tapeline.base.errors import MalformedInput
from tapeline.base.rules import Rule, require
from tapeline.crypto.bounds import require_bounded

M = TypeVar("M", bound=Message)


def parse(cls: type[M], data: bytes, *, limit: int, what: str) -> M:
    """Return the message that `data` encodes canonically, at any depth without unknown fields or unbounded integers.

    Args:
        cls: the protobuf class.
        data: bytes from outside.
        limit: upper bound of `len(data)`.
        what: noun phrase for the error, such as "session record".

    Raises:
        Refused: WIRE_SIZE, WIRE_CANONICAL or WIRE_UNKNOWN.
        MalformedInput: the bytes are no protobuf of this class.
    """
    require(len(data) <= limit, Rule.WIRE_SIZE, f"A {what} exceeds {limit} bytes.")
    message = _decoded(cls, data, what)
    require(encode(message) == data, Rule.WIRE_CANONICAL, f"A {what} is not in canonical form.")
    known = cls()
    known.CopyFrom(message)
    known.DiscardUnknownFields()
    require(encode(known) == data, Rule.WIRE_UNKNOWN, f"A {what} holds unknown fields.")
    require_bounded(message, what)
    return message


def decode(cls: type[M], data: bytes, *, what: str) -> M:
    """Return a message that no hash or signature covers as it stands, such as an answer or a carried file.

    Raises:
        Refused: WIRE_SIZE, an integer beyond its bound.
        MalformedInput: the bytes are no protobuf of this class.
    """
    message = _decoded(cls, data, what)
    require_bounded(message, what)
    return message


def _decoded(cls: type[M], data: bytes, what: str) -> M:
    message = cls()
    try:
        message.ParseFromString(data)
    except DecodeError:  # no ValueError: protobuf's errors have a family of their own
        raise MalformedInput(f"A {what} does not decode.", "Discard it and report the sender.") from None
    return message


def encode(message: Message) -> bytes:
    """Return the deterministic serialisation: fields ascending, no defaults, map entries sorted by key."""
    return message.SerializeToString(deterministic=True)


def fixed(value: bytes, length: int, what: str) -> bytes:
    """Return `value`, or refuse it under WIRE_SIZE when it is not of exactly `length` bytes."""
    require(len(value) == length, Rule.WIRE_SIZE, f"A {what} is not {length} bytes long.")
    return value


def at_most(count: int, limit: int, what: str) -> None:
    """Refuse under WIRE_SIZE a list of more than `limit` entries."""
    require(count <= limit, Rule.WIRE_SIZE, f"There are more than {limit} {what}.")
