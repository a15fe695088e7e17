"""The gate: what every custodian agent checks for itself before a partial leaves it, and the vault before q."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tapeline.base.rules import Rule, require
from tapeline.governance.case import Case, case_signers
from tapeline.governance.exception import standing_exceptions
from tapeline.governance.gate_documents import (
    step_1_replay_audit_log,
    step_1_require_clock,
    step_1_require_nothing_revoked,
    step_2_require_standing,
    step_2_verify_case,
    step_3_require_sessions_in_scope,
    step_3_verify_manifest,
    step_4_require_published,
    step_4_verify_warrant,
)
from tapeline.governance.gate_input import (
    AgentMemory,
    BeforeCiphertext,
    Consent,
    GateInput,
    GatePass,
    GateSession,
    GateSummary,
)
from tapeline.governance.gate_records import (
    classes_of,
    hashes_of,
    step_5_verify_records,
    step_6_take_bundle_key,
    step_7_require_consent,
    step_7_require_first_release,
)


def pass_gate(package: GateInput, agent: AgentMemory, consent: Consent, now_ms: int) -> GatePass:
    """Decide whether an agent may answer a warrant (governance, The gate). Pure: no clock, no I/O, no secret.

    T is the median time of the witnesses that cosigned the fresh audit checkpoint.

    1. The audit log: all its leaves lead to a checkpoint with a fresh quorum of cosignatures, which extends the one
       seen last; T agrees with the own clock; the rosters chain from the pinned one, the newest is unexpired;
       nothing that is named is revoked.
    2. The case is a reviewer's, and neither closed nor revoked; enough people of enough groups, none of them involved,
       approve exactly it at T, each as their last word.
    3. The relay signed the manifest, over a cosigned archive; every session asked for is in it and in scope.
    4. The warrant names exactly these, is a leaf of the audit log, and has been public for the delay.
    5. Every record that is released is in the archive and verifies in full; no C0 was answered for another record. One
       that does not is left out and named; where none does, the warrant is refused. Where the officers except a record
       from a rule about the directory's view, it is judged by all others, released and named.
    6. The bundle's key is the one in the case.
    7. A person, or the agent's own policy, allows it; no session is released twice for the warrant.

    Args:
        package: unverified, beside directory and pinned roster.
        agent: what it remembers.
        consent: the person's, to what `summarise` showed, or the policy file's.
        now_ms: the agent's own clock, unix milliseconds.

    Raises:
        Refused: the rule that stands in the way: GOV-*, GAT-*, PAR-4, or of the wire format.
    """
    before = pass_gate_before_ciphertext(package, agent, now_ms)  # 1 to 4
    sessions, left_out = step_5_verify_records(package, before, agent)
    seal_to = step_6_take_bundle_key(before.case)
    step_7_require_consent(before, sessions, consent)
    step_7_require_first_release(before, sessions, agent)
    return GatePass(before, sessions, left_out, seal_to, _remember(before, sessions))


def pass_gate_before_ciphertext(package: GateInput, agent: AgentMemory, now_ms: int) -> BeforeCiphertext:
    """Pass steps 1 to 4 of `pass_gate`: what the relay demands before it hands out ciphertext.

    Raises:
        Refused: as `pass_gate`.
    """
    audit = step_1_replay_audit_log(package, agent)
    step_1_require_clock(audit, agent, now_ms)
    roster = audit.chain.current
    require(audit.time_ms < roster.expires_ms, Rule.ROSTER_EXPIRED, "The newest roster is expired.")  # 1
    step_1_require_nothing_revoked(package, audit)
    case, approvals = step_2_verify_case(package, audit)
    standing = step_2_require_standing(package, audit, approvals)
    manifest, archive = step_3_verify_manifest(package, audit, case)
    step_3_require_sessions_in_scope(package, case, manifest)
    warrant, index = step_4_verify_warrant(package, audit, case, approvals, manifest)
    step_4_require_published(audit, index)
    return BeforeCiphertext(
        audit=audit,
        roster=roster,
        case=case,
        reviewers=case_signers(Case.envelope(package.case), roster),
        approvals=approvals,
        standing=standing,
        exceptions=standing_exceptions(audit.exceptions, case.statement_hash, roster, audit.revoked),
        manifest=manifest,
        archive=archive,
        warrant=warrant,
        warrant_leaf=audit.leaf_hashes[index],
        memory=replace(agent, audit_size=audit.note.size, audit_root=audit.note.root, last_time_ms=audit.time_ms),
    )


def summarise(package: GateInput, agent: AgentMemory, now_ms: int) -> GateSummary:
    """Pass steps 1 to 6 and return what the person at the agent is shown.

    Raises:
        Refused: as `pass_gate`.
    """
    before = pass_gate_before_ciphertext(package, agent, now_ms)
    sessions, left_out = step_5_verify_records(package, before, agent)
    step_6_take_bundle_key(before.case)
    case, hashes = before.case, hashes_of(sessions)
    return GateSummary(
        warrant_leaf=before.warrant_leaf,
        record_hashes=hashes,
        requester=case.requester,
        reviewers=tuple(person.name for person in before.reviewers),
        approvers=tuple(one.approver.name for one in before.approvals),
        rejected_by=tuple(person.name for person in before.standing.rejected_by),
        withdrawn_by=tuple(person.name for person in before.standing.withdrawn_by),
        matter=case.matter,
        purpose=case.purpose,
        legal_basis=case.legal_basis,
        subjects=tuple(f"{subject.user} ({subject.firm})" for subject in case.subjects),
        conversations=len({session.verified.conversation for session in sessions}),
        sessions=len(sessions),
        left_out=left_out,
        excepted=tuple(one for session in sessions for one in session.excepted),
        messages=sum(row.messages for row in before.manifest.sessions if row.record_hash in hashes),
        window_from_ms=case.window.from_ms,
        window_to_ms=case.window.to_ms,
        not_after_ms=min(case.expires_ms, before.warrant.not_after_ms),
        classes=tuple(sorted(classes_of(sessions))),
        announced_roster=before.audit.chain.announced(before.time_ms),
    )


def _remember(before: BeforeCiphertext, sessions: Sequence[GateSession]) -> AgentMemory:
    memory = before.memory
    answered = {session.verified.c0.encode(): session.verified.record_hash for session in sessions}
    released = memory.released.get(before.warrant_leaf, frozenset()) | hashes_of(sessions)
    return replace(
        memory,
        answered={**memory.answered, **answered},
        released={**memory.released, before.warrant_leaf: released},
    )
