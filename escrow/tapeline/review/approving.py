"""The approver's desk: which cases wait, what one says, yes or no to exactly that."""

from __future__ import annotations

from dataclasses import dataclass

from tapeline.agent.desk import Desk
from tapeline.base.errors import NotFound, PermissionRefused
from tapeline.base.seam import system_clock
from tapeline.base.times import Clock
from tapeline.governance.approval import Approval, Rejection
from tapeline.governance.approvals import verify_approval
from tapeline.governance.case import Case
from tapeline.governance.dsse import signer
from tapeline.review.status import CaseStatus, case_status


@dataclass(frozen=True)
class ApproverDesk:
    """One approver's view of the board."""

    desk: Desk
    clock: Clock = system_clock

    def cases(self) -> list[CaseStatus]:
        """Return all posted cases that are not expired, oldest first."""
        self.desk.audit.sync(self.desk.board)
        now_ms = self.clock()
        entries = [entry for entry in self.desk.audit.of_kind(Case.kind) if entry.dsse]
        states = [case_status(self.desk.audit, entry.statement_hash, [], now_ms) for entry in entries]
        return [state for state in states if state.case.expires_ms > now_ms and not state.closed]

    def case(self, case_hash: bytes) -> Case:
        """Return one case.

        Raises:
            NotFound: the board shows no such case.
        """
        self.desk.audit.sync(self.desk.board)
        entry = self.desk.audit.find(case_hash)
        if entry is None or entry.kind != Case.kind or not entry.dsse:
            raise NotFound("The board shows no such case.", "List the cases.")
        return Case.parse(entry.dsse)

    def approve(self, case_hash: bytes, comment: str) -> int:
        """Sign and post an approval of exactly this case; return its audit index.

        Raises:
            Refused: GOV-7, GOV-8: by one who is no approver, or is involved.
        """
        case, me, now_ms = self.case(case_hash), self._me(), self.clock()
        approval = Approval(case_hash, me, comment, now_ms, case.expires_ms)
        dsse = approval.sign([signer(self.desk.key.signing)])
        roster, in_force = self.desk.audit.roster, self.desk.audit.chain.in_force(now_ms)
        verify_approval(dsse, case, roster, in_force, now_ms)  # nobody signs in vain
        return self.desk.board.post(approval.kind, dsse).index

    def reject(self, case_hash: bytes, comment: str) -> int:
        """Sign and post a rejection; return its audit index."""
        self.case(case_hash)
        rejection = Rejection(case_hash, self._me(), comment, self.clock())
        return self.desk.board.post(rejection.kind, rejection.sign([signer(self.desk.key.signing)])).index

    def _me(self) -> str:
        person = self.desk.audit.roster.by_key(self.desk.key.signing.public)
        if person is None or "approver" not in person.roles:
            raise PermissionRefused("This key is no approver's.", "Ask the officers.")
        return person.id
