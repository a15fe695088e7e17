"""A reviewer wants to open a case on after its closing, from a copy of the workspace made before."""

from __future__ import annotations

from pathlib import Path

import pytest
from agent_kit import Holder
from audit_kit import Deployment
from gov_kit import CLASS, Matter, key, sign, sign_roster, successor, with_people
from standing_kit import closing, refusal_of, rejection, vault_refusal

from tapeline.audit.auditor import audit
from tapeline.base.errors import StateError
from tapeline.base.rules import Refused, Rule
from tapeline.cli.copyfolder import open_copy
from tapeline.escrow.board import Board
from tapeline.escrow.bundles import post_bundle
from tapeline.escrow.database import open_database
from tapeline.escrow.state import BoardState
from tapeline.escrow.warrants import issue_warrant
from tapeline.governance.approval import Rejection
from tapeline.governance.closing import Closing
from tapeline.governance.gate import pass_gate, pass_gate_before_ciphertext
from tapeline.governance.gate_input import AgentMemory, Consent
from tapeline.governance.release import Release, bundle_hash
from tapeline.transparency import merkle

UNATTENDED = Consent(unattended_classes=frozenset({CLASS}))
FRESH = AgentMemory()


@pytest.fixture
def matter() -> Matter:
    return Matter()


def gate(matter: Matter) -> Rule | None:
    return refusal_of(lambda: pass_gate(matter.input(), FRESH, UNATTENDED, matter.now_ms))


@pytest.mark.rule(Rule.GATE_CLOSED)
def test_from_its_leaf_on_a_closing_ends_the_case_for_every_gate(matter: Matter, tmp_path: Path) -> None:
    matter.audit.post("closing", closing(matter), matter.now_ms)
    assert gate(matter) is Rule.GATE_CLOSED
    before = refusal_of(lambda: pass_gate_before_ciphertext(matter.input(), FRESH, matter.now_ms))
    assert before is Rule.GATE_CLOSED  # the relay's, and the workspace's own
    assert refusal_of(Holder(matter, "carl", tmp_path).release) is Rule.GATE_CLOSED
    assert vault_refusal(matter, tmp_path) is Rule.GATE_CLOSED


def test_it_stays_closed_when_its_reviewer_has_left(matter: Matter) -> None:
    """And when the next roster gives Rita another key, under which the old closing would not verify."""
    matter.audit.post("closing", closing(matter), matter.now_ms)
    people = with_people(matter.roster, ("rosa", {"reviewer"}, ""), without=("rita",))
    matter.audit.post("roster", sign_roster(successor(matter.roster, people=people)), matter.now_ms)
    assert gate(matter) is Rule.GATE_CLOSED or gate(matter) is Rule.CASE_SIGNATURE


def test_nobody_else_closes_anothers_case(matter: Matter) -> None:
    for who in ("rita", "abel"):
        other = Closing(matter.case.statement_hash, who, "", (), (), True, matter.now_ms)
        matter.audit.post("closing", sign(other, "acme/abel"), matter.now_ms)
    assert gate(matter) is None


async def test_the_escrow_service_takes_nothing_more(matter: Matter, tmp_path: Path) -> None:
    database = open_database(tmp_path / "escrow.db")
    board = Board(database, BoardState(matter.archive.pinned["acme"]), key("acme/escrow"), lambda: matter.filed_ms)
    await board.load(sign_roster(matter.roster))
    await board.post("case", matter.case_envelope)
    for one in matter.approvals:
        await board.post("approval", one)
    case = matter.case.statement_hash
    warrant = merkle.leaf_hash((await issue_warrant(board, case, matter.manifest_envelope)).leaf)
    sealed = b"sealed"
    release = Release(warrant, case, 1, (bytes(64),), bundle_hash(sealed), custodian="carl")
    logged = await post_bundle(board, sign(release, "acme/carl"), sealed)
    ack = await board.post("closing", closing(matter))
    assert await board.post("closing", closing(matter)) == ack
    assert await post_bundle(board, sign(release, "acme/carl"), sealed) == logged  # the same bytes again
    late = Release(warrant, case, 1, (bytes(64),), bundle_hash(sealed), custodian="cleo")
    for rule, act in (
        (Rule.GATE_CLOSED, lambda: issue_warrant(board, case, matter.manifest_envelope)),
        (Rule.GATE_CLOSED, lambda: post_bundle(board, sign(late, "acme/cleo"), sealed)),
        (Rule.GATE_CLOSED, lambda: board.post("rejection", rejection(matter, "abel"))),
        (Rule.DSSE_SIGNATURE, lambda: board.post("closing", closing(matter, "abel"))),
    ):
        with pytest.raises(Refused) as refusal:
            await act()
        assert refusal.value.rule is rule
    again = Closing(case, "rita", "Otherwise.", (), (), True, matter.now_ms)
    with pytest.raises(StateError, match="file a new one"):
        await board.post("closing", sign(again, "acme/rita"))
    await database.close()


def reviewed(world: Deployment) -> tuple:
    for name in ("ann", "ben"):
        world.enrol(name)
    world.say(world.open("ann", world.converse("ann", "ben")), "hello")
    case = world.file_case(["ann"])
    manifest = world.manifest(case)
    approvals = world.approve(case, "approver-1", "approver-2")
    return case, manifest, approvals, [row.record_hash for row in manifest.sessions]


def findings(world: Deployment, tmp_path: Path) -> list[str]:
    return [one.what for one in audit(open_copy(world.write(tmp_path / "copy"))).findings]


def test_the_auditor_names_releases_after_it(tmp_path: Path) -> None:
    world = Deployment("small")
    case, manifest, approvals, records = reviewed(world)
    world.warrant(case, approvals, manifest)
    world.release(case, records, "custodian-1")
    world.publish(Closing(case.statement_hash, "reviewer", "", (), (), True, world.now), "reviewer")
    world.release(case, records, "custodian-2")
    assert findings(world, tmp_path) == ["Custodian custodian-2 released after the case was closed."]


def test_the_auditor_names_releases_against_a_rejection_and_warrants_over_either(tmp_path: Path) -> None:
    world = Deployment("small")
    case, manifest, approvals, records = reviewed(world)
    world.warrant(case, approvals, manifest)
    world.publish(Rejection(case.statement_hash, "approver-1", "", world.tick()), "approver-1")
    world.release(case, records, "custodian-2")
    world.warrant(case, approvals, manifest)
    world.publish(Closing(case.statement_hash, "reviewer", "", (), (), True, world.now), "reviewer")
    world.warrant(case, approvals, manifest)
    assert sorted(findings(world, tmp_path)) == [
        "Custodian custodian-2 released after approver-1 took the approval back.",
        "The warrant names an approval that its approver had taken back.",
        "The warrant was issued after its case was closed.",
    ]
