"""Judging messages without opening them, as the relay does."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from message_kit import Session

from tapeline.base.rules import Refused, Rule
from tapeline.crypto.limits import SESSION_MESSAGES
from tapeline.crypto.message.verify import VerifiedMessage, parse_message, verify_alone, verify_message
from tapeline.crypto.signing import SigningKey
from tapeline.crypto.wire import encode
from tapeline.wire.v1 import objects_pb2 as pb

SESSION = Session()


def judge(message: bytes, **changes: object) -> VerifiedMessage:
    expected: dict[str, object] = {
        "sender_key": SESSION.key.public, "record_hash": SESSION.record_hash, "expected_index": 0,
        "expected_previous": SESSION.record_hash,
    }  # fmt: skip
    return verify_message(parse_message(message), **(expected | changes))  # type: ignore[arg-type]


def refused(message: bytes, **changes: object) -> Rule:
    with pytest.raises(Refused) as caught:
        judge(message, **changes)
    return caught.value.rule


def test_a_message_in_its_place_is_accepted() -> None:
    assert judge(SESSION.forge()).index == 0
    assert judge(SESSION.forge(index=255, previous=b"\1" * 64), expected_index=255, expected_previous=b"\1" * 64)


@pytest.mark.rule(Rule.MSG_SESSION)
def test_a_message_of_another_session_is_refused() -> None:
    assert refused(SESSION.forge(), record_hash=bytes(64), expected_previous=SESSION.record_hash) is Rule.MSG_SESSION


@pytest.mark.rule(Rule.MSG_INDEX)
@pytest.mark.parametrize("index", [0, 2, 3])
def test_a_gap_or_a_step_back_is_refused(index: int) -> None:
    message = SESSION.forge(index=index, previous=b"\1" * 64)
    assert refused(message, expected_index=1, expected_previous=b"\1" * 64) is Rule.MSG_INDEX


@pytest.mark.rule(Rule.MSG_INDEX)
def test_the_257th_message_is_refused() -> None:
    message = SESSION.forge(index=SESSION_MESSAGES)
    assert refused(message, expected_index=SESSION_MESSAGES) is Rule.MSG_INDEX


@pytest.mark.rule(Rule.MSG_PREVIOUS)
def test_a_wrong_previous_hash_is_refused() -> None:
    assert refused(SESSION.forge(previous=bytes(64))) is Rule.MSG_PREVIOUS
    assert refused(SESSION.forge(), expected_previous=b"\1" * 64) is Rule.MSG_PREVIOUS


@pytest.mark.rule(Rule.MSG_SIGNATURE)
def test_a_message_that_the_device_did_not_sign_is_refused() -> None:
    other = SigningKey.generate(SESSION.rng)
    assert refused(SESSION.forge(), sender_key=other.public) is Rule.MSG_SIGNATURE


def swap_ciphertext(message: pb.Message) -> None:
    message.ciphertext = bytes(len(message.ciphertext))


def swap_header(message: pb.Message) -> None:
    header = pb.MessageHeader.FromString(message.header)
    header.client_time_ms += 1
    message.header = encode(header)


def sign_as_record(message: pb.Message) -> None:
    message.signature = SESSION.key.sign("record", parse_message(encode(message)).message_hash)


@pytest.mark.rule(Rule.MSG_SIGNATURE)
@pytest.mark.parametrize("change", [swap_ciphertext, swap_header, sign_as_record])
def test_what_was_changed_after_signing_is_refused(change: Callable[[pb.Message], None]) -> None:
    message = pb.Message.FromString(SESSION.forge())
    change(message)
    assert refused(encode(message)) is Rule.MSG_SIGNATURE


@pytest.mark.rule(Rule.MSG_PADDING)
@pytest.mark.parametrize("length", [0, 15, 16, 19, 27, 70_000])
def test_a_ciphertext_of_no_padded_length_is_refused_unopened(length: int) -> None:
    with pytest.raises(Refused) as caught:
        parse_message(SESSION.forge(ciphertext=bytes(length)))
    assert caught.value.rule is Rule.MSG_PADDING


@pytest.mark.rule(Rule.WIRE_SIZE)
@pytest.mark.parametrize(
    "header",
    [{"record_hash": b""}, {"previous": bytes(63)}, {"commitment": bytes(33)}, {"blob_hashes": [bytes(32)]},
     {"blob_hashes": [bytes(64)] * 33}],
    ids=lambda header: next(iter(header)),
)  # fmt: skip
def test_fields_of_wrong_length_or_number_are_refused(header: dict[str, object]) -> None:
    with pytest.raises(Refused) as caught:
        parse_message(SESSION.forge(**header))
    assert caught.value.rule is Rule.WIRE_SIZE


@pytest.mark.rule(Rule.MSG_INDEX)
def test_a_message_read_alone_has_an_index_that_a_session_has() -> None:
    last = parse_message(SESSION.forge(index=255, previous=b"\1" * 64))
    assert verify_alone(last, sender_key=SESSION.key.public).index == 255
    with pytest.raises(Refused) as refused:
        verify_alone(parse_message(SESSION.forge(index=256, previous=b"\1" * 64)), sender_key=SESSION.key.public)
    assert refused.value.rule is Rule.MSG_INDEX
