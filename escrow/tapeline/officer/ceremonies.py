"""Which ceremonies there are, what each waits for, and which epoch comes next."""

from __future__ import annotations

from dataclasses import dataclass

from tapeline.agent.audit import AuditReplica
from tapeline.agent.ceremony import CERTIFICATE, ROUNDS, ceremony_id
from tapeline.base.errors import StateError
from tapeline.base.rules import Refused
from tapeline.crypto.limits import STATEMENT_BYTES
from tapeline.crypto.wire import encode, parse
from tapeline.custodian.ceremony.call import verify_call
from tapeline.custodian.ceremony.steps import Board, missing
from tapeline.governance.certificate import EscrowCertificate
from tapeline.officer.ceremony import CeremonyPlan
from tapeline.wire.v1 import escrow_pb2 as wire


@dataclass(frozen=True, slots=True)
class CeremonyStatus:
    """A ceremony as the board shows it, held against the rosters and certificates of the audit log."""

    id: bytes
    retention_class: str
    epoch: int
    attempt: int
    threshold: int
    custodians: int
    officer: str
    roster_version: int | None
    state: str


def ceremony_status(state: wire.CeremonyState, audit: AuditReplica) -> CeremonyStatus:
    """Return what a ceremony is for and where it stands."""
    body = parse(wire.CeremonyParameters, state.parameters, limit=STATEMENT_BYTES, what="ceremony")
    roster = audit.chain.by_hash(body.roster)
    return CeremonyStatus(
        id=ceremony_id(state.parameters),
        retention_class=body.retention_class,
        epoch=body.epoch,
        attempt=body.attempt,
        threshold=body.threshold,
        custodians=len(body.custodians),
        officer=state.officer,
        roster_version=None if roster is None else roster.version,
        state=_state(state, body, audit),
    )


def _state(state: wire.CeremonyState, body: wire.CeremonyParameters, audit: AuditReplica) -> str:
    certified = [one for one in _certificates(audit) if one.retention_class == body.retention_class]
    if any(one.roster == body.roster and one.v_public == body.v_public for one in certified):
        return "certified"
    roster = audit.chain.by_hash(body.roster)
    if roster is None:
        return "of an unknown roster"
    if roster.version != audit.roster.version:
        return f"void: version {audit.roster.version} of the roster came since"
    if any(one.epoch >= body.epoch for one in certified):
        return "void: the epoch has its key"
    try:
        call = verify_call(state, roster)
    except Refused as refused:
        return f"refused: {refused.cause}"
    board: Board = {(one.round, one.custodian): encode(one.message) for one in state.messages}
    for name in ROUNDS:
        waiting = missing(call, board, name)
        if waiting:
            return f"{name}: waits for {', '.join(waiting)}"
    return f"{CERTIFICATE}: all signed; an officer writes it: tapeline officer ceremony certificate"


def require_next_epoch(audit: AuditReplica, plan: CeremonyPlan) -> None:
    """Refuse a ceremony for an epoch that has its key, before the vault makes anything for it.

    Raises:
        StateError: with the command that is meant.
    """
    epochs = [one.epoch for one in _certificates(audit) if one.retention_class == plan.retention_class]
    newest = max(epochs, default=0)
    if plan.epoch <= newest:
        raise StateError(
            f"Class {plan.retention_class} has its key of epoch {newest} already.",
            f"Open one for the next epoch: tapeline officer ceremony open --epoch {newest + 1}.",
        )


def _certificates(audit: AuditReplica) -> list[EscrowCertificate]:
    return [EscrowCertificate.parse(entry.dsse) for entry in audit.of_kind(EscrowCertificate.kind)]
