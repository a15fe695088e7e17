"""The gate, steps 1 to 4: the audit log, the case and its approvals, the manifest, the warrant."""

from __future__ import annotations

from collections.abc import Sequence

from tapeline.base.errors import TapelineError
from tapeline.base.rules import Rule, refusing, require
from tapeline.base.times import MINUTE
from tapeline.governance.approval import Approval
from tapeline.governance.approvals import VerifiedApproval, verify_approvals
from tapeline.governance.audit_replay import AuditView, replay
from tapeline.governance.case import Case, case_signers, verify_case
from tapeline.governance.gate_input import AgentMemory, GateInput
from tapeline.governance.manifest import Manifest, verify_manifest
from tapeline.governance.scope import meets_window, require_in_scope
from tapeline.governance.standing import Ledger, Standing, standing_of
from tapeline.governance.warrant import Warrant, verify_warrant
from tapeline.transparency.cosigned import CosignedCheckpoint

CLOCK_TOLERANCE_MS = 10 * MINUTE


def step_1_replay_audit_log(package: GateInput, agent: AgentMemory) -> AuditView:
    """Replay the audit log, which must extend what the agent saw last."""
    about = Case.envelope(package.case).statement_hash
    notes = package.publication_notes
    audit = replay(package.audit_leaves, package.audit_note, notes, package.pinned_roster, about, agent.sighted)
    require(
        agent.audit_size <= audit.note.size and audit.prefix_root(agent.audit_size) == agent.audit_root,
        Rule.GATE_CHECKPOINT,
        "The audit log does not extend the checkpoint that this agent saw last.",
    )
    return audit


def step_1_require_clock(audit: AuditView, agent: AgentMemory, now_ms: int) -> None:
    """Hold T against the own clock and the last T."""
    require(
        abs(audit.time_ms - now_ms) <= CLOCK_TOLERANCE_MS,
        Rule.GATE_CLOCK,
        "The witnesses' time differs from the own clock by more than 10 minutes.",
    )
    require(
        audit.time_ms >= agent.last_time_ms, Rule.GATE_CLOCK, "The witnesses' time lies before the last that was seen."
    )


def step_1_require_nothing_revoked(package: GateInput, audit: AuditView) -> None:
    """Refuse what is revoked: the documents, who signed or asked for them, the keys of people and services."""
    roster, revoked = audit.chain.current, audit.revoked
    case_envelope = Case.envelope(package.case)
    case_hash, reviewers = case_envelope.statement_hash, case_signers(case_envelope, roster)
    approvals = [Approval.parse(envelope) for envelope in package.approvals]
    approvers = {one.approver for one in approvals}
    # One whom the newest roster gave another key has an old row until the change's delay ends.
    rows = (*roster.people, *audit.chain.in_force(audit.time_ms).approvers)
    people = {*(person.id for person in reviewers), *approvers, Case.parse(case_envelope).requester}
    keys = {*(person.key for person in reviewers), *(person.key for person in rows if person.id in approvers)}
    named = [
        *(revoked.covers("case", case_hash, maker=person.id) for person in reviewers),
        *(revoked.covers("approval", one.statement_hash, maker=one.approver) for one in approvals),
        revoked.covers("case", case_hash),
        revoked.covers("manifest", Manifest.envelope(package.manifest).statement_hash),
        revoked.covers("warrant", Warrant.envelope(package.warrant).statement_hash),
        *(revoked.covers("person", identifier) for identifier in people),
        *(revoked.covers("key", key) for key in (*keys, roster.relay_key, roster.escrow_key)),
    ]
    require(
        not any(named), Rule.GATE_REVOKED, "The case, an approval, the manifest, the warrant or a signer is revoked."
    )


def step_2_verify_case(package: GateInput, audit: AuditView) -> tuple[Case, tuple[VerifiedApproval, ...]]:
    """Return the case and its approvals, judged at T; whether they stand is for `step_2_require_standing`."""
    roster, at_ms = audit.chain.current, audit.time_ms
    case = verify_case(package.case, roster, at_ms)
    return case, verify_approvals(package.approvals, case, roster, audit.chain.in_force(at_ms), at_ms)


def step_2_require_standing(package: GateInput, audit: AuditView, approvals: Sequence[VerifiedApproval]) -> Standing:
    """Return how the case stands at the checkpoint: it must be open, and every approval its approver's last word."""
    ledger = Ledger.of(audit.chain, audit.revoked, audit.time_ms)
    standing = standing_of(Case.envelope(package.case), audit.about, ledger)
    standing.require_open()
    stands = {one.approval.statement_hash for one in standing.approvals}
    require(
        all(one.approval.statement_hash in stands for one in approvals),
        Rule.GATE_STANDING,
        "An approval that the warrant names is not logged, or its approver voted otherwise since.",
    )
    return standing


def step_3_verify_manifest(package: GateInput, audit: AuditView, case: Case) -> tuple[Manifest, CosignedCheckpoint]:
    """Return the manifest and the package's archive checkpoint."""
    manifest = verify_manifest(package.manifest, audit.chain.current, case=case.statement_hash)
    with refusing(Rule.GATE_MANIFEST, "An archive checkpoint of the manifest or package is not cosigned."):
        package.directory.verify_archive_note(manifest.archive_note)
        package.directory.verify_archive_note(package.archive_note)
    frozen = package.directory.verify_archive_note(manifest.archive_note)
    require(
        all(row.leaf_index < frozen.size for row in manifest.sessions),
        Rule.GATE_MANIFEST,
        "The manifest names a session that its archive checkpoint does not hold.",
    )
    return manifest, package.directory.verify_archive_note(package.archive_note)


def step_3_require_sessions_in_scope(package: GateInput, case: Case, manifest: Manifest) -> None:
    """Refuse sessions that are not in the manifest, or outside the scope."""
    require(
        all(meets_window(case, row.session_leaf_time_ms, row.not_after_ms) for row in manifest.sessions),
        Rule.GATE_SCOPE,
        "The manifest names a session outside the case's window.",
    )
    rows = {row.record_hash: row for row in manifest.sessions}
    require(
        all(one.record_hash in rows for one in package.malformed),
        Rule.GATE_MANIFEST,
        "A session asked for is not in the manifest.",
    )
    for one in package.records:
        try:
            fact = package.directory.session_fact(one.record, leaf_index=one.index, leaf_time_ms=one.leaf.relay_time_ms)
        except TapelineError:
            # Of a record that the directory cannot place no scope is known: step 5 leaves it out.
            require(one.record.record_hash in rows, Rule.GATE_MANIFEST, "A session asked for is not in the manifest.")
            continue
        row = rows.get(fact.record_hash)
        require(
            row is not None
            and (row.leaf_index, row.session_leaf_time_ms, row.not_after_ms)
            == (fact.leaf_index, fact.leaf_time_ms, fact.not_after_ms),
            Rule.GATE_MANIFEST,
            "A session asked for is not in the manifest, or stands there otherwise.",
        )
        require_in_scope(case, fact)


def step_4_verify_warrant(
    package: GateInput,
    audit: AuditView,
    case: Case,
    approvals: Sequence[VerifiedApproval],
    manifest: Manifest,
) -> tuple[Warrant, int]:
    """Return the warrant and the index of its first leaf."""
    warrant = verify_warrant(
        package.warrant,
        audit.chain.current,
        case=case.statement_hash,
        approvals=frozenset(one.approval.statement_hash for one in approvals),
        manifest=manifest.statement_hash,
        at_ms=audit.time_ms,
    )
    index = audit.index_of(Warrant.kind, warrant.statement_hash)
    require(index is not None, Rule.GATE_WARRANT, "The warrant is no leaf of the audit log.")
    return warrant, index or 0


def step_4_require_published(audit: AuditView, index: int) -> None:
    """Demand that witnesses saw the warrant for the publication delay."""
    delay_ms = audit.chain.in_force(audit.time_ms).publication_delay_ms
    require(
        audit.time_ms - audit.seen_ms(index) >= delay_ms,
        Rule.GATE_DELAY,
        "No checkpoint old enough shows that the warrant's publication delay has passed.",
    )
