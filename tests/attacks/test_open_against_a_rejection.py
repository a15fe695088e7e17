"""A reviewer wants to open a case though an approver said no after all; the escrow service's operator may help."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from agent_kit import Holder
from gov_kit import CLASS, Audit, Matter, key, sign_roster
from standing_kit import approval, first_approval, refusal_of, rejection, vault_refusal, withdrawal

from tapeline.base.errors import StateError
from tapeline.base.rules import Refused, Rule
from tapeline.base.times import MINUTE
from tapeline.custodian.consent import consent_table
from tapeline.escrow.board import Board
from tapeline.escrow.database import open_database
from tapeline.escrow.state import BoardState
from tapeline.escrow.warrants import issue_warrant
from tapeline.governance.gate import pass_gate, pass_gate_before_ciphertext, summarise
from tapeline.governance.gate_input import AgentMemory, Consent, GateInput

UNATTENDED = Consent(unattended_classes=frozenset({CLASS}))
FRESH = AgentMemory()


@pytest.fixture
def matter() -> Matter:
    return Matter()


def gate(matter: Matter, package: GateInput | None = None) -> Rule | None:
    return refusal_of(lambda: pass_gate(package or matter.input(), FRESH, UNATTENDED, matter.now_ms))


@pytest.mark.rule(Rule.GATE_STANDING)
@pytest.mark.parametrize(("kind", "word"), [("rejection", rejection), ("withdrawal", withdrawal)])
def test_a_word_after_the_warrant_stops_every_gate(kind: str, word, matter: Matter, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    assert gate(matter) is None
    matter.audit.post(kind, word(matter, "abel"), matter.now_ms)
    assert gate(matter) is Rule.GATE_STANDING
    before = refusal_of(lambda: pass_gate_before_ciphertext(matter.input(), FRESH, matter.now_ms))
    assert before is Rule.GATE_STANDING  # what the relay passes before it hands out ciphertext
    assert refusal_of(Holder(matter, "carl", tmp_path).release) is Rule.GATE_STANDING
    assert vault_refusal(matter, tmp_path) is Rule.GATE_STANDING


@pytest.mark.rule(Rule.GATE_CHECKPOINT)
def test_a_rejection_is_not_left_out_of_the_package(matter: Matter) -> None:
    """The leaf itself names the case: its text is demanded, whoever put the package together."""
    index = matter.audit.post("rejection", rejection(matter, "abel"), matter.now_ms)
    whole = matter.input()
    for text in (b"", first_approval(matter, "abel"), rejection(matter, "amos")):
        leaves = list(whole.audit_leaves)
        leaves[index] = replace(leaves[index], statement=text)
        told = gate(matter, replace(whole, audit_leaves=tuple(leaves)))
        assert told in {Rule.GATE_CHECKPOINT, Rule.DSSE_SYNTAX}
    assert gate(matter, whole) is Rule.GATE_STANDING


def test_an_approval_logged_again_renews_nothing(matter: Matter) -> None:
    """The escrow service replays what Abel signed before he changed his mind."""
    matter.audit.post("rejection", rejection(matter, "abel"), matter.now_ms)
    matter.audit.post("approval", first_approval(matter, "abel"), matter.now_ms)
    assert gate(matter) is Rule.GATE_STANDING


def test_an_approval_held_back_until_after_the_rejection_counts_for_nothing(matter: Matter) -> None:
    held = approval(matter, "abel", matter.now_ms - MINUTE)
    matter.file(approvals=[held, first_approval(matter, "adah")], log_warrant=False)
    matter.audit = Audit()
    matter.audit.post("roster", sign_roster(matter.roster), matter.filed_ms)
    matter.audit.post("case", matter.case_envelope, matter.filed_ms)
    matter.audit.post("rejection", rejection(matter, "abel"), matter.filed_ms)
    for one in matter.approvals:
        matter.audit.post("approval", one, matter.filed_ms)
    matter.audit.post("warrant", matter.warrant_envelope, matter.filed_ms)
    matter.older_notes = [matter.audit.log.note(matter.filed_ms + MINUTE)]
    assert gate(matter) is Rule.GATE_STANDING


def test_a_warrant_over_approvals_that_were_never_logged_is_refused(matter: Matter) -> None:
    """Or else nobody could take such an approval back in public."""
    matter.audit = Audit()
    matter.audit.post("roster", sign_roster(matter.roster), matter.filed_ms)
    matter.audit.post("warrant", matter.warrant_envelope, matter.filed_ms)
    matter.older_notes = [matter.audit.log.note(matter.filed_ms + MINUTE)]
    assert gate(matter) is Rule.GATE_STANDING


def test_whoever_changes_their_mind_back_is_heard(matter: Matter) -> None:
    matter.audit.post("rejection", rejection(matter, "abel", matter.filed_ms + 1), matter.filed_ms)
    anew = approval(matter, "abel", matter.filed_ms + 2)
    assert gate(matter) is Rule.GATE_STANDING
    matter.audit.post("approval", anew, matter.filed_ms)
    assert gate(matter) is Rule.GATE_STANDING  # the warrant still names the old one
    matter.file(approvals=[anew, first_approval(matter, "adah")])
    assert gate(matter) is None


def test_no_stranger_rejects_in_an_approvers_name(matter: Matter) -> None:
    """Logged by an escrow service that helps to delay: it takes nobody's approval away."""
    from tapeline.governance.approval import Rejection

    forged = Rejection(matter.case.statement_hash, "abel", "", matter.now_ms)
    from gov_kit import sign

    matter.audit.post("rejection", sign(forged, "acme/amos"), matter.now_ms)
    matter.audit.post("rejection", rejection(matter, "rita"), matter.now_ms)
    assert gate(matter) is None


def test_custodians_see_each_approver_once_and_who_said_no(matter: Matter) -> None:
    matter.audit.post("rejection", rejection(matter, "amos"), matter.now_ms)
    summary = summarise(matter.input(), FRESH, matter.now_ms)
    assert (summary.approvers, summary.rejected_by) == (("Abel", "Adah"), ("Amos",))
    names = [str(cell) for cell in consent_table(summary).columns[0].cells]
    assert "Rejected by" in names


async def test_the_escrow_service_issues_no_warrant_and_counts_the_last_word(matter: Matter, tmp_path: Path) -> None:
    database = open_database(tmp_path / "escrow.db")
    pinned, now = matter.archive.pinned["acme"], matter.filed_ms
    board = Board(database, BoardState(pinned), key("acme/escrow"), lambda: now)
    await board.load(sign_roster(matter.roster))
    await board.post("case", matter.case_envelope)
    for one in matter.approvals:
        await board.post("approval", one)
    case = matter.case.statement_hash
    await board.post("rejection", rejection(matter, "abel", now))
    with pytest.raises(Refused) as refusal:
        await issue_warrant(board, case, matter.manifest_envelope)
    assert refusal.value.rule is Rule.APPROVAL_QUORUM
    again = await board.post("approval", first_approval(matter, "abel"))  # its first leaf is told again
    assert again.index == 2
    with pytest.raises(Refused):
        await issue_warrant(board, case, matter.manifest_envelope)
    with pytest.raises(StateError):
        await board.post("rejection", rejection(matter, "abel", now + 1))
    await board.post("withdrawal", withdrawal(matter, "abel", now + 1))
    with pytest.raises(StateError):
        await board.post("withdrawal", withdrawal(matter, "abel", now + 2))
    await board.post("approval", approval(matter, "abel", now + 3))
    assert await issue_warrant(board, case, matter.manifest_envelope)
    restarted = Board(database, BoardState(pinned), key("acme/escrow"), lambda: now)
    await restarted.load(sign_roster(matter.roster))
    assert restarted.state.standing(restarted.state.case(case), now) == board.state.standing(
        board.state.case(case), now
    )
    await database.close()
