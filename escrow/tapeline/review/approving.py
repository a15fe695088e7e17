"""The approver's desk: which cases wait, what one says, yes or no to exactly that, and taking it back."""

from __future__ import annotations

from dataclasses import dataclass

from tapeline.agent.desk import Desk
from tapeline.base.errors import NotFound, PermissionRefused
from tapeline.base.rules import Rule, require
from tapeline.base.seam import system_clock
from tapeline.base.times import Clock
from tapeline.crypto.ack import verify_ack
from tapeline.governance.approval import Approval, Rejection, Withdrawal
from tapeline.governance.approvals import verify_approval
from tapeline.governance.auditleaf import parse_audit_leaf
from tapeline.governance.case import Case
from tapeline.governance.dsse import signer
from tapeline.governance.standing import VoteStatement
from tapeline.review.status import CaseStatus, case_status
from tapeline.wire.v1.objects_pb2 import Ack


@dataclass(frozen=True)
class ApproverDesk:
    """One approver's view of the board."""

    desk: Desk
    clock: Clock = system_clock

    def cases(self, *, ended: bool = False) -> list[CaseStatus]:
        """Return the open cases, oldest first; on demand those too that are closed, revoked or expired."""
        self.desk.audit.sync(self.desk.board)
        now_ms = self.clock()
        entries = [entry for entry in self.desk.audit.of_kind(Case.kind) if entry.dsse]
        states = [case_status(self.desk.audit, entry.statement_hash, [], now_ms) for entry in entries]
        return [state for state in states if ended or not state.ended]

    def case(self, case_hash: bytes) -> Case:
        """Return one case.

        Raises:
            NotFound: the board shows no such case.
        """
        self.desk.audit.sync(self.desk.board)
        entry = self.desk.audit.find(case_hash)
        if entry is None or entry.kind != Case.kind or not entry.dsse:
            raise NotFound("The board shows no such case.", "List them: tapeline approver list.")
        return Case.parse(entry.dsse)

    def approve(self, case_hash: bytes, comment: str) -> int:
        """Sign and post an approval of exactly this case; return its audit index.

        Raises:
            Refused: GOV-7, GOV-8: by one who is no approver, or is involved.
        """
        case, me, now_ms = self.case(case_hash), self._me(), self.clock()
        approval = Approval(case_hash, me, comment, self._next_ms(case_hash, me), case.expires_ms)
        dsse = approval.sign([signer(self.desk.key.signing)])
        roster, in_force = self.desk.audit.roster, self.desk.audit.chain.in_force(now_ms)
        verify_approval(dsse, case, roster, in_force, now_ms)  # nobody signs in vain
        return self._post(approval, dsse)

    def reject(self, case_hash: bytes, comment: str) -> int:
        """Sign and post a rejection, which takes an own approval away; return its audit index."""
        return self._say(Rejection, case_hash, comment)

    def withdraw(self, case_hash: bytes, comment: str) -> int:
        """Sign and post a withdrawal of one's own approval or rejection; return its audit index."""
        return self._say(Withdrawal, case_hash, comment)

    def _say(self, kind: type[Rejection | Withdrawal], case_hash: bytes, comment: str) -> int:
        self.case(case_hash)
        me = self._me()
        word = kind(case_hash, me, comment, self._next_ms(case_hash, me))
        return self._post(word, word.sign([signer(self.desk.key.signing)]))

    def _next_ms(self, case_hash: bytes, me: str) -> int:
        """Return the time of the next word: later than the one before, whatever this machine's clock says."""
        before = self.desk.audit.standing(case_hash, self.clock()).votes.get(me)
        return max(self.clock(), 0 if before is None else before.statement.created_ms + 1)

    def _post(self, word: VoteStatement, dsse: bytes) -> int:
        """Post a word, and see for oneself that the log filed it under its case: elsewhere no gate would heed it."""
        ack = self.desk.board.post(word.kind, dsse)
        roster = self.desk.audit.roster
        signed = Ack(index=ack.index, leaf=ack.leaf, signature=ack.signature)
        verify_ack(roster.escrow_key, roster.audit_origin, signed)
        leaf = parse_audit_leaf(ack.leaf)
        require(
            (leaf.kind, leaf.statement_hash, leaf.about) == (word.kind, word.statement_hash, word.case),
            Rule.LEAF_TAG,
            "The escrow service filed the statement otherwise than it says.",
        )
        return ack.index

    def _me(self) -> str:
        person = self.desk.audit.roster.by_key(self.desk.key.signing.public)
        if person is None or "approver" not in person.roles:
            raise PermissionRefused("This key is no approver's.", "Ask the officers.")
        return person.id
