"""Integers of the wire: none comes out of a parser that a database, a calendar or a subtraction could choke on."""

from __future__ import annotations

import pytest

from tapeline.base.rules import Refused, Rule
from tapeline.base.secret import Secret
from tapeline.base.times import time_text
from tapeline.crypto.ack import sign_ack, verify_ack
from tapeline.crypto.bounds import MAX_INTEGER, MAX_TIME_MS, limit_of, require_bounded
from tapeline.crypto.message.verify import parse_message
from tapeline.crypto.signing import SigningKey
from tapeline.crypto.wire import encode, parse
from tapeline.wire.v1 import objects_pb2 as pb
from tapeline.wire.v1.content_pb2 import Attachment, Content
from tapeline.wire.v1.relay_pb2 import Delivery, ServerFrame, SyncPage

WIDE = [
    (cls, field.name)
    for name, cls in sorted(vars(pb).items())
    if isinstance(cls, type) and hasattr(cls, "DESCRIPTOR")
    for field in cls.DESCRIPTOR.fields
    if field.cpp_type == field.CPPTYPE_UINT64
]


def refused(call: object, *arguments: object) -> Rule:
    with pytest.raises(Refused) as caught:
        call(*arguments)  # type: ignore[operator]
    return caught.value.rule


@pytest.mark.rule(Rule.WIRE_SIZE)
@pytest.mark.parametrize(("cls", "field"), WIDE, ids=[f"{cls.__name__}.{field}" for cls, field in WIDE])
def test_every_integer_of_every_signed_object_has_its_bound(cls: type, field: str) -> None:
    limit = MAX_TIME_MS if field.endswith("_ms") else MAX_INTEGER
    at_limit = encode(cls(**{field: limit}))
    assert getattr(parse(cls, at_limit, limit=1000, what="thing"), field) == limit
    for value in (limit + 1, 2**64 - 1):
        data = encode(cls(**{field: value}))
        with pytest.raises(Refused) as caught:
            parse(cls, data, limit=1000, what="thing")
        assert caught.value.rule is Rule.WIRE_SIZE


def test_there_are_integers_to_bound() -> None:
    assert {"client_time_ms", "newest_leaf", "relay_time_ms", "prekey_id", "sequence"} <= {field for _, field in WIDE}
    assert time_text(limit_of("client_time_ms")).startswith("9999-12-31 23:59:59")


@pytest.mark.rule(Rule.WIRE_SIZE)
@pytest.mark.parametrize(
    "inside",
    [
        Content(attachment=Attachment(size=2**63)),
        ServerFrame(deliveries=[Delivery(), Delivery(ack=pb.Ack(index=2**63))]),
        SyncPage(next=2**63),
    ],
    ids=["a message in a oneof", "an element of a list in a list", "at the top"],
)
def test_a_bound_holds_at_any_depth(inside: object) -> None:
    assert refused(require_bounded, inside, "thing") is Rule.WIRE_SIZE


@pytest.mark.rule(Rule.WIRE_SIZE)
def test_a_message_of_an_absurd_time_is_none() -> None:
    header = pb.MessageHeader(
        record_hash=bytes(64), previous=bytes(64), commitment=bytes(32), client_time_ms=2**63, newest_leaf=5
    )
    message = pb.Message(header=encode(header), ciphertext=bytes(32), signature=bytes(64))
    assert refused(parse_message, encode(message)) is Rule.WIRE_SIZE


@pytest.mark.rule(Rule.WIRE_SIZE)
def test_an_acknowledged_index_beyond_every_log_is_refused_however_well_it_is_signed() -> None:
    key = SigningKey.from_seed(Secret(bytes(32)))
    ack = pb.Ack(index=2**63, leaf=b"leaf", signature=sign_ack(key, "o", 2**63, b"leaf"))
    assert refused(verify_ack, key.public, "o", ack) is Rule.WIRE_SIZE
    ack = pb.Ack(index=2**63 - 1, leaf=b"leaf", signature=sign_ack(key, "o", 2**63 - 1, b"leaf"))
    verify_ack(key.public, "o", ack)
