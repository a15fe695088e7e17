"""Errors over the wire come back as what they were, cleaned and bounded."""

from __future__ import annotations

import pytest

from tapeline.base import errors
from tapeline.base.errors import TapelineError
from tapeline.base.remote import (
    MAX_REFUSAL_BYTES,
    RemoteRefusal,
    error_from_bytes,
    from_refusal,
    refusal_bytes,
    to_refusal,
)
from tapeline.base.rules import Refused, Rule
from tapeline.wire.v1.common_pb2 import Refusal
from tapeline.wire.v1.objects_pb2 import Ack


@pytest.mark.parametrize("rule", list(Rule))
def test_a_rule_comes_back_as_itself(rule: Rule) -> None:
    sent = Refused(rule, "It was so.")
    got = error_from_bytes(refusal_bytes(sent))
    assert isinstance(got, Refused)
    assert (got.rule, got.cause, got.remedy, got.retryable) == (rule, sent.cause, sent.remedy, sent.retryable)


@pytest.mark.parametrize(
    "cls",
    [
        errors.MalformedInput,
        errors.CryptoFailure,
        errors.StateError,
        errors.NotFound,
        errors.PermissionRefused,
        errors.Unauthenticated,
        errors.LimitExceeded,
        errors.Unavailable,
    ],
)
@pytest.mark.parametrize("retryable", [True, False])
def test_a_class_comes_back_as_itself(cls: type[TapelineError], retryable: bool) -> None:
    got = error_from_bytes(refusal_bytes(cls("Cause.", "Remedy.", retryable=retryable)))
    assert type(got) is cls
    assert (got.cause, got.remedy, got.retryable) == ("Cause.", "Remedy.", retryable)


def test_a_subclass_travels_as_the_class_that_every_peer_knows() -> None:
    class Special(errors.NotFound):
        pass

    assert to_refusal(Special("x")).code == "NotFound"


def test_an_unknown_rule_or_class_is_told_in_its_own_words() -> None:
    for refusal in (Refusal(rule="NEW-9", code="Refused", cause="c"), Refusal(code="Strange", cause="c")):
        got = from_refusal(refusal)
        assert isinstance(got, RemoteRefusal)
        assert (got.rule_id, got.code, got.cause) == (refusal.rule, refusal.code, "c")
        assert to_refusal(got) == refusal


def test_texts_are_printable_and_bounded() -> None:
    got = from_refusal(Refusal(code="NotFound", cause="\x1b[2J" + "x" * 9999, remedy="\u202egnp"))
    assert "\x1b" not in got.cause
    assert len(got.cause) < 600
    assert "\u202e" not in got.remedy


def test_a_newer_leaf_travels_where_there_is_room() -> None:
    ack = Ack(index=7, leaf=b"leaf", signature=b"s" * 64)
    assert Refusal.FromString(refusal_bytes(Refused(Rule.MSG_SESSION, "over"), ack)).newer == ack
    large = Ack(leaf=bytes(MAX_REFUSAL_BYTES))
    assert not Refusal.FromString(refusal_bytes(Refused(Rule.MSG_SESSION, "over"), large)).HasField("newer")


@pytest.mark.parametrize("data", [b"\xff", b"\x0a\xff", bytes(MAX_REFUSAL_BYTES + 1)])
def test_garbage_is_a_remote_refusal(data: bytes) -> None:
    assert isinstance(error_from_bytes(data), RemoteRefusal)
