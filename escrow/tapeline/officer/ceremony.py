"""Opening a ceremony, and making the certificate's envelope of what its custodians posted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tapeline.agent.board import BoardClient
from tapeline.agent.ceremony import ACTIVATION, CERTIFICATE, OPEN_KIND, ROUND1, ROUNDS, SUCCESS
from tapeline.base.errors import StateError
from tapeline.crypto.ceremony import extension, verify_round1
from tapeline.crypto.cocktail.certificate import verify_certificate
from tapeline.crypto.cocktail.round1 import Round1Message, check_message
from tapeline.crypto.cocktail.transcript import Transcript
from tapeline.crypto.wire import encode
from tapeline.custodian.ceremony.call import Call, verify_call
from tapeline.custodian.ceremony.certify import draft_certificate, verified_answers, with_signatures
from tapeline.custodian.ceremony.steps import Board, Custodian, missing, payloads, setup_of
from tapeline.governance.roster import Roster
from tapeline.wire.v1 import escrow_pb2 as wire


@dataclass(frozen=True)
class CeremonyPlan:
    """What an officer decides: which key, who holds shares, how many open, and when senders may use it."""

    epoch: int
    retention_class: str
    threshold: int
    custodians: Sequence[str]
    active_from_ms: int
    not_after_ms: int
    attempt: int = 1


def open_ceremony(board: BoardClient, officer: Custodian, roster: Roster, plan: CeremonyPlan) -> bytes:
    """Have the vault make V, sign the call and open the ceremony; return its id.

    Raises:
        Refused: where the vault's attestation, or the call itself, does not hold.
    """
    made = board.make_vault_key(plan.epoch, plan.retention_class)
    parameters = encode(
        wire.CeremonyParameters(
            deployment=roster.deployment,
            firm=roster.organisation,
            roster=roster.statement_hash,
            epoch=plan.epoch,
            retention_class=plan.retention_class,
            threshold=plan.threshold,
            custodians=plan.custodians,
            attempt=plan.attempt,
            v_public=made.v_public,
            v_attestation=made.attestation,
            active_from_ms=plan.active_from_ms,
            not_after_ms=plan.not_after_ms,
        )
    )
    signature = officer.key.sign(OPEN_KIND, parameters)
    # The officer signs nothing that a custodian would refuse.
    verify_call(wire.CeremonyState(parameters=parameters, officer=officer.id, signature=signature), roster)
    return board.open_ceremony(wire.CeremonyOpen(parameters=parameters, officer=officer.id, signature=signature))


def certificate_of(state: wire.CeremonyState, roster: Roster) -> bytes:
    """Return the certificate's envelope with all custodians' signatures, everything verified as an observer can.

    Raises:
        StateError: somebody has not finished (retryable).
        Refused: DKG-1 to DKG-8, ESC-1.
    """
    call = verify_call(state, roster)
    board: Board = {(one.round, one.custodian): encode(one.message) for one in state.messages}
    waiting = [name for round_name in ROUNDS for name in missing(call, board, round_name)]
    if waiting:
        raise StateError(f"The ceremony still waits for {waiting[0]}.", "Try again later.", retryable=True)
    transcript = _transcript(call, board)
    success = payloads(call, board, SUCCESS)
    verify_certificate(transcript, success)
    answers = verified_answers(call, transcript, payloads(call, board, ACTIVATION))
    draft = draft_certificate(call, transcript, success, answers)
    return with_signatures(call, draft, payloads(call, board, CERTIFICATE))


def _transcript(call: Call, board: Board) -> Transcript:
    setup = setup_of(call, board)
    signed = payloads(call, board, ROUND1)
    messages = {}
    for index, one in signed.items():
        messages[index] = Round1Message.decode(verify_round1(call.keys[index - 1], setup, index, one), setup, index)
        check_message(setup, index, messages[index])
    ext = extension(call.parameters, [signed[index] for index in sorted(signed)])
    return Transcript.of(setup, messages, ext)
