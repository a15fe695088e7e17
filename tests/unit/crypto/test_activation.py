from __future__ import annotations

from dataclasses import replace

import pytest
from dkg_kit import Table, seeded

from tapeline.base.errors import MalformedInput
from tapeline.base.hashing import tagged_hash
from tapeline.base.rules import Refused, Rule
from tapeline.crypto.activation import (
    ACTIVATION_BYTES,
    ActivationAnswer,
    ActivationChallenge,
    make_activation,
    verify_activation,
)
from tapeline.crypto.dleq import EqualityStatement
from tapeline.crypto.group import Point
from tapeline.crypto.partial import Partial, PartialContext, verify_partial
from tapeline.crypto.shamir import KeyShare

OUTCOMES = Table(2, 3).outcomes()
SHARE = OUTCOMES[1].share
CHALLENGE = ActivationChallenge(OUTCOMES[1].transcript.digest(), "ana", b"n" * 32)


def test_a_restored_share_answers() -> None:
    restored = KeyShare.from_secret(SHARE.to_secret())
    encoded = make_activation(restored, CHALLENGE, seeded("answer")).encode()
    assert len(encoded) == ACTIVATION_BYTES
    public = OUTCOMES[2].transcript.verification_shares()[0]
    verify_activation(ActivationAnswer.decode(encoded), public, CHALLENGE)


def test_c0_comes_from_the_hash() -> None:
    digest = tagged_hash("activate", CHALLENGE.transcript_hash, b"ana", b"n" * 32)
    assert CHALLENGE.c0 == Point.from_hash(digest[:32])


@pytest.mark.rule(Rule.ACTIVATION)
def test_another_share_custodian_nonce_or_transcript_does_not_answer() -> None:
    answer = make_activation(SHARE, CHALLENGE, seeded("answer"))
    for public, challenge in (
        (OUTCOMES[2].share.public, CHALLENGE),
        (SHARE.public, replace(CHALLENGE, custodian="ben")),
        (SHARE.public, replace(CHALLENGE, nonce=b"m" * 32)),
        (SHARE.public, replace(CHALLENGE, transcript_hash=b"t" * 64)),
    ):
        with pytest.raises(Refused) as refusal:
            verify_activation(answer, public, challenge)
        assert (refusal.value.rule, refusal.value.culprit) == (Rule.ACTIVATION, challenge.custodian)


def test_an_answer_is_no_partial_decryption() -> None:
    """Same share, same C0, even the same hashes where partials have theirs: the tag alone keeps them apart."""
    answer = make_activation(SHARE, CHALLENGE, seeded("answer"))
    assert CHALLENGE.statement(SHARE.public, answer.point).tag != "partial"
    context = PartialContext(CHALLENGE.transcript_hash, b"a" * 64, b"b" * 32)
    shares = OUTCOMES[1].transcript.verification_shares()
    with pytest.raises(Refused):
        verify_partial(Partial(1, answer.point, answer.proof), shares, CHALLENGE.c0, context)


def test_the_tag_separates_equal_statements() -> None:
    statement = CHALLENGE.statement(SHARE.public, SHARE.public)
    other = EqualityStatement("partial", statement.public, statement.base, statement.image, statement.binding)
    assert statement.challenge(SHARE.public, SHARE.public) != other.challenge(SHARE.public, SHARE.public)


@pytest.mark.parametrize("length", [0, ACTIVATION_BYTES - 1, ACTIVATION_BYTES + 1])
def test_an_answer_has_one_length(length: int) -> None:
    with pytest.raises(MalformedInput):
        ActivationAnswer.decode(bytes(length))
