"""The steps, each a pure function: the call, the own record and the board's messages in, a new record out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from tapeline.agent.ceremony import ACTIVATION, CERTIFICATE, JOIN, ROUND1, ROUNDS, SUCCESS, sign_message, verify_message
from tapeline.base.rules import Rule, require
from tapeline.base.times import Rng
from tapeline.crypto.activation import ActivationChallenge, make_activation
from tapeline.crypto.ceremony import Announcement, extension, setup_from, sign_announcement, sign_round1, verify_round1
from tapeline.crypto.cocktail.certificate import sign_transcript, verify_certificate
from tapeline.crypto.cocktail.deal import deal
from tapeline.crypto.cocktail.round1 import Round1Message
from tapeline.crypto.cocktail.round2 import Outcome, receive
from tapeline.crypto.cocktail.setup import Setup
from tapeline.crypto.cocktail.transcript import Transcript
from tapeline.crypto.signing import SigningKey
from tapeline.custodian.ceremony.announcements import read_announcements, write_announcement
from tapeline.custodian.ceremony.call import Call
from tapeline.custodian.ceremony.certify import (
    NONCE_BYTES,
    draft_certificate,
    sign_draft,
    verified_answers,
    with_signatures,
)
from tapeline.custodian.ceremony.record import CeremonyRecord, Kept

Board = Mapping[tuple[str, str], bytes]
"""Signed messages by (round, custodian), as the board holds them."""


@dataclass(frozen=True)
class Custodian:
    """Who acts: roster id and roster key."""

    id: str
    key: SigningKey


def missing(call: Call, board: Board, round_name: str) -> tuple[str, ...]:
    """Return who has not posted in a round."""
    return tuple(custodian for custodian in call.custodians if (round_name, custodian) not in board)


def next_round(record: CeremonyRecord) -> str | None:
    """Return the round whose message is to be made next, None where all are made."""
    return next((name for name in ROUNDS if name not in record.messages), None)


def step(call: Call, me: Custodian, record: CeremonyRecord, board: Board, rng: Rng) -> CeremonyRecord:
    """Make the next message if the board holds what it needs; otherwise return the record unchanged.

    Raises:
        Refused: DKG-1 to DKG-8, each naming its culprit; the ceremony is then to be aborted.
    """
    name = next_round(record)
    if name is None:
        return _finish(call, record, board)
    place = ROUNDS.index(name)
    if place and missing(call, board, ROUNDS[place - 1]):
        return record
    before = payloads(call, board, ROUNDS[place - 1]) if place else {}
    return _STEPS[name](call, me, record, board, before, rng)


def _join(
    call: Call, me: Custodian, record: CeremonyRecord, board: Board, before: Mapping[int, bytes], rng: Rng
) -> CeremonyRecord:
    """Announce a fresh host key and a nonce under the roster key."""
    del board, before, rng
    mine = Announcement(call.index_of(me.id), record.host_secret.base_mul(), record.nonce)
    payload = write_announcement(mine, sign_announcement(me.key, call.parameters, mine))
    return _with_payload(call, me, record, JOIN, payload)


def _round1(
    call: Call, me: Custodian, record: CeremonyRecord, board: Board, before: Mapping[int, bytes], rng: Rng
) -> CeremonyRecord:
    """Deal shares of a fresh polynomial; its secrets die with this call."""
    del before
    setup = setup_of(call, board)
    message = deal(setup, record.host_secret, rng).encode()
    return _with_payload(call, me, record, ROUND1, sign_round1(me.key, setup, call.index_of(me.id), message))


def _success(
    call: Call, me: Custodian, record: CeremonyRecord, board: Board, before: Mapping[int, bytes], rng: Rng
) -> CeremonyRecord:
    """Check all dealers, sum the shares, and sign the transcript."""
    del rng
    outcome = _outcome(call, record, setup_of(call, board), before)
    signature = sign_transcript(record.host_secret, outcome.transcript)
    kept = Kept(outcome.share, outcome.transcript.encode(), outcome.bundle)
    return _with_payload(call, me, replace(record, kept=kept), SUCCESS, signature)


def _activation(
    call: Call, me: Custodian, record: CeremonyRecord, board: Board, before: Mapping[int, bytes], rng: Rng
) -> CeremonyRecord:
    """Prove a working share; the caller has just restored `record` from its store (protocol, Ceremony)."""
    del board
    transcript = transcript_of(record)
    verify_certificate(transcript, before)
    nonce = rng(NONCE_BYTES)
    answer = make_activation(_kept(record).share, ActivationChallenge(transcript.digest(), me.id, nonce), rng)
    return _with_payload(call, me, record, ACTIVATION, nonce + answer.encode())


def _certificate(
    call: Call, me: Custodian, record: CeremonyRecord, board: Board, before: Mapping[int, bytes], rng: Rng
) -> CeremonyRecord:
    """Sign the certificate once every custodian has proven a working share."""
    del rng
    draft = _draft(call, record, board, before)
    return _with_payload(call, me, record, CERTIFICATE, sign_draft(draft, me.key))


def _finish(call: Call, record: CeremonyRecord, board: Board) -> CeremonyRecord:
    """Take up the certificate with all custodians' signatures, ready for the officers'."""
    if record.certificate or missing(call, board, CERTIFICATE):
        return record
    answers = payloads(call, board, ACTIVATION)
    draft = _draft(call, record, board, answers)
    signed = with_signatures(call, draft, payloads(call, board, CERTIFICATE))
    return replace(record, certificate=signed)


def setup_of(call: Call, board: Board) -> Setup:
    """Return the DKG's setup from everybody's announcement."""
    return setup_from(call.parameters, read_announcements(call, payloads(call, board, JOIN)))


def transcript_of(record: CeremonyRecord) -> Transcript:
    """Return the stored transcript."""
    return Transcript.decode(_kept(record).transcript)


def _outcome(call: Call, record: CeremonyRecord, setup: Setup, signed: Mapping[int, bytes]) -> Outcome:
    messages = {}
    for index, one in signed.items():
        encoded = verify_round1(call.keys[index - 1], setup, index, one)
        messages[index] = Round1Message.decode(encoded, setup, index)
    ext = extension(call.parameters, [signed[index] for index in sorted(signed)])
    return receive(setup, record.host_secret, messages, ext)


def _draft(call: Call, record: CeremonyRecord, board: Board, answers: Mapping[int, bytes]) -> bytes:
    transcript = transcript_of(record)
    activation = verified_answers(call, transcript, answers)
    return draft_certificate(call, transcript, payloads(call, board, SUCCESS), activation)


def payloads(call: Call, board: Board, round_name: str) -> dict[int, bytes]:
    """Return everybody's payload of a round by index, each checked against its custodian's roster key."""
    return {
        index: verify_message(board[round_name, custodian], call.keys[index - 1], call.ceremony, round_name, custodian)
        for index, custodian in enumerate(call.custodians, 1)
        if (round_name, custodian) in board
    }


def _with_payload(call: Call, me: Custodian, record: CeremonyRecord, name: str, payload: bytes) -> CeremonyRecord:
    return record.with_message(name, sign_message(me.key, call.ceremony, name, me.id, payload))


def _kept(record: CeremonyRecord) -> Kept:
    require(record.kept is not None, Rule.ACTIVATION, "The agent holds no share of this ceremony.")
    if record.kept is None:
        raise AssertionError("unreachable")
    return record.kept


_Step = Callable[[Call, Custodian, CeremonyRecord, Board, Mapping[int, bytes], Rng], CeremonyRecord]
_STEPS: Mapping[str, _Step] = {
    JOIN: _join,
    ROUND1: _round1,
    SUCCESS: _success,
    ACTIVATION: _activation,
    CERTIFICATE: _certificate,
}
