"""Both implementations take and refuse the same altered bytes: strictness is specified too, not only the form."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import second_implementation as second
from hypothesis import given, settings
from hypothesis import strategies as st
from second_implementation import edwards, messages, statements, wire
from vectors_kit import load, un

from tapeline.base.errors import TapelineError
from tapeline.crypto.group import Point
from tapeline.crypto.message.verify import parse_message
from tapeline.crypto.record.parse import parse_shard
from tapeline.governance.jsonform import decode_json

Change = tuple[int, int, bytes]
"""Where (modulo the length), how many bytes to cut, what to insert."""

SPELLINGS = [b"\x00", b"\x80", b"\x80\x00", b"\x7a\x00", b"\x0a\x00", b" ", b"0"]
BYTES = st.one_of(st.binary(max_size=3), st.sampled_from(SPELLINGS))
CHANGES = st.lists(st.tuples(st.integers(0, 2**16), st.integers(0, 3), BYTES), min_size=1, max_size=2)

SHARD = wire.parse("SessionRecord", un(load("records")["cases"][0]["record"]))["shards"][0]
MESSAGE = un(load("messages")["cases"][2]["message"])
TEXTS = [case["payload"].encode() for case in load("statements")["cases"]]


def altered(base: bytes, changes: list[Change]) -> bytes:
    for at, cut, insert in changes:
        at %= len(base) + 1
        base = base[:at] + insert + base[at + cut :]
    return base


def code_takes(parse: Callable[[bytes], object], data: bytes) -> bool:
    try:
        parse(data)
    except TapelineError:
        return False
    return True


def second_takes(parse: Callable[[bytes], object], data: bytes) -> bool:
    try:
        parse(data)
    except (second.Refusal, UnicodeDecodeError):
        return False
    return True


def second_shard(data: bytes) -> None:
    shard = wire.parse("Shard", data)
    second.demand(len(shard["rows"]) <= 64, "WIR-3")
    for row in shard["rows"]:
        edwards.point(row["point"]), edwards.point(row["sealed"])


def second_message(data: bytes) -> None:
    message = wire.parse("Message", data)
    length = len(message["ciphertext"]) - 16
    wire.parse("MessageHeader", message["header"])
    second.demand(length >= 4 and length == messages.padme(length), "MSG-7")


@settings(max_examples=300, deadline=None)
@given(CHANGES)
def test_shards(changes: list[Change]) -> None:
    data = altered(SHARD, changes)
    assert code_takes(parse_shard, data) == second_takes(second_shard, data)


@settings(max_examples=500, deadline=None)
@given(CHANGES)
def test_messages(changes: list[Change]) -> None:
    data = altered(MESSAGE, changes)
    assert code_takes(parse_message, data) == second_takes(second_message, data)


@settings(max_examples=500, deadline=None)
@given(st.sampled_from(TEXTS), CHANGES)
def test_json(text: bytes, changes: list[Change]) -> None:
    data = altered(text, changes)
    assert code_takes(decode_json, data) == second_takes(statements.read, data)


@pytest.mark.parametrize("base", [SHARD, MESSAGE], ids=["shard", "message"])
def test_both_take_what_is_not_altered(base: bytes) -> None:
    code, other = (parse_shard, second_shard) if base is SHARD else (parse_message, second_message)
    assert code_takes(code, base)
    assert second_takes(other, base)


@settings(max_examples=150, deadline=None)
@given(st.binary(min_size=32, max_size=32))
def test_points_from_uniform(uniform: bytes) -> None:
    mapped = edwards.from_uniform(uniform)
    if mapped == edwards.IDENTITY:
        assert not code_takes(Point.from_hash, uniform)
    else:
        assert Point.from_hash(uniform).encode() == mapped.encode()
