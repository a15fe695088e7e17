"""Ceremonies of any size up to seven: they open, and any changed byte is refused and names its maker."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import pytest
from dkg_kit import Table, seeded
from hypothesis import given, settings
from hypothesis import strategies as st

from tapeline.base.errors import TapelineError
from tapeline.base.rules import Refused, Rule
from tapeline.crypto.activation import ActivationAnswer, ActivationChallenge, make_activation, verify_activation
from tapeline.crypto.ceremony import verify_round1
from tapeline.crypto.cocktail.certificate import sign_transcript, verify_certificate
from tapeline.crypto.cocktail.recovery import recover
from tapeline.crypto.cocktail.round1 import Round1Message, check_message
from tapeline.crypto.cocktail.round2 import receive
from tapeline.crypto.combine import combine
from tapeline.crypto.group import Point, Scalar
from tapeline.crypto.partial import PARTIAL_BYTES, Partial, PartialContext, make_partial, verify_partial
from tapeline.crypto.shamir import interpolate

CONTEXT = PartialContext(b"c" * 64, b"r" * 64, b"w" * 32)
SIZES = st.integers(2, 7).flatmap(lambda n: st.tuples(st.integers(2, n), st.just(n)))
FLIPS = st.integers(1, 255)
table_of = cache(Table)


@given(size=SIZES, seed=st.integers(0, 2**32), data=st.data())
@settings(max_examples=30, deadline=None)
def test_any_ceremony_opens_with_any_t_of_its_custodians(size: tuple[int, int], seed: int, data: st.DataObject) -> None:
    threshold, members = size
    table = Table(threshold, members, str(seed))
    outcomes = table.outcomes()
    transcript = outcomes[1].transcript
    assert {outcome.transcript for outcome in outcomes.values()} == {transcript}
    signatures = {i: sign_transcript(table.host_secrets[i], transcript) for i in outcomes}
    verify_certificate(transcript, signatures)

    rng = seeded(f"record {seed}")
    r, m = Scalar.random(rng), Scalar.random(rng).base_mul()
    c0, c_e = r.base_mul(), m + transcript.group_key.mul(r)
    chosen = data.draw(st.permutations(range(1, members + 1)))[:threshold]
    shares = transcript.verification_shares()
    partials = [verify_partial(make_partial(outcomes[i].share, c0, CONTEXT, rng), shares, c0, CONTEXT) for i in chosen]
    assert combine(c_e, c0, partials, threshold, CONTEXT) == m
    assert interpolate({i: outcomes[i].share.secret for i in chosen}).base_mul() == transcript.group_key
    for i in chosen[:1]:
        assert recover(table.host_secrets[i], transcript.encode(), signatures, outcomes[i].bundle) == outcomes[i]
    if threshold > 2:
        fewer = {i: outcomes[i].share.secret for i in chosen[:-1]}
        assert interpolate(fewer).base_mul() != transcript.group_key


@cache
def _partial() -> tuple[bytes, Point, tuple[Point, ...]]:
    """Return the bytes of participant 2's partial, its C0, and the verification shares."""
    outcome, rng = table_of(3, 5).receive(2), seeded("partial")
    c0 = Scalar.random(rng).base_mul()
    return make_partial(outcome.share, c0, CONTEXT, rng).encode(), c0, outcome.transcript.verification_shares()


@given(position=st.integers(0, PARTIAL_BYTES - 1), flip=FLIPS)
@settings(max_examples=200, deadline=None)
def test_any_changed_byte_of_a_partial_is_refused_and_names_its_index(position: int, flip: int) -> None:
    encoded, c0, shares = _partial()
    changed = _changed(encoded, position, flip)
    refusal = _refusal(lambda: verify_partial(Partial.decode(changed), shares, c0, CONTEXT))
    assert refusal.rule in (Rule.PARTIAL_PROOF, Rule.GROUP_POINT, Rule.GROUP_SCALAR)
    assert refusal.culprit == str(int.from_bytes(changed[:4], "little"))


def _refusal(call: Callable[[], object]) -> Refused:
    """Return how the call was refused; that it is not refused fails the test."""
    with pytest.raises(Refused) as refusal:
        call()
    return refusal.value


def _changed(data: bytes, position: int, flip: int) -> bytes:
    return data[:position] + bytes([data[position] ^ flip]) + data[position + 1 :]


@given(data=st.data(), flip=FLIPS)
@settings(max_examples=200, deadline=None)
def test_any_changed_byte_of_a_signed_round_1_message_names_its_sender(data: st.DataObject, flip: int) -> None:
    table = table_of(2, 3)
    sender = data.draw(st.integers(1, 3))
    signed = table.signed()[sender]
    position = data.draw(st.integers(0, len(signed) - 1))
    changed, public = _changed(signed, position, flip), table.roster_keys[sender].public
    refusal = _refusal(lambda: verify_round1(public, table.setup, sender, changed))
    assert (refusal.rule, refusal.culprit) == (Rule.DKG_ROUND1, str(sender))


@given(data=st.data(), flip=FLIPS)
@settings(max_examples=300, deadline=None)
def test_a_dealer_who_signs_a_changed_message_is_named_by_someone(data: st.DataObject, flip: int) -> None:
    """Under a valid signature, too, each byte of a round-1 message matters to at least one participant."""
    table = table_of(2, 3)
    sender = data.draw(st.integers(1, 3))
    encoded = table.messages[sender].encode()
    changed = _changed(encoded, data.draw(st.integers(0, len(encoded) - 1)), flip)
    culprits = {_culprit(table, sender, changed, recipient) for recipient in table.setup.indices}
    assert str(sender) in culprits
    assert culprits <= {str(sender), None}


def _culprit(table: Table, sender: int, changed: bytes, recipient: int) -> str | None:
    try:
        message = Round1Message.decode(changed, table.setup, sender)
        check_message(table.setup, sender, message)
        receive(table.setup, table.host_secrets[recipient], table.messages | {sender: message}, b"")
    except Refused as refusal:
        return refusal.culprit
    return None


@given(data=st.data(), flip=FLIPS)
@settings(max_examples=100, deadline=None)
def test_any_changed_byte_of_a_success_signature_or_transcript_is_refused(data: st.DataObject, flip: int) -> None:
    table = table_of(2, 3)
    transcript = table.receive(1).transcript
    signatures = {i: sign_transcript(secret, transcript) for i, secret in table.host_secrets.items()}
    signer = data.draw(st.integers(1, 3))
    changed = _changed(signatures[signer], data.draw(st.integers(0, 63)), flip)
    refusal = _refusal(lambda: verify_certificate(transcript, signatures | {signer: changed}))
    assert (refusal.rule, refusal.culprit) == (Rule.DKG_TRANSCRIPT, str(signer))
    encoded = transcript.encode()
    bent = _changed(encoded, data.draw(st.integers(0, len(encoded) - 1)), flip)
    with pytest.raises(TapelineError):
        recover(table.host_secrets[1], bent, signatures, table.receive(1).bundle)


@given(data=st.data(), flip=FLIPS)
@settings(max_examples=100, deadline=None)
def test_any_changed_byte_of_an_activation_answer_is_refused(data: st.DataObject, flip: int) -> None:
    outcome = table_of(2, 3).receive(1)
    challenge = ActivationChallenge(outcome.transcript.digest(), "ana", b"n" * 32)
    encoded = make_activation(outcome.share, challenge, seeded("activation")).encode()
    changed = _changed(encoded, data.draw(st.integers(0, len(encoded) - 1)), flip)
    refusal = _refusal(lambda: verify_activation(ActivationAnswer.decode(changed), outcome.share.public, challenge))
    assert refusal.rule in (Rule.ACTIVATION, Rule.GROUP_POINT, Rule.GROUP_SCALAR)
