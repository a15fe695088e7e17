"""Releases: whatever a custodian or the vault gave out without a warrant in force is named."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from audit_kit import START, Audit, Deployment

from tapeline.base.rules import Rule
from tapeline.base.times import DAY, SECOND
from tapeline.governance.case import Case, Window
from tapeline.governance.revocation import Revocation


@pytest.fixture
def talks(world: Deployment) -> Deployment:
    conversation = world.converse("ann", "ben")
    for name in ("ann", "ben"):
        world.say(world.open(name, conversation), "hello")
    return world


def found(report, rule: str = "AUD-7") -> list[str]:
    return [finding.what for finding in report.findings if finding.rule == rule]


def review(world: Deployment, **changes: object) -> tuple[Case, list[bytes]]:
    """File, approve, list and warrant one case."""
    case = world.file_case(["ann"], **changes)
    manifest = world.manifest(case)
    world.warrant(case, world.approve(case, "approver-1", "approver-2"), manifest)
    return case, [row.record_hash for row in manifest.sessions]


def test_a_rightful_release_is_no_finding(talks: Deployment, audited: Audit) -> None:
    case, records = review(talks)
    talks.release(case, records, "custodian-1")
    talks.vault_release(case, records)
    report = audited(talks)
    assert report.findings == ()
    assert (report.warrants, report.releases) == (1, 2)


def test_a_release_without_a_warrant_is_named(talks: Deployment, audited: Audit) -> None:
    case = talks.file_case(["ann"])
    talks.warrant_leaf = bytes(32)
    talks.release(case, [bytes(64)], "custodian-1")
    assert found(audited(talks)) == ["Custodian custodian-1 released without any warrant in the log."]


def test_a_release_before_its_warrant_is_named(talks: Deployment, audited: Audit) -> None:
    case, records = review(talks)
    talks.release(case, records, "custodian-1")
    entries = talks.audit.entries
    entries[-1], entries[-2] = entries[-2], entries[-1]
    assert "released without any warrant" in found(audited(talks))[0]


def revoke(kind: str, by: str) -> Callable[[Deployment, Case], None]:
    def act(world: Deployment, case: Case) -> None:
        target = {
            "case": case.statement_hash,
            "approval": hash_of(world, "approval"),
            "warrant": hash_of(world, "warrant"),
        }[kind]
        signers = [by] if by else ["officer"]
        world.publish(Revocation(kind, target.hex(), by, "an error", world.now), *signers)

    return act


def hash_of(world: Deployment, kind: str) -> bytes:
    from tapeline.wire.v1.objects_pb2 import AuditLeaf

    leaves = [AuditLeaf.FromString(entry) for entry in world.audit.entries]
    return next(leaf.statement_hash for leaf in leaves if leaf.kind == kind)


@pytest.mark.parametrize(("kind", "by"), [("case", "reviewer"), ("approval", "approver-1"), ("warrant", "")])
def test_a_release_after_a_revocation_is_named(kind: str, by: str, talks: Deployment, audited: Audit) -> None:
    case, records = review(talks)
    talks.release(case, records, "custodian-1")
    revoke(kind, by)(talks, case)
    talks.release(case, records, "custodian-2")
    assert found(audited(talks)) == [f"Custodian custodian-2 released after the {kind} was revoked."]


def test_a_release_after_its_reviewer_withdrew_anothers_case_is_named(talks: Deployment, audited: Audit) -> None:
    """The reviewer who signed may withdraw a case, whoever asked for it: the gate heeds it, so must the auditor."""
    case, records = review(talks, requester="a manager")
    revoke("case", "reviewer")(talks, case)
    talks.release(case, records, "custodian-1")
    assert found(audited(talks)) == ["Custodian custodian-1 released after the case was revoked."]


@pytest.mark.parametrize(
    ("kind", "who"),
    [
        ("person", "reviewer"),
        ("person", "approver-2"),
        ("person", "a manager"),
        ("key", "reviewer"),
        ("key", "approver-2"),
    ],
)
def test_a_release_after_one_who_signed_or_asked_was_revoked_is_named(
    kind: str, who: str, talks: Deployment, audited: Audit
) -> None:
    case, records = review(talks, requester="a manager")
    target = who if kind == "person" else talks.keys[who].public.hex()
    talks.publish(Revocation(kind, target, "", "left", talks.now), "officer")
    talks.release(case, records, "custodian-1")
    assert found(audited(talks)) == [f"Custodian custodian-1 released after the {kind} was revoked."]


def test_a_release_after_the_warrants_end_is_named(talks: Deployment, audited: Audit) -> None:
    case, records = review(talks)
    talks.tick(2 * DAY)
    talks.release(case, records, "custodian-1")
    assert found(audited(talks)) == ["Custodian custodian-1 released after the warrant's or case's end."]


def test_a_session_outside_the_manifest_is_named(talks: Deployment, audited: Audit) -> None:
    case, records = review(talks)
    talks.release(case, [*records, b"\x07" * 64], "custodian-1")
    assert found(audited(talks)) == [f"Custodian custodian-1 released {'07' * 8}…, which is not in the manifest."]


def test_two_different_bundles_for_one_session_are_named(talks: Deployment, audited: Audit) -> None:
    case, records = review(talks)
    talks.release(case, records, "custodian-1", bundle=bytes(64))
    talks.release(case, records, "custodian-1", bundle=b"\x01" * 64)
    assert len(found(audited(talks), "AUD-9")) == len(records)


@pytest.mark.parametrize(
    ("approvers", "rule"),
    [
        (["approver-1"], Rule.APPROVAL_QUORUM),
        (["reviewer", "approver-1"], Rule.APPROVAL_ROLE),
        ([], Rule.APPROVAL_QUORUM),
    ],
)
def test_a_warrant_on_too_few_approvals_carries_nothing(
    approvers: list[str], rule: Rule, talks: Deployment, audited: Audit
) -> None:
    case = talks.file_case(["ann"])
    manifest = talks.manifest(case)
    talks.warrant(case, talks.approve(case, *approvers), manifest)
    talks.release(case, [row.record_hash for row in manifest.sessions], "custodian-1")
    report = audited(talks)
    assert len(found(report, rule.id)) == 1, report.findings
    assert "missing or does not hold" in found(report)[0]


def test_a_warrant_that_names_an_approval_that_is_not_there_is_named(talks: Deployment, audited: Audit) -> None:
    case = talks.file_case(["ann"])
    manifest = talks.manifest(case)
    approvals = talks.approve(case, "approver-1", "approver-2")
    del talks.audit.entries[-1]
    talks.warrant(case, approvals, manifest)
    assert "rests on the approval" in found(audited(talks))[0]


def test_a_manifest_that_leaves_out_a_session_is_named(talks: Deployment, audited: Audit) -> None:
    case = talks.file_case(["ann"])
    manifest = talks.manifest(case, change=lambda rows: rows.pop())
    talks.warrant(case, talks.approve(case, "approver-1", "approver-2"), manifest)
    assert "leaves out a session in scope" in found(audited(talks), "AUD-8")[0]


def test_a_manifest_that_reaches_beyond_the_scope_is_named(talks: Deployment, audited: Audit) -> None:
    wide = talks.manifest(talks.file_case(["ann"])).sessions
    case = talks.file_case(["ann"], window=Window(START - DAY, START - SECOND))
    manifest = talks.manifest(case, change=lambda rows: rows.extend(wide))
    talks.warrant(case, talks.approve(case, "approver-1", "approver-2"), manifest)
    assert found(audited(talks), "AUD-8")[0].startswith("The manifest lists a session outside the scope")


def test_a_manifest_of_a_forked_archive_is_named(talks: Deployment, audited: Audit) -> None:
    review(talks)
    talks.archive.entries[-1] += b""
    original = talks.archive.entries[:]
    talks.archive.entries[-1] = original[-1].replace(original[-1][-3:], b"\x00\x00\x00")
    assert any(finding.rule == "AUD-5" for finding in audited(talks).findings)
