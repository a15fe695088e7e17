"""Which votes on a case stand at a point of the audit log, and whether the case is closed or revoked by then.

One function for board, gate, replica, status and auditor: two answers to it would be an attack.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf

from tapeline.base.errors import TapelineError
from tapeline.base.rules import Refused, Rule, require
from tapeline.governance.approval import Approval, Rejection, Withdrawal
from tapeline.governance.approvals import VerifiedApproval, verify_approval
from tapeline.governance.case import Case, case_signers
from tapeline.governance.chain import Guarded, RosterChain
from tapeline.governance.closing import Closing
from tapeline.governance.dsse import Envelope
from tapeline.governance.person import Person
from tapeline.governance.revocation import Revoked
from tapeline.governance.roster import Roster

VoteStatement = Approval | Rejection | Withdrawal
VOTES: dict[str, type[VoteStatement]] = {one.kind: one for one in (Approval, Rejection, Withdrawal)}
DECIDING = frozenset({Case.kind, *VOTES, Closing.kind})
"""Kinds whose texts decide how a case stands: whoever judges the case must have all of them."""


@dataclass(frozen=True, slots=True)
class CaseLeaf:
    """A leaf about a case: its statement, and the roster that was newest when it was logged."""

    index: int
    envelope: Envelope
    roster: Roster


@dataclass(frozen=True, slots=True)
class Ledger:
    """What the audit log says beside the case's own leaves, up to a point.

    Attributes:
        roster: the newest.
        in_force: the approvers and thresholds that count at `at_ms`.
        revoked: the revocations.
        at_ms: the time that is judged at.
        below: only leaves below this index count; all where it is None.
    """

    roster: Roster
    in_force: Guarded
    revoked: Revoked
    at_ms: int
    below: int | None = None

    @classmethod
    def of(cls, chain: RosterChain, revoked: Revoked, at_ms: int) -> Ledger:
        """Return the ledger of a whole log at a time."""
        return cls(chain.current, chain.in_force(at_ms), revoked, at_ms)

    def covers(self, kind: str, target: bytes | str, *, maker: str | None = None) -> bool:
        """Tell whether the target is revoked by then."""
        index = self.revoked.index_of(kind, target, maker=maker)
        return index is not None and index < (inf if self.below is None else self.below)

    def ended(self, person: Person) -> bool:
        """Tell whether a person, or the person's key, is revoked by then."""
        return self.covers("person", person.id) or self.covers("key", person.key)


@dataclass(frozen=True, slots=True)
class Vote:
    """An approver's word on a case, signed by the approver."""

    index: int
    person: Person
    statement: VoteStatement
    envelope: Envelope


@dataclass(frozen=True, slots=True)
class Standing:
    """How a case stands.

    Attributes:
        approvals: those that count, at most one of each approver.
        rejected_by, withdrawn_by: approvers whose last word is a no, or that they take theirs back.
        votes: the last word of each approver, by id, whether or not it counts.
        closed: index of the leaf that closed the case.
        revoked: whether the case, or one who asks for it, is revoked.
    """

    approvals: tuple[VerifiedApproval, ...]
    rejected_by: tuple[Person, ...]
    withdrawn_by: tuple[Person, ...]
    votes: dict[str, Vote]
    closed: int | None
    revoked: bool

    def require_open(self) -> None:
        """Refuse a case that has ended.

        Raises:
            Refused: GATE_REVOKED or GATE_CLOSED.
        """
        require(not self.revoked, Rule.GATE_REVOKED, "The case, or one who asks for it, is revoked.")
        require(self.closed is None, Rule.GATE_CLOSED, "The case is closed, and stays closed.")


def standing_of(case: Envelope, leaves: Sequence[CaseLeaf], ledger: Ledger) -> Standing:
    """Return how a case stands.

    1. Of a statement that is logged twice the first leaf counts: logging an approval again renews nothing.
    2. The last word of an approver counts. An approval that the escrow service held back, and logs late, undoes no no.
    3. An approval counts if `verify_approval` says so, and neither it nor its approver is revoked.
    4. A closing counts from a reviewer who signed the case.

    Args:
        case: its envelope, whose signers may close and revoke it.
        leaves: those about this case of the kinds `DECIDING`, in any order; texts that say something else count for
            nothing.
        ledger: the rest of the log.
    """
    below = inf if ledger.below is None else ledger.below
    ordered = _first_leaves([leaf for leaf in leaves if leaf.index < below])  # 1
    # Of the case too the text that was logged: its signers are who may close it.
    logged = (leaf.envelope for leaf in ordered if leaf.envelope.kind == Case.kind)
    case = next((one for one in logged if one.statement_hash == case.statement_hash), case)
    votes = _last_votes(case.statement_hash, ordered, ledger)  # 2
    closings = [leaf.index for leaf in ordered if leaf.envelope.kind == Closing.kind and _closes(case, leaf, ordered)]
    return Standing(
        approvals=_counting(case, votes, ledger),  # 3
        rejected_by=tuple(vote.person for vote in votes.values() if isinstance(vote.statement, Rejection)),
        withdrawn_by=tuple(vote.person for vote in votes.values() if isinstance(vote.statement, Withdrawal)),
        votes=votes,
        closed=min(closings, default=None),  # 4
        revoked=_is_revoked(case, ordered, ledger),
    )


def _first_leaves(leaves: Sequence[CaseLeaf]) -> list[CaseLeaf]:
    first: dict[tuple[str, bytes], CaseLeaf] = {}
    for leaf in sorted(leaves, key=lambda leaf: leaf.index):
        first.setdefault((leaf.envelope.kind, leaf.envelope.statement_hash), leaf)
    return list(first.values())


def _last_votes(case_hash: bytes, leaves: Sequence[CaseLeaf], ledger: Ledger) -> dict[str, Vote]:
    """Return each approver's last word.

    A no, or a withdrawal, undoes an approval that it is logged behind, or that it is dated behind: logging words in
    another order than they were said in makes no case more approved, and nor does a clock that is slow.
    """
    votes: dict[str, Vote] = {}
    newest_no: dict[str, int] = {}
    for leaf in leaves:
        vote = _vote(case_hash, leaf, ledger.in_force)
        if vote is None:
            continue
        who, said_ms, before = vote.person.id, vote.statement.created_ms, votes.get(vote.person.id)
        if isinstance(vote.statement, Approval):
            is_newest = before is None or said_ms > before.statement.created_ms
            if is_newest and said_ms > newest_no.get(who, -1):
                votes[who] = vote
            continue
        newest_no[who] = max(said_ms, newest_no.get(who, -1))
        if before is None or said_ms == newest_no[who] or isinstance(before.statement, Approval):
            votes[who] = vote
    return votes


def _vote(case_hash: bytes, leaf: CaseLeaf, in_force: Guarded) -> Vote | None:
    """Return the leaf's vote on the case, if its approver signed it: by the roster of the leaf or the one in force."""
    kind = VOTES.get(leaf.envelope.kind)
    if kind is None:
        return None
    try:
        statement = kind.parse(leaf.envelope)
    except TapelineError:
        return None
    if statement.case != case_hash:
        return None
    rows = (*in_force.approvers, *leaf.roster.with_role("approver"))
    signed = (row for row in rows if row.id == statement.approver and leaf.envelope.signed_by(row.key))
    person = next(signed, None)
    return None if person is None else Vote(leaf.index, person, statement, leaf.envelope)


def _counting(case: Envelope, votes: dict[str, Vote], ledger: Ledger) -> tuple[VerifiedApproval, ...]:
    found = []
    for vote in votes.values():
        if not isinstance(vote.statement, Approval):
            continue
        if ledger.covers("approval", vote.envelope.statement_hash, maker=vote.person.id) or ledger.ended(vote.person):
            continue
        try:
            found.append(verify_approval(vote.envelope, Case.parse(case), ledger.roster, ledger.in_force, ledger.at_ms))
        except Refused:
            continue
    return tuple(found)


def _closes(case: Envelope, leaf: CaseLeaf, leaves: Sequence[CaseLeaf]) -> bool:
    """Tell whether one who signed the case closes it: by the roster of that leaf, whatever later ones say."""
    try:
        closing = Closing.parse(leaf.envelope)
    except TapelineError:
        return False
    person = leaf.roster.find(closing.reviewer)
    return (
        closing.case == case.statement_hash
        and person is not None
        and "reviewer" in person.roles
        and leaf.envelope.signed_by(person.key)
        and (case.signed_by(person.key) or person.id in _filed_by(case, leaves))
    )


def _filed_by(case: Envelope, leaves: Sequence[CaseLeaf]) -> set[str]:
    """Return who signed the case, by the roster of its own leaf: ids, since keys change."""
    filed = (leaf for leaf in leaves if leaf.envelope.kind == Case.kind)
    return {person.id for leaf in filed for person in case_signers(case, leaf.roster)}


def _is_revoked(case: Envelope, leaves: Sequence[CaseLeaf], ledger: Ledger) -> bool:
    signers = case_signers(case, ledger.roster)
    makers = {None, *_filed_by(case, leaves), *(person.id for person in signers)}
    return (
        any(ledger.covers("case", case.statement_hash, maker=maker) for maker in makers)
        or any(ledger.ended(person) for person in signers)
        or ledger.covers("person", Case.parse(case).requester)
    )
