"""Acknowledgements."""

from __future__ import annotations

import pytest
from record_kit import SeededRng

from tapeline.base.rules import Refused, Rule
from tapeline.crypto.ack import sign_ack, verify_ack
from tapeline.crypto.signing import SigningKey
from tapeline.wire.v1.objects_pb2 import Ack

RNG = SeededRng("ack")
KEY = SigningKey.generate(RNG)
ORIGIN = "log.example/archive"


def ack(**changes: object) -> Ack:
    made = Ack(index=7, leaf=b"leaf", signature=sign_ack(KEY, ORIGIN, 7, b"leaf"))
    for name, value in changes.items():
        setattr(made, name, value)
    return made


def test_an_ack_verifies() -> None:
    verify_ack(KEY.public, ORIGIN, ack())


@pytest.mark.rule(Rule.ACK_SIGNATURE)
@pytest.mark.parametrize("change", [{"index": 8}, {"leaf": b"other"}, {"signature": bytes(64)}, {"signature": b""}])
def test_an_altered_ack_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(Refused) as caught:
        verify_ack(KEY.public, ORIGIN, ack(**change))
    assert caught.value.rule is Rule.ACK_SIGNATURE


@pytest.mark.rule(Rule.ACK_SIGNATURE)
def test_an_ack_of_another_log_or_key_is_refused() -> None:
    for public, origin in ((KEY.public, "log.example/audit"), (SigningKey.generate(RNG).public, ORIGIN)):
        with pytest.raises(Refused) as caught:
            verify_ack(public, origin, ack())
        assert caught.value.rule is Rule.ACK_SIGNATURE
