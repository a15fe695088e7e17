"""Each way of cheating in the ceremony, and who is named for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from dkg_kit import Table, parameters

from tapeline.base.errors import MalformedInput, StateError
from tapeline.base.rules import Refused, Rule
from tapeline.crypto.cocktail.certificate import sign_transcript, verify_certificate
from tapeline.crypto.cocktail.deal import deal_polynomial
from tapeline.crypto.cocktail.recovery import recover
from tapeline.crypto.cocktail.round1 import Round1Message, possession_message
from tapeline.crypto.cocktail.round2 import receive
from tapeline.crypto.cocktail.schnorr import sign
from tapeline.crypto.cocktail.setup import Setup
from tapeline.crypto.cocktail.transcript import Transcript
from tapeline.crypto.group import B, Scalar


@pytest.fixture
def table() -> Table:
    return Table(2, 3)


@pytest.mark.rule(Rule.DKG_COMMITMENTS)
@pytest.mark.parametrize("coefficients", [1, 3])
def test_other_than_t_commitments_are_refused(table: Table, coefficients: int) -> None:
    """All else is in order: proof of possession and every share fit the polynomial of the wrong degree."""
    table.redeal(2, coefficients)
    with pytest.raises(Refused) as refusal:
        table.receive(1)
    assert (refusal.value.rule, refusal.value.culprit) == (Rule.DKG_COMMITMENTS, "2")
    with pytest.raises(Refused) as refusal:
        Round1Message.decode(table.messages[2].encode(), table.setup, 2)
    assert (refusal.value.rule, refusal.value.culprit) == (Rule.DKG_COMMITMENTS, "2")


@pytest.mark.rule(Rule.DKG_COMMITMENTS)
@pytest.mark.parametrize("change", [lambda m: m[:-1], lambda m: m + b"\0", lambda m: b"", lambda m: m + m[-56:]])
def test_bytes_that_do_not_come_out_even_are_refused(table: Table, change: Callable[[bytes], bytes]) -> None:
    with pytest.raises(Refused) as refusal:
        Round1Message.decode(change(table.messages[1].encode()), table.setup, 1)
    assert (refusal.value.rule, refusal.value.culprit) == (Rule.DKG_COMMITMENTS, "1")


@pytest.mark.rule(Rule.DKG_INDEX)
def test_a_doubled_host_key_is_refused(table: Table) -> None:
    with pytest.raises(Refused) as refusal:
        Setup(b"session", 2, (B, B))
    assert refusal.value.rule is Rule.DKG_INDEX


@pytest.mark.rule(Rule.DKG_INDEX)
@pytest.mark.parametrize("indices", [{1, 2}, {0, 1, 2, 3}, {1, 2, 3, 4}, {0, 1, 2}])
def test_round_1_has_one_message_of_each(table: Table, indices: set[int]) -> None:
    table.messages = {index: table.messages.get(index, table.messages[1]) for index in indices}
    with pytest.raises(Refused) as refusal:
        receive(table.setup, table.host_secrets[1], table.messages, b"")
    assert refusal.value.rule is Rule.DKG_INDEX


@pytest.mark.rule(Rule.DKG_POSSESSION)
def test_a_rogue_constant_term_is_refused(table: Table) -> None:
    """The dealer adds somebody's point to its constant term, and signs with what it does know."""
    message = table.messages[3]
    rogue = (message.commitments[0] + table.messages[1].commitments[0], *message.commitments[1:])
    signed = possession_message(table.setup.context, rogue, message.ephemeral)
    table.messages[3] = replace(message, commitments=rogue, possession=sign(Scalar.from_int(5), signed))
    with pytest.raises(Refused) as refusal:
        table.receive(1)
    assert (refusal.value.rule, refusal.value.culprit) == (Rule.DKG_POSSESSION, "3")


@pytest.mark.rule(Rule.DKG_POSSESSION)
def test_a_proof_of_another_session_is_refused(table: Table) -> None:
    """Only the context differs: the proof of possession is of the same polynomial in another ceremony."""
    other = Table(2, 3, "other")
    table.messages[2] = replace(table.messages[2], possession=other.messages[2].possession)
    with pytest.raises(Refused) as refusal:
        table.receive(2)
    assert (refusal.value.rule, refusal.value.culprit) == (Rule.DKG_POSSESSION, "2")


@pytest.mark.rule(Rule.DKG_SHARE)
def test_a_share_that_fails_feldman_is_refused(table: Table) -> None:
    """The ciphertext opens: it is the right one of the right dealer, but of another polynomial."""
    _false_share(table)
    with pytest.raises(Refused) as refusal:
        table.receive(1)
    assert (refusal.value.rule, refusal.value.culprit) == (Rule.DKG_SHARE, "2")


def _false_share(table: Table) -> None:
    """Dealer 2 deals again with the same ephemeral key, and sends participant 1 a share of the new polynomial."""
    ephemeral = Scalar.from_int(77)
    first, second = ([Scalar.from_int(a), Scalar.from_int(b)] for a, b in ((11, 12), (21, 22)))
    true, false = (deal_polynomial(table.setup, table.host_secrets[2], p, ephemeral, {}) for p in (first, second))
    table.messages[2] = replace(true, ciphertexts=(false.ciphertexts[0], *true.ciphertexts[1:]))


@pytest.mark.rule(Rule.DKG_SHARE)
def test_a_share_that_does_not_open_is_refused(table: Table) -> None:
    ciphertexts = table.messages[3].ciphertexts
    changed = bytes([ciphertexts[0][0] ^ 1]) + ciphertexts[0][1:]
    table.messages[3] = replace(table.messages[3], ciphertexts=(changed, *ciphertexts[1:]))
    with pytest.raises(Refused) as refusal:
        table.receive(1)
    assert (refusal.value.rule, refusal.value.culprit) == (Rule.DKG_SHARE, "3")
    table.receive(2)  # no one else can see it, which is why there are accusations


@pytest.mark.rule(Rule.DKG_TRANSCRIPT)
def test_two_views_of_round_1_are_caught(table: Table) -> None:
    """The board shows participant 3 another message of participant 1; both views are valid in themselves."""
    outcome = table.receive(1)
    signatures = {i: sign_transcript(table.host_secrets[i], outcome.transcript) for i in (1, 2)}
    table.redeal(1, 2)
    signatures[3] = sign_transcript(table.host_secrets[3], table.receive(3).transcript)
    with pytest.raises(Refused) as refusal:
        verify_certificate(outcome.transcript, signatures)
    assert (refusal.value.rule, refusal.value.culprit) == (Rule.DKG_TRANSCRIPT, "3")


@pytest.mark.rule(Rule.DKG_TRANSCRIPT)
def test_a_missing_success_signature_is_refused(table: Table) -> None:
    outcome = table.receive(1)
    signatures = {i: sign_transcript(table.host_secrets[i], outcome.transcript) for i in (1, 3)}
    with pytest.raises(Refused) as refusal:
        verify_certificate(outcome.transcript, signatures)
    assert (refusal.value.rule, refusal.value.culprit) == (Rule.DKG_TRANSCRIPT, "2")


@pytest.mark.rule(Rule.DKG_INDEX)
def test_a_signature_of_no_participant_is_refused(table: Table) -> None:
    outcome = table.receive(1)
    signatures = {i: sign_transcript(secret, outcome.transcript) for i, secret in table.host_secrets.items()}
    with pytest.raises(Refused) as refusal:
        verify_certificate(outcome.transcript, signatures | {0: signatures[1]})
    assert refusal.value.rule is Rule.DKG_INDEX


@pytest.mark.rule(Rule.DKG_THRESHOLD)
@pytest.mark.parametrize(("threshold", "members"), [(0, 3), (1, 3), (4, 3), (2, 1), (2, 256)])
def test_a_threshold_lies_between_2_and_n(threshold: int, members: int) -> None:
    with pytest.raises(Refused) as refusal:
        parameters(threshold, members)
    assert refusal.value.rule is Rule.DKG_THRESHOLD


def test_recovery_gives_the_outcome_again_and_nothing_less(table: Table) -> None:
    outcomes = table.outcomes()
    signatures = {i: sign_transcript(table.host_secrets[i], o.transcript) for i, o in outcomes.items()}
    encoded = outcomes[1].transcript.encode()
    for index, outcome in outcomes.items():
        assert recover(table.host_secrets[index], encoded, signatures, outcome.bundle) == outcome
    for bundle in (outcomes[1].bundle[:-1], outcomes[1].bundle + b"\0", b"", outcomes[1].bundle[:56]):
        with pytest.raises(MalformedInput):
            recover(table.host_secrets[1], encoded, signatures, bundle)
    with pytest.raises(StateError):
        recover(Scalar.from_int(3), encoded, signatures, outcomes[1].bundle)
    with pytest.raises(Refused) as refusal:
        recover(table.host_secrets[1], encoded, signatures, outcomes[2].bundle)
    assert refusal.value.rule is Rule.DKG_SHARE


def test_a_transcript_of_another_suite_or_with_a_tail_is_refused(table: Table) -> None:
    encoded = table.receive(1).transcript.encode()
    for changed in (encoded.replace(b"Ed25519", b"Ed25518"), encoded + b"\0", encoded[:-1], b""):
        with pytest.raises(MalformedInput):
            Transcript.decode(changed)


def test_colluders_whose_terms_cancel_stop_no_one() -> None:
    """Dealers 1 and 2 choose coefficients that sum to zero: their own partial sums vanish, the ceremony goes on."""
    table = Table(2, 3)
    for dealer, sign_ in ((1, 1), (2, -1)):
        polynomial = [Scalar.from_int(sign_ * 5), Scalar.from_int(sign_ * 9)]
        ephemeral = Scalar.from_int(100 + dealer)
        table.messages[dealer] = deal_polynomial(table.setup, table.host_secrets[dealer], polynomial, ephemeral, {})
    outcome = table.receive(3)
    assert outcome.transcript.group_key == table.messages[3].commitments[0]


def test_an_outcome_shows_no_share(table: Table) -> None:
    outcome = table.receive(1)
    assert outcome.share.secret.to_bytes().hex() not in repr(outcome)
    assert outcome.bundle.hex()[:32] not in repr(outcome)
