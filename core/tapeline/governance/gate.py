"""The gate: what every custodian agent checks for itself before a partial leaves it, and the vault before q."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tapeline.base.rules import Rule, refusing, require
from tapeline.base.times import MINUTE
from tapeline.crypto.hpke import HpkePublic
from tapeline.crypto.record.verify import VerifiedRecord, verify_record
from tapeline.governance.approval import Approval
from tapeline.governance.approvals import VerifiedApproval, verify_approvals
from tapeline.governance.audit_replay import AuditView, replay
from tapeline.governance.case import Case, case_signers, verify_case
from tapeline.governance.certificate import EscrowCertificate
from tapeline.governance.gate_input import (
    AgentMemory,
    BeforeCiphertext,
    Consent,
    GateInput,
    GatePass,
    GateRecord,
    GateSession,
    GateSummary,
)
from tapeline.governance.manifest import Manifest, verify_manifest
from tapeline.governance.scope import meets_window, require_in_scope
from tapeline.governance.warrant import Warrant, verify_warrant
from tapeline.transparency import merkle
from tapeline.transparency.cosigned import CosignedCheckpoint
from tapeline.wire.v1.objects_pb2 import LeafType

CLOCK_TOLERANCE_MS = 10 * MINUTE


def pass_gate(package: GateInput, agent: AgentMemory, consent: Consent, now_ms: int) -> GatePass:
    """Decide whether an agent may answer a warrant (governance, The gate). Pure: no clock, no I/O, no secret.

    T is the median time of the witnesses that cosigned the fresh audit checkpoint.

    1. The audit log: all its leaves lead to a checkpoint with a fresh quorum of cosignatures, which extends the one
       seen last; T agrees with the own clock; the rosters chain from the pinned one, the newest is unexpired;
       nothing that is named is revoked.
    2. The case is a reviewer's; enough people of enough groups, none of them involved, approve exactly it at T.
    3. The relay signed the manifest, over a cosigned archive; every session asked for is in it and in scope.
    4. The warrant names exactly these, is a leaf of the audit log, and has been public for the delay.
    5. Every record is in the archive and verifies in full; no C0 was answered for another record.
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
    sessions = _5_verify_records(package, before, agent)
    seal_to = _6_take_bundle_key(before.case)
    _7_require_consent(before, sessions, consent)
    _7_require_first_release(before, sessions, agent)
    return GatePass(before, sessions, seal_to, _remember(before, sessions))


def pass_gate_before_ciphertext(package: GateInput, agent: AgentMemory, now_ms: int) -> BeforeCiphertext:
    """Pass steps 1 to 4 of `pass_gate`: what the relay demands before it hands out ciphertext.

    Raises:
        Refused: as `pass_gate`.
    """
    audit = _1_replay_audit_log(package, agent)
    _1_require_clock(audit, agent, now_ms)
    roster = audit.chain.current
    require(audit.time_ms < roster.expires_ms, Rule.ROSTER_EXPIRED, "The newest roster is expired.")  # 1
    _1_require_nothing_revoked(package, audit)
    case, approvals = _2_verify_case(package, audit)
    manifest, archive = _3_verify_manifest(package, audit, case)
    _3_require_sessions_in_scope(package, case, manifest)
    warrant, index = _4_verify_warrant(package, audit, case, approvals, manifest)
    _4_require_published(audit, index)
    return BeforeCiphertext(
        audit=audit,
        roster=roster,
        case=case,
        reviewers=case_signers(Case.envelope(package.case), roster),
        approvals=approvals,
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
    sessions = _5_verify_records(package, before, agent)
    _6_take_bundle_key(before.case)
    case, hashes = before.case, _hashes(sessions)
    return GateSummary(
        warrant_leaf=before.warrant_leaf,
        record_hashes=hashes,
        requester=case.requester,
        reviewers=tuple(person.name for person in before.reviewers),
        approvers=tuple(one.approver.name for one in before.approvals),
        matter=case.matter,
        purpose=case.purpose,
        legal_basis=case.legal_basis,
        subjects=tuple(f"{subject.user} ({subject.firm})" for subject in case.subjects),
        conversations=len({session.verified.conversation for session in sessions}),
        sessions=len(sessions),
        messages=sum(row.messages for row in before.manifest.sessions if row.record_hash in hashes),
        window_from_ms=case.window.from_ms,
        window_to_ms=case.window.to_ms,
        not_after_ms=min(case.expires_ms, before.warrant.not_after_ms),
        classes=tuple(sorted(_classes(sessions))),
        announced_roster=before.audit.chain.announced(before.time_ms),
    )


def _1_replay_audit_log(package: GateInput, agent: AgentMemory) -> AuditView:
    audit = replay(package.audit_leaves, package.audit_note, package.publication_notes, package.pinned_roster)
    require(
        agent.audit_size <= audit.note.size and audit.prefix_root(agent.audit_size) == agent.audit_root,
        Rule.GATE_CHECKPOINT,
        "The audit log does not extend the checkpoint that this agent saw last.",
    )
    return audit


def _1_require_clock(audit: AuditView, agent: AgentMemory, now_ms: int) -> None:
    require(
        abs(audit.time_ms - now_ms) <= CLOCK_TOLERANCE_MS,
        Rule.GATE_CLOCK,
        "The witnesses' time differs from the own clock by more than 10 minutes.",
    )
    require(
        audit.time_ms >= agent.last_time_ms, Rule.GATE_CLOCK, "The witnesses' time lies before the last that was seen."
    )


def _1_require_nothing_revoked(package: GateInput, audit: AuditView) -> None:
    roster, revoked = audit.chain.current, audit.revoked
    case_envelope = Case.envelope(package.case)
    case_hash, reviewers = case_envelope.statement_hash, case_signers(case_envelope, roster)
    approvals = [Approval.parse(envelope) for envelope in package.approvals]
    approvers = [person for person in map(roster.find, (one.approver for one in approvals)) if person is not None]
    named = [
        *(revoked.covers("case", case_hash, maker=person.id) for person in reviewers),
        *(revoked.covers("approval", one.statement_hash, maker=one.approver) for one in approvals),
        revoked.covers("case", case_hash),
        revoked.covers("manifest", Manifest.envelope(package.manifest).statement_hash),
        revoked.covers("warrant", Warrant.envelope(package.warrant).statement_hash),
        *(revoked.covers("person", person.id) for person in (*reviewers, *approvers)),
        *(revoked.covers("key", person.key) for person in (*reviewers, *approvers)),
        *(revoked.covers("key", key) for key in (roster.relay_key, roster.escrow_key)),
    ]
    require(
        not any(named), Rule.GATE_REVOKED, "The case, an approval, the manifest, the warrant or a signer is revoked."
    )


def _2_verify_case(package: GateInput, audit: AuditView) -> tuple[Case, tuple[VerifiedApproval, ...]]:
    roster, at_ms = audit.chain.current, audit.time_ms
    case = verify_case(package.case, roster, at_ms)
    return case, verify_approvals(package.approvals, case, roster, audit.chain.in_force(at_ms), at_ms)


def _3_verify_manifest(package: GateInput, audit: AuditView, case: Case) -> tuple[Manifest, CosignedCheckpoint]:
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


def _3_require_sessions_in_scope(package: GateInput, case: Case, manifest: Manifest) -> None:
    require(
        all(meets_window(case, row.session_leaf_time_ms, row.not_after_ms) for row in manifest.sessions),
        Rule.GATE_SCOPE,
        "The manifest names a session outside the case's window.",
    )
    rows = {row.record_hash: row for row in manifest.sessions}
    for one in package.records:
        fact = package.directory.session_fact(one.record, leaf_index=one.index, leaf_time_ms=one.leaf.relay_time_ms)
        row = rows.get(fact.record_hash)
        require(
            row is not None
            and (row.leaf_index, row.session_leaf_time_ms, row.not_after_ms)
            == (fact.leaf_index, fact.leaf_time_ms, fact.not_after_ms),
            Rule.GATE_MANIFEST,
            "A session asked for is not in the manifest, or stands there otherwise.",
        )
        require_in_scope(case, fact)


def _4_verify_warrant(
    package: GateInput,
    audit: AuditView,
    case: Case,
    approvals: Sequence[VerifiedApproval],
    manifest: Manifest,
) -> tuple[Warrant, int]:
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


def _4_require_published(audit: AuditView, index: int) -> None:
    delay_ms = audit.chain.in_force(audit.time_ms).publication_delay_ms
    require(
        audit.time_ms - audit.seen_ms(index) >= delay_ms,
        Rule.GATE_DELAY,
        "No checkpoint old enough shows that the warrant's publication delay has passed.",
    )


def _5_verify_records(package: GateInput, before: BeforeCiphertext, agent: AgentMemory) -> tuple[GateSession, ...]:
    verified: list[VerifiedRecord] = []
    for one in package.records:
        with refusing(Rule.GATE_RECORD, "A session's record does not verify, or is not in the archive."):
            _5_require_archived(one, before.archive)
            verified.append(_5_verify_record(package, one))
    _5_require_fresh_c0(verified, agent)
    return tuple(
        GateSession(session, one.record, _5_certificate(package, before.case, session))
        for one, session in zip(package.records, verified, strict=True)
    )


def _5_require_archived(one: GateRecord, archive: CosignedCheckpoint) -> None:
    merkle.verify_inclusion(merkle.leaf_hash(one.leaf_bytes), one.index, archive.size, one.proof, archive.root)
    require(
        (one.leaf.type, one.leaf.object_hash) == (LeafType.LEAF_TYPE_SESSION, one.record.record_hash),
        Rule.GATE_RECORD,
        "The archive leaf is another object's.",
    )


def _5_verify_record(package: GateInput, one: GateRecord) -> VerifiedRecord:
    facts = package.directory.facts_of(one.record, leaf_index=one.index, leaf_time_ms=one.leaf.relay_time_ms)
    return verify_record(one.record, facts)


def _5_require_fresh_c0(verified: Sequence[VerifiedRecord], agent: AgentMemory) -> None:
    answered = dict(agent.answered)
    for record in verified:
        # Two records with one r open each other.
        known = answered.setdefault(record.c0.encode(), record.record_hash)
        require(known == record.record_hash, Rule.GATE_C0, "A C0 was answered for another record.")


def _5_certificate(package: GateInput, case: Case, record: VerifiedRecord) -> EscrowCertificate:
    row = next(row for row in record.escrow_rows if row.firm == case.firm)
    return package.directory.certificate_of(row.key_id)


def _6_take_bundle_key(case: Case) -> HpkePublic:
    with refusing(Rule.BUNDLE_KEY, "Nothing can be sealed to the case's key."):
        HpkePublic.decode(case.hpke_public)
    return HpkePublic.decode(case.hpke_public)


def _7_require_consent(before: BeforeCiphertext, sessions: Sequence[GateSession], consent: Consent) -> None:
    confirmed = consent.warrant_leaf == before.warrant_leaf and consent.record_hashes == _hashes(sessions)
    unattended = _classes(sessions) <= consent.unattended_classes and len(sessions) > 0
    require(confirmed or unattended, Rule.GATE_CONSENT, "Neither a person nor this agent's policy allowed the release.")


def _7_require_first_release(before: BeforeCiphertext, sessions: Sequence[GateSession], agent: AgentMemory) -> None:
    hashes = [session.verified.record_hash for session in sessions]
    require(
        agent.released.get(before.warrant_leaf, frozenset()).isdisjoint(hashes) and len(set(hashes)) == len(hashes),
        Rule.GATE_ONCE,
        "A session was released for this warrant already; send that bundle again.",
    )


def _remember(before: BeforeCiphertext, sessions: Sequence[GateSession]) -> AgentMemory:
    memory = before.memory
    answered = {session.verified.c0.encode(): session.verified.record_hash for session in sessions}
    released = memory.released.get(before.warrant_leaf, frozenset()) | _hashes(sessions)
    return replace(
        memory,
        answered={**memory.answered, **answered},
        released={**memory.released, before.warrant_leaf: released},
    )


def _hashes(sessions: Sequence[GateSession]) -> frozenset[bytes]:
    return frozenset(session.verified.record_hash for session in sessions)


def _classes(sessions: Sequence[GateSession]) -> frozenset[str]:
    return frozenset(session.certificate.retention_class for session in sessions)
