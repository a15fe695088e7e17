"""Strict decoding: one encoding for one message, nothing unknown in it, nothing too large."""

from __future__ import annotations

import pytest

from tapeline.base.errors import MalformedInput
from tapeline.base.rules import Refused, Rule
from tapeline.crypto.wire import at_most, encode, fixed, parse
from tapeline.wire.v1.content_pb2 import Content
from tapeline.wire.v1.objects_pb2 import MembershipStatement, Message, MessageHeader, SessionHeader, SignedObject

BODY = b"\x0a\x02hi"  # field 1
SIGNATURE = b"\x12\x01s"  # field 2


def read(data: bytes, limit: int = 1000) -> SignedObject:
    return parse(SignedObject, data, limit=limit, what="thing")


def test_canonical_bytes_are_read() -> None:
    assert read(BODY + SIGNATURE) == SignedObject(body=b"hi", signature=b"s")
    assert encode(read(BODY + SIGNATURE)) == BODY + SIGNATURE


@pytest.mark.rule(Rule.WIRE_CANONICAL)
@pytest.mark.parametrize(
    "data",
    [SIGNATURE + BODY, BODY + BODY, b"\x0a\x82\x00hi", BODY + b"\x12\x00"],
    ids=["order", "repeat", "long varint", "explicit default"],
)
def test_other_encodings_of_the_same_message_are_refused(data: bytes) -> None:
    with pytest.raises(Refused) as caught:
        read(data)
    assert caught.value.rule is Rule.WIRE_CANONICAL


@pytest.mark.rule(Rule.WIRE_CANONICAL)
def test_unsorted_map_entries_are_refused() -> None:
    a, b = (encode(Content(labels={key: "x"})) for key in "ab")
    assert parse(Content, a + b, limit=100, what="content").labels == {"a": "x", "b": "x"}
    with pytest.raises(Refused) as caught:
        parse(Content, b + a, limit=100, what="content")
    assert caught.value.rule is Rule.WIRE_CANONICAL


@pytest.mark.rule(Rule.WIRE_UNKNOWN)
def test_unknown_fields_are_refused() -> None:
    with pytest.raises(Refused) as caught:
        read(BODY + SIGNATURE + b"\xfa\x01\x01x")  # field 31
    assert caught.value.rule is Rule.WIRE_UNKNOWN


@pytest.mark.rule(Rule.WIRE_UNKNOWN)
def test_unknown_fields_inside_are_refused() -> None:
    member = b"\x0a\x01f\x12\x01u\x20\x01"  # firm, user, and a field 4
    with pytest.raises(Refused) as caught:
        parse(MembershipStatement, b"\x2a" + bytes([len(member)]) + member, limit=100, what="statement")
    assert caught.value.rule is Rule.WIRE_UNKNOWN


@pytest.mark.rule(Rule.WIRE_SIZE)
def test_what_exceeds_its_limit_is_refused() -> None:
    data = BODY + SIGNATURE
    assert read(data, limit=len(data))
    with pytest.raises(Refused) as caught:
        read(data, limit=len(data) - 1)
    assert caught.value.rule is Rule.WIRE_SIZE


@pytest.mark.rule(Rule.WIRE_SIZE)
def test_wrong_lengths_and_counts_are_refused() -> None:
    assert fixed(b"abc", 3, "thing") == b"abc"
    at_most(3, 3, "things")
    for wrong in (
        lambda: fixed(b"ab", 3, "thing"),
        lambda: fixed(b"abcd", 3, "thing"),
        lambda: at_most(4, 3, "things"),
    ):
        with pytest.raises(Refused) as caught:
            wrong()
        assert caught.value.rule is Rule.WIRE_SIZE


@pytest.mark.parametrize("data", [b"\x0a\xff", b"\xff", b"\x0b"], ids=["short", "no tag", "group"])
def test_what_does_not_decode_is_refused(data: bytes) -> None:
    with pytest.raises(MalformedInput):
        read(data)


def test_text_that_is_not_utf8_is_refused() -> None:
    with pytest.raises(MalformedInput):
        parse(MembershipStatement, b"\x2a\x04\x0a\x02\xff\xfe", limit=100, what="statement")


def test_absent_and_present_optionals_differ() -> None:
    assert encode(MessageHeader()) == b""
    assert encode(MessageHeader(conversation_sequence=0)) != b""


@pytest.mark.parametrize("cls", [SignedObject, SessionHeader, Message, Content])
def test_empty_bytes_are_the_empty_message(cls: type) -> None:
    assert parse(cls, b"", limit=0, what="thing") == cls()
