"""Whether a case is approved: enough distinct, uninvolved approvers from enough groups (governance, the gate, 2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tapeline.base.rules import Rule, require
from tapeline.governance.approval import Approval
from tapeline.governance.case import Case
from tapeline.governance.chain import Guarded
from tapeline.governance.dsse import Envelope
from tapeline.governance.person import Person
from tapeline.governance.roster import Roster


@dataclass(frozen=True, slots=True)
class VerifiedApproval:
    """An approval that counts, with the approver whose it is."""

    approval: Approval
    approver: Person


def verify_approvals(
    envelopes: Sequence[Envelope | bytes], case: Case, roster: Roster, in_force: Guarded, at_ms: int
) -> tuple[VerifiedApproval, ...]:
    """Return the approvals, each verified and together a quorum.

    Every one handed in must count: a warrant that names one that does not is wrong, whatever the others say.

    Args:
        envelopes: DSSE approvals.
        case: verified.
        roster: the newest version.
        in_force: the approvers and thresholds that count at `at_ms`.
        at_ms: the gate's time.

    Raises:
        Refused: DSSE_SYNTAX, DSSE_SIGNATURE, APPROVAL_ROLE, ROSTER_DELAY, APPROVAL_SELF, APPROVAL_CASE,
            APPROVAL_QUORUM.
    """
    verified = tuple(verify_approval(envelope, case, roster, in_force, at_ms) for envelope in envelopes)
    people = {one.approver.id for one in verified}
    groups = {one.approver.group for one in verified}
    require(len(people) >= in_force.approvals, Rule.APPROVAL_QUORUM, "Too few people approved the case.")
    require(len(groups) >= in_force.approval_groups, Rule.APPROVAL_QUORUM, "Too few groups approved the case.")
    return verified


def verify_approval(
    envelope: Envelope | bytes, case: Case, roster: Roster, in_force: Guarded, at_ms: int
) -> VerifiedApproval:
    """Return one approval of this case that counts at `at_ms`; the quorum is not judged."""
    parsed = Approval.envelope(envelope)
    approval = Approval.parse(parsed)
    approver = _approver(approval.approver, roster, in_force)
    parsed.require_signature(approver.key, "The approver whom the approval names did not sign it.")
    involved = _involvement(approver, case, roster)
    require(involved == "", Rule.APPROVAL_SELF, f"The approver is {involved}.")
    require(approval.case == case.statement_hash, Rule.APPROVAL_CASE, "The approval is of another case.")
    require(at_ms < approval.expires_ms, Rule.APPROVAL_CASE, "The approval is expired.")
    return VerifiedApproval(approval, approver)


def _approver(identifier: str, roster: Roster, in_force: Guarded) -> Person:
    """Return the approver, who must have been one for as long as a change of approvers takes, and still be one.

    Whom the newest roster left out, or gave another key, has ended at once: a delay is there to keep new people from
    opening cases before anybody sees it, never to let old ones go on.
    """
    settled = {person.id: person for person in in_force.approvers}
    announced = {person.id: person for person in roster.with_role("approver")}
    require(
        identifier in settled or identifier in announced,
        Rule.APPROVAL_ROLE,
        "An approval is by one who is no approver.",
    )
    require(
        identifier in announced, Rule.APPROVAL_ROLE, "The newest roster leaves out the approver who made an approval."
    )
    require(
        identifier in settled and settled[identifier].key == announced[identifier].key,
        Rule.ROSTER_DELAY,
        "The approver's appointment has not been public long enough.",
    )
    return settled[identifier]


def _involvement(approver: Person, case: Case, roster: Roster) -> str:
    """Return what keeps an approver from this case, in words; empty where nothing does."""
    if approver.id == case.requester:
        return "the case's requester"
    if any((subject.firm, subject.user) == (roster.organisation, approver.id) for subject in case.subjects):
        return "a subject of the case"
    # By id and by key, so that a second row of the roster makes nobody uninvolved.
    reviewers = roster.with_role("reviewer")
    if any(approver.id == reviewer.id or approver.key == reviewer.key for reviewer in reviewers):
        return "a reviewer"
    return ""
