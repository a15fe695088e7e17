"""What may become an audit leaf: each kind is verified by its own rules, against the roster of this moment."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tapeline.base.errors import MalformedInput, NotFound, StateError
from tapeline.base.rules import Rule, require
from tapeline.escrow.state import BoardState, CaseFile
from tapeline.escrow.store import NewStatement
from tapeline.governance import complaint
from tapeline.governance.approval import Approval, Rejection, Withdrawal
from tapeline.governance.approvals import verify_approval
from tapeline.governance.case import Case, verify_case
from tapeline.governance.certificate import verify_certificate
from tapeline.governance.closing import verify_closing
from tapeline.governance.dsse import Envelope, parse_envelope
from tapeline.governance.exception import verify_exception
from tapeline.governance.hold import verify_hold, verify_hold_release
from tapeline.governance.opening import verify_opening
from tapeline.governance.revocation import verify_revocation
from tapeline.governance.standing import CaseLeaf, Ledger, Vote, VoteStatement, standing_of

_NEXT = 2**63
"""Stands for the leaf that a statement would become."""
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
    approval = Approval.parse(envelope)
    file, before = _last_vote(state, approval, now_ms)
    verify_approval(envelope, file.case, state.roster, state.chain.in_force(now_ms), now_ms)
    if before is not None:
        if approval.created_ms <= before.statement.created_ms:
            raise StateError("A later word of yours on this case is logged.", "Approve anew.")
        if _counts(state, file, before, now_ms):
            raise StateError("Your approval of this case stands already.", "Nothing is left to do.")
    return approval.case


def _rejection(state: BoardState, envelope: Envelope, now_ms: int) -> bytes:
    rejection = Rejection.parse(envelope)
    _require_approver(state, envelope, rejection, now_ms)
    _, before = _last_vote(state, rejection, now_ms)
    if before is not None and before.envelope.kind == envelope.kind:
        raise StateError("Your rejection of this case stands already.", "Nothing is left to do.")
    return rejection.case


def _withdrawal(state: BoardState, envelope: Envelope, now_ms: int) -> bytes:
    withdrawal = Withdrawal.parse(envelope)
    _require_approver(state, envelope, withdrawal, now_ms)
    _, before = _last_vote(state, withdrawal, now_ms)
    if before is None:
        raise StateError("You have neither approved nor rejected this case.", "There is nothing to withdraw.")
    if before.envelope.kind == envelope.kind:
        raise StateError("Your vote on this case is withdrawn already.", "Nothing is left to do.")
    return withdrawal.case


def _require_approver(state: BoardState, envelope: Envelope, word: VoteStatement, now_ms: int) -> None:
    """Demand the signature of one who is an approver, by the newest roster or by the one in force."""
    rows = (*state.roster.with_role("approver"), *state.chain.in_force(now_ms).approvers)
    require(
        any(row.id == word.approver and envelope.signed_by(row.key) for row in rows),
        Rule.DSSE_SIGNATURE,
        "No approver of that name signed the statement.",
    )


def _last_vote(state: BoardState, word: VoteStatement, now_ms: int) -> tuple[CaseFile, Vote | None]:
    """Return the file of the case, which must be open, and the last word of the same approver on it."""
    file = state.case(word.case)
    standing = state.standing(file, now_ms)
    standing.require_open()
    return file, standing.votes.get(word.approver)


def _counts(state: BoardState, file: CaseFile, vote: Vote, now_ms: int) -> bool:
    counted = {one.approval.statement_hash for one in state.standing(file, now_ms).approvals}
    return vote.envelope.statement_hash in counted


def _opening(state: BoardState, envelope: Envelope, now_ms: int) -> bytes:
    del now_ms
    opening = verify_opening(envelope, state.roster)
    logged = {one.leaf_hash for one in state.case(opening.case).warrants}
    if opening.warrant_leaf not in logged:
        raise NotFound("The opening names a warrant that is not the case's.", "Name the case's warrant.")
    return opening.case


def _closing(state: BoardState, envelope: Envelope, now_ms: int) -> bytes:
    closing = verify_closing(envelope, state.roster)
    file = state.case(closing.case)
    leaves = [*file.leaves, CaseLeaf(_NEXT, envelope, state.roster)]
    ledger = Ledger.of(state.chain, state.revoked, now_ms)
    standing = standing_of(Case.envelope(file.dsse), leaves, ledger)
    require(standing.closed is not None, Rule.DSSE_SIGNATURE, "Only a reviewer who signed the case closes it.")
    if standing.closed != _NEXT:
        raise StateError("The case is closed already.", "It stays closed; to go on, file a new one.")
    return closing.case


def _hold(state: BoardState, envelope: Envelope, now_ms: int) -> bytes:
    del now_ms
    verify_hold(envelope, state.roster)
    return NOWHERE


def _hold_release(state: BoardState, envelope: Envelope, now_ms: int) -> bytes:
    del now_ms
    verify_hold_release(envelope, state.roster)
    return NOWHERE


def _exception(state: BoardState, envelope: Envelope, now_ms: int) -> bytes:
    exception = verify_exception(envelope, state.roster)
    file = state.case(exception.case)
    state.standing(file, now_ms).require_open()
    return exception.case


def _revocation(state: BoardState, envelope: Envelope, now_ms: int) -> bytes:
    del now_ms
    verify_revocation(envelope, state.roster, state.revoked)
    return NOWHERE


_CHECKS: Mapping[str, Check] = {
    "roster": _roster,
    "escrow-key": _certificate,
    "case": _case,
    "approval": _approval,
    "rejection": _rejection,
    "withdrawal": _withdrawal,
    "opening": _opening,
    "closing": _closing,
    "exception": _exception,
    "hold": _hold,
    "hold-release": _hold_release,
    "revocation": _revocation,
}
POSTED_KINDS = frozenset(_CHECKS)
"""The kinds that people post."""
