"""What may become an audit leaf: each kind is verified by its own rules, against the roster of this moment."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tapeline.base.errors import MalformedInput, NotFound
from tapeline.base.rules import Rule, require
from tapeline.escrow.state import BoardState
from tapeline.escrow.store import NewStatement
from tapeline.governance import complaint
from tapeline.governance.approval import Approval, Rejection
from tapeline.governance.approvals import verify_approval
from tapeline.governance.case import Case, verify_case
from tapeline.governance.certificate import verify_certificate
from tapeline.governance.closing import verify_closing
from tapeline.governance.dsse import Envelope, parse_envelope
from tapeline.governance.hold import verify_hold, verify_hold_release
from tapeline.governance.opening import verify_opening
from tapeline.governance.revocation import verify_revocation

NOWHERE = b""
"""What a statement is about that is about no case."""

Check = Callable[[BoardState, Envelope, int], bytes]
"""Verifies an envelope at a time (unix ms) and returns the hash of the case that it is about."""


def admit(state: BoardState, kind: str, dsse: bytes, now_ms: int) -> NewStatement:
    """Return the statement as it may be stored.

    Raises:
        MalformedInput: a kind that is not posted by people.
        Refused: by the kind's own rules.
    """
    if kind == complaint.KIND:
        return admit_complaint(dsse)
    check = _CHECKS.get(kind)
    if check is None:
        raise MalformedInput("Statements of this kind are not posted.", "See the board's other calls.")
    envelope = parse_envelope(dsse, kind)
    about = check(state, envelope, now_ms)
    return NewStatement(kind, envelope.statement_hash, about, dsse)


def admit_complaint(text: bytes) -> NewStatement:
    """Return a device's complaint as it may be stored; whether its device is in the directory the archive tells.

    Raises:
        Refused: of the wire format, or SIG-1.
    """
    return NewStatement(complaint.KIND, complaint.read_complaint_text(text).complaint_hash, NOWHERE, text)


def _roster(state: BoardState, envelope: Envelope, now_ms: int) -> bytes:
    del now_ms
    state.chain.verify(envelope)
    return NOWHERE


def _certificate(state: BoardState, envelope: Envelope, now_ms: int) -> bytes:
    del now_ms
    verify_certificate(envelope, state.roster)
    return NOWHERE


def _case(state: BoardState, envelope: Envelope, now_ms: int) -> bytes:
    return verify_case(envelope, state.roster, now_ms).statement_hash


def _approval(state: BoardState, envelope: Envelope, now_ms: int) -> bytes:
    case = _open_case(state, Approval.parse(envelope).case)
    in_force = state.chain.in_force(now_ms)
    return verify_approval(envelope, case, state.roster, in_force, now_ms).approval.case


def _rejection(state: BoardState, envelope: Envelope, now_ms: int) -> bytes:
    del now_ms
    rejection = Rejection.parse(envelope)
    state.roster.require_signed_by(envelope, rejection.approver, "approver")
    return _open_case(state, rejection.case).statement_hash


def _opening(state: BoardState, envelope: Envelope, now_ms: int) -> bytes:
    del now_ms
    opening = verify_opening(envelope, state.roster)
    logged = {one.leaf_hash for one in state.case(opening.case).warrants}
    if opening.warrant_leaf not in logged:
        raise NotFound("The opening names a warrant that is not the case's.", "Name the case's warrant.")
    return opening.case


def _closing(state: BoardState, envelope: Envelope, now_ms: int) -> bytes:
    del now_ms
    closing = verify_closing(envelope, state.roster)
    return state.case(closing.case).case.statement_hash


def _hold(state: BoardState, envelope: Envelope, now_ms: int) -> bytes:
    del now_ms
    verify_hold(envelope, state.roster)
    return NOWHERE


def _hold_release(state: BoardState, envelope: Envelope, now_ms: int) -> bytes:
    del now_ms
    verify_hold_release(envelope, state.roster)
    return NOWHERE


def _revocation(state: BoardState, envelope: Envelope, now_ms: int) -> bytes:
    del now_ms
    verify_revocation(envelope, state.roster, state.revoked)
    return NOWHERE


def _open_case(state: BoardState, case_hash: bytes) -> Case:
    """Return a case that is not revoked."""
    file = state.case(case_hash)
    require(not state.is_revoked(file), Rule.GATE_REVOKED, "The case is revoked.")
    return file.case


_CHECKS: Mapping[str, Check] = {
    "roster": _roster,
    "escrow-key": _certificate,
    "case": _case,
    "approval": _approval,
    "rejection": _rejection,
    "opening": _opening,
    "closing": _closing,
    "hold": _hold,
    "hold-release": _hold_release,
    "revocation": _revocation,
}
POSTED_KINDS = frozenset(_CHECKS)
"""The kinds that people post."""
