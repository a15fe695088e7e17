"""A thief of a revoked enroller's or approver's key wants to revoke on: to lock devices out and stop cases for good."""

from __future__ import annotations

from pathlib import Path

import pytest
from agent_kit import replica_of
from audit_kit import Deployment
from gov_kit import CLASS, OFFICERS, T0, Archive, Matter, key, make_approval, sign, sign_roster

from tapeline.audit.auditor import audit
from tapeline.base.rules import Refused, Rule
from tapeline.cli.copyfolder import open_copy
from tapeline.escrow.board import Board
from tapeline.escrow.database import open_database
from tapeline.escrow.state import BoardState
from tapeline.governance.gate import pass_gate
from tapeline.governance.gate_input import AgentMemory, Consent
from tapeline.governance.revocation import Revocation
from tapeline.wire.v1.objects_pb2 import LEAF_TYPE_REVOCATION


def ended(name: str) -> list[bytes]:
    """Person and key are revoked by the officers, as on the day after the theft."""
    targets = (("person", name), ("key", key(f"acme/{name}").public.hex()))
    return [sign(Revocation(kind, target, "", "stolen", T0), *OFFICERS) for kind, target in targets]


def test_no_device_is_locked_out() -> None:
    archive = Archive()
    archive.certify()
    ben = archive.enrol("ben").device.entry_hash
    for revocation in ended("enid"):
        archive.publish(LEAF_TYPE_REVOCATION, revocation)
    with pytest.raises(Refused) as refusal:
        archive.publish(LEAF_TYPE_REVOCATION, sign(Revocation("device", ben.hex(), "enid", "", T0), "acme/enid"))
    assert refusal.value.rule is Rule.GATE_REVOKED
    assert archive.state.device(ben).revoked_index is None


def stolen(matter: Matter) -> tuple[list[bytes], bytes]:
    """Amos, an approver whose approval no warrant names, is revoked; then his key revokes his approval."""
    approval = make_approval(matter.case, "amos").statement_hash
    return ended("amos"), sign(Revocation("approval", approval.hex(), "amos", "", T0), "acme/amos")


def test_a_gate_and_a_replica_heed_no_such_revocation() -> None:
    """Also where the escrow service helped the thief and logged it."""
    matter = Matter()
    before, after = stolen(matter)
    for revocation in (*before, after):
        matter.revoke(revocation)
    passed = pass_gate(matter.input(), AgentMemory(), Consent(unattended_classes=frozenset({CLASS})), matter.now_ms)
    amos = make_approval(matter.case, "amos").statement_hash
    for revoked in (passed.before.audit.revoked, replica_of(matter).revoked):
        assert revoked.covers("person", "amos")
        assert not revoked.covers("approval", amos, maker="amos")


async def test_the_board_logs_no_such_revocation(tmp_path: Path) -> None:
    matter = Matter()
    database = open_database(tmp_path / "escrow.db")
    state = BoardState(matter.archive.pinned["acme"])
    board = Board(database, state, key("acme/escrow"), lambda: matter.now_ms)
    await board.load(sign_roster(matter.roster))
    before, after = stolen(matter)
    for revocation in before:
        await board.post("revocation", revocation)
    with pytest.raises(Refused) as refusal:
        await board.post("revocation", after)
    assert refusal.value.rule is Rule.GATE_REVOKED
    await database.close()


def test_the_auditor_names_it_and_heeds_it_not(tmp_path: Path) -> None:
    world = Deployment("small")
    world.enrol("ann")
    world.publish(Revocation("person", "enroller", "", "stolen", world.now), "officer")
    device = world.users["ann"].device.entry_hash
    raw = Revocation("device", device.hex(), "enroller", "", world.now)
    index = len(world.audit.entries)
    world.publish(raw, "enroller", mirror=False)
    report = audit(open_copy(world.write(tmp_path / "copy")))
    assert next(one.rule for one in report.findings if f"audit leaf {index}," in one.where) == Rule.GATE_REVOKED.id
