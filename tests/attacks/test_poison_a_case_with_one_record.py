"""A relay hides a leaf from a sender, so that one session is unsound, and wants the whole case to stay sealed by it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from agent_kit import CASE_KEY, Holder, post_release, replica_of
from audit_kit import Deployment
from gov_kit import CLASS, OFFICERS, T0, Matter, hpke_seed, sign
from vault_kit import make_vault, pages_of

from tapeline.audit.auditor import audit
from tapeline.base.rules import Refused, Rule
from tapeline.cli.copyfolder import open_copy
from tapeline.crypto.record.facts import Facts
from tapeline.crypto.wire import encode
from tapeline.custodian.consent import consent_table
from tapeline.governance.gate import pass_gate, summarise
from tapeline.governance.gate_input import AgentMemory, Consent, GateInput, GatePass
from tapeline.governance.leftout import LeftOut
from tapeline.governance.release import Release, bundle_hash, verify_release, verify_vault_release
from tapeline.governance.revocation import Revocation
from tapeline.review.bundles import Target, collect
from tapeline.review.combining import combine_all
from tapeline.review.refused import refused_sessions
from tapeline.review.status import case_status
from tapeline.wire.v1 import escrow_pb2 as wire
from tapeline.wire.v1.objects_pb2 import LEAF_TYPE_REVOCATION

FRESH = AgentMemory()


def poisoned(rule: Rule) -> Matter:
    """Two sound sessions and a third that leaves out a device, or seals to a stolen one: its leaf was withheld."""
    matter = Matter()
    archive = matter.archive
    second = archive.enrol("ben", number=2).device.entry_hash
    believes: Callable[[Facts], Facts] = lambda facts: replace(  # noqa: E731
        facts, devices=tuple(one for one in facts.devices if one.device.entry_hash != second)
    )
    if rule is Rule.REC_REVOKED:
        stolen = Revocation("device", second.hex(), "", "stolen", T0)
        archive.publish(LEAF_TYPE_REVOCATION, sign(stolen, *OFFICERS))
        believes = lambda facts: replace(  # noqa: E731
            facts, devices=tuple(replace(one, revoked_index=None) for one in facts.devices)
        )
    matter.sessions.append(archive.open_session(matter.ann, matter.membership, believes))
    matter.file()
    return matter


def poison_of(matter: Matter) -> bytes:
    return matter.sessions[-1][0].record_hash


def go(matter: Matter, package: GateInput | None = None) -> GatePass:
    return pass_gate(package or matter.input(), FRESH, Consent(unattended_classes=frozenset({CLASS})), matter.now_ms)


@pytest.mark.parametrize("rule", [Rule.REC_MISSING_ROW, Rule.REC_REVOKED])
def test_the_gate_releases_the_others_and_names_it(rule: Rule) -> None:
    matter = poisoned(rule)
    passed = go(matter)
    sound = [created.record_hash for created, _ in matter.sessions[:-1]]
    assert [session.verified.record_hash for session in passed.sessions] == sound
    assert passed.left_out == (LeftOut(poison_of(matter), rule.id),)
    assert poison_of(matter) not in passed.memory.answered.values()
    alone = replace(matter.input(), records=matter.input().records[-1:])
    with pytest.raises(Refused) as refusal:
        go(matter, alone)
    assert refusal.value.rule is Rule.GATE_RECORD
    assert rule.id in refusal.value.cause


def test_a_record_that_does_not_even_parse_stops_nothing() -> None:
    matter = poisoned(Rule.REC_MISSING_ROW)
    records = matter.records()
    records[0].record = b"\xff" + records[0].record
    package = GateInput.from_package(
        matter.package(records=records), matter.archive.state, pinned_roster=matter.archive.pinned["acme"]
    )
    passed = go(matter, package)
    assert [one.verified.record_hash for one in passed.sessions] == [matter.sessions[1][0].record_hash]
    assert {one.record_hash for one in passed.left_out} == {matter.sessions[0][0].record_hash, poison_of(matter)}


def test_custodians_are_shown_it_and_say_it_in_the_release(tmp_path: Path) -> None:
    matter = poisoned(Rule.REC_MISSING_ROW)
    summary = summarise(matter.input(), FRESH, matter.now_ms)
    assert (summary.sessions, summary.messages) == (2, 6)
    shown = consent_table(summary)
    cells = dict(zip(map(str, shown.columns[0].cells), map(str, shown.columns[1].cells), strict=True))
    assert f"{poison_of(matter).hex()[:16]}: REC-6" in cells["Left out"]
    released = Holder(matter, "carl", tmp_path).release()
    left_out = (LeftOut(poison_of(matter), "REC-6"),)
    assert verify_release(released.release, matter.roster).left_out == left_out
    vault = make_vault(matter.archive, tmp_path, lambda: matter.now_ms)
    request = wire.VaultReleaseRequest(
        warrant_package=encode(matter.package()), archive_pages=pages_of(matter.archive)
    )  # fmt: skip
    answer = vault.releaser.release(request)
    assert verify_vault_release(answer.release, matter.roster).left_out == left_out


def test_the_reviewer_opens_the_others_and_is_told_who_refused_what(tmp_path: Path) -> None:
    """Also where custodians differ: what a threshold of them released is open, the rest is named."""
    matter = poisoned(Rule.REC_MISSING_ROW)
    bundles = []
    for name in ("carl", "cleo"):
        released = Holder(matter, name, tmp_path).release()
        bundles.append(post_release(matter, "release", released.release, released.sealed_bundle))
    vault = make_vault(matter.archive, tmp_path, lambda: matter.now_ms)
    request = wire.VaultReleaseRequest(
        warrant_package=encode(matter.package()), archive_pages=pages_of(matter.archive)
    )  # fmt: skip
    answer = vault.releaser.release(request)
    bundles.append(post_release(matter, "vault-release", answer.release, answer.sealed_bundle))
    replica, passed = replica_of(matter), go(matter)
    target = Target(matter.case.statement_hash, CASE_KEY, passed.warrant_leaf)
    collected = collect(bundles, replica, target, matter.now_ms)
    combined = combine_all(passed.sessions, collected, "acme", passed.warrant_leaf)
    assert (len(combined.opened), combined.problems) == (2, ())
    (refused,) = refused_sessions([poison_of(matter)], passed.left_out, collected.left_out)
    assert refused.rules == ("REC-6",)
    assert set(refused.said_by) >= {"carl", "cleo"}
    status = case_status(replica, matter.case.statement_hash, [], matter.now_ms)
    assert status.left_out == (LeftOut(poison_of(matter), "REC-6"),)
    assert hpke_seed("case")


def test_the_auditor_names_what_a_release_left_out(tmp_path: Path) -> None:
    world = Deployment("small")
    for name in ("ann", "ben"):
        world.enrol(name)
    conversation = world.converse("ann", "ben")
    for name in ("ann", "ben"):
        world.say(world.open(name, conversation), "hello")
    case = world.file_case(["ann"])
    manifest = world.manifest(case)
    world.warrant(case, world.approve(case, "approver-1", "approver-2"), manifest)
    first, second = sorted(row.record_hash for row in manifest.sessions)
    world.publish(
        Release(
            world.warrant_leaf, case.statement_hash, 1, (first,), bundle_hash(b"x"), custodian="custodian-1",
            left_out=(LeftOut(second, "REC-6"),),
        ),
        "custodian-1",
    )  # fmt: skip
    (finding,) = audit(open_copy(world.write(tmp_path / "copy"))).findings
    assert (finding.rule, finding.what) == (
        "AUD-12",
        f"Custodian custodian-1 left out {second[:8].hex()}… under REC-6, which verifies in this copy.",
    )
