"""Board, gate, replica, status, approver's list and auditor agree on how a case stands, after any history."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache

from gov_kit import T0, Audit, Matter, key, sign_roster
from hypothesis import given, settings
from hypothesis import strategies as st
from standing_kit import approval, board_state, closing, refusal_of, rejection, replica, revocation, withdrawal

from tapeline.audit.statements import AuditHistory, Entry
from tapeline.base.rules import Rule
from tapeline.base.times import HOUR, MINUTE
from tapeline.governance.approval import Approval
from tapeline.governance.audit_replay import replay
from tapeline.governance.auditleaf import parse_audit_leaf
from tapeline.governance.case import Case
from tapeline.governance.dsse import parse_envelope
from tapeline.governance.gate import pass_gate
from tapeline.governance.gate_input import AgentMemory, Consent
from tapeline.governance.standing import Ledger, Standing, standing_of
from tapeline.review.status import case_status

APPROVERS = ("abel", "adah", "amos")
VOTES = (
    "approve",
    "reject",
    "withdraw",
    "approve again",
    "revoke approval",
    "officers revoke approval",
    "revoke person",
)
ACTS = st.tuples(st.sampled_from(VOTES), st.sampled_from(APPROVERS)) | st.tuples(
    st.sampled_from(("close", "close another's", "revoke case", "revoke key")), st.sampled_from((*APPROVERS, "rita"))
)


@cache
def matter() -> Matter:
    return Matter()


@dataclass
class History:
    """A log that grows by acts, beside the simplest model of what then stands."""

    log: Audit = field(default_factory=Audit)
    clock: int = T0 + HOUR
    last: dict[str, str] = field(default_factory=dict)
    approvals: dict[str, list[bytes]] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)
    void: set[bytes] = field(default_factory=set)
    ended: str = ""

    def __post_init__(self) -> None:
        self.post("roster", sign_roster(matter().roster))
        self.post("case", matter().case_envelope)

    def post(self, kind: str, text: bytes) -> None:
        self.clock += 1
        self.log.post(kind, text, self.clock)

    def act(self, what: str, who: str) -> None:
        made = self.approvals.setdefault(who, [])
        if what == "approve":
            made.append(approval(matter(), who, self.clock))
            self.post("approval", made[-1])
            self.last[who] = "approval"
        elif what == "approve again" and made:
            self.post("approval", made[-1])  # the escrow service replays it
        elif what in {"reject", "withdraw"}:
            kind, word = ("rejection", rejection) if what == "reject" else ("withdrawal", withdrawal)
            self.post(kind, word(matter(), who, self.clock))
            self.last[who] = kind
        elif what.endswith("revoke approval") and made:
            digest = parse_envelope(made[-1], "approval").statement_hash
            by = who if what == "revoke approval" else ""
            self.post("revocation", revocation("approval", digest.hex(), by))
            if not (by and who in self.gone):
                self.void.add(made[-1])
        elif what == "revoke person":
            self.post("revocation", revocation("person", who))
            self.gone.add(who)
        else:
            self.act_on_case(what, who)

    def act_on_case(self, what: str, who: str) -> None:
        if what == "revoke key":
            self.post("revocation", revocation("key", key(f"acme/{who}").public.hex()))
            self.gone.add(who)
            self.ended = self.ended or ("revoked" if who == "rita" else "")
        elif what == "close":
            self.post("closing", closing(matter()))
            self.ended = "closed"
        elif what == "close another's" and who != "rita":
            self.post("closing", closing(matter(), who))
        elif what == "revoke case":
            self.post("revocation", revocation("case", matter().case.statement_hash.hex()))
            self.ended = self.ended or "revoked"

    def expected(self) -> set[str]:
        yes = (who for who, word in self.last.items() if word == "approval" and who not in self.gone)
        return {who for who in yes if self.approvals[who][-1] not in self.void}


def views(history: History) -> dict[str, Standing]:
    """How each party sees the case."""
    audit, now, pinned = history.log, history.clock + MINUTE, matter().archive.pinned["acme"]
    case, envelope = matter().case.statement_hash, Case.envelope(matter().case_envelope)
    view = replay(audit.entries(), audit.log.note(now), [], pinned, case)
    board = board_state(audit, pinned)
    return {
        "gate": standing_of(envelope, view.about, Ledger.of(view.chain, view.revoked, now)),
        "board": board.standing(board.case(case), now),
        "replica": replica(audit, pinned, now).standing(case, now),
        "auditor": auditor(audit, pinned).standing(envelope, below=len(audit.texts), at_ms=now),
    }


def auditor(audit: Audit, pinned: bytes) -> AuditHistory:
    view = replay(audit.entries(), audit.log.note(T0 + 2 * HOUR), [], pinned)
    history = AuditHistory(view.chain, revoked=view.revoked, roster_indices=[0])
    for index, (data, text) in enumerate(zip(audit.log.entries, audit.texts, strict=True)):
        leaf, parsed = parse_audit_leaf(data), parse_envelope(text, parse_audit_leaf(data).kind)
        history.entries.append(
            Entry(index, data, leaf.kind, leaf.statement_hash, leaf.time_ms, leaf.about, parsed, text)
        )
    return history


@settings(max_examples=120, deadline=None)
@given(st.lists(ACTS, max_size=9))
def test_everyone_sees_a_case_stand_alike(acts: list[tuple[str, str]]) -> None:
    history = History()
    for act in acts:
        history.act(*act)
    seen = views(history)
    assert all(one == seen["gate"] for one in seen.values()), seen
    assert {one.approver.id for one in seen["gate"].approvals} == history.expected()
    log = replica(history.log, matter().archive.pinned["acme"], history.clock)
    status = case_status(log, matter().case.statement_hash, [], history.clock)
    assert set(status.approved_by) == history.expected()
    assert set(status.rejected_by) == {who for who, word in history.last.items() if word == "rejection"}
    assert (status.ended, status.closed) == (history.ended, history.ended == "closed")
    if history.ended:
        assert status.missing == ()


@settings(max_examples=30, deadline=None)
@given(st.lists(ACTS, max_size=7))
def test_a_gate_passes_exactly_what_status_calls_approved(acts: list[tuple[str, str]]) -> None:
    """A warrant over the approvals that stood before the acts passes if they all stand after them."""
    one, history = Matter(), History()
    for who in ("abel", "adah"):
        history.act("approve", who)
    named = [history.approvals[who][-1] for who in ("abel", "adah")]
    for act in acts:
        history.act(*act)
    one.audit = history.log
    one.filed_ms = history.clock
    one.now_ms = history.clock + 2 * HOUR
    one.file(approvals=named)
    told = refusal_of(
        lambda: pass_gate(one.input(), AgentMemory(), Consent(unattended_classes=frozenset({"five-years"})), one.now_ms)
    )
    stand = all(history.approvals[who][-1] == text for who, text in zip(("abel", "adah"), named, strict=True))
    passes = not history.ended and {"abel", "adah"} <= history.expected() and stand
    assert (told is None) is passes
    assert told in {None, Rule.GATE_STANDING, Rule.GATE_CLOSED, Rule.GATE_REVOKED}
    assert all(Approval.parse(text).approver for text in named)
