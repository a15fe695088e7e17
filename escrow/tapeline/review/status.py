"""Where a case stands and what is missing, from the audit log and the records' escrow keys."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from tapeline.agent.audit import AuditReplica
from tapeline.agent.package import warrants_of
from tapeline.governance.case import Case
from tapeline.governance.certificate import EscrowCertificate
from tapeline.governance.exception import RecordException
from tapeline.governance.leftout import LeftOut
from tapeline.governance.manifest import Manifest
from tapeline.governance.release import Release, VaultRelease
from tapeline.governance.standing import Standing
from tapeline.transparency.merkle import leaf_hash

CLOSED = "closed"


@dataclass(frozen=True)
class EpochStatus:
    """One escrow epoch of a warrant: who released, and how many are needed."""

    epoch: int
    threshold: int
    released_by: tuple[str, ...]
    could_release: tuple[str, ...]

    @property
    def needed(self) -> int:
        """How many more custodians are needed."""
        return max(0, self.threshold - len(self.released_by))


@dataclass(frozen=True)
class CaseStatus:
    """Where a case stands.

    Attributes:
        approved_by, rejected_by, withdrawn_by: approvers by their last word; an approval that does not count is none.
        ended: "closed", "revoked" or "expired"; empty while the case is open.
        left_out: sessions that custodians or vault refused to release, with their rules.
        excepted: unsound sessions that the officers let be opened, with rule and reason.
        missing: in sentences, what an open case waits for; empty when it can be opened.
    """

    case_hash: bytes
    case: Case
    approved_by: tuple[str, ...]
    rejected_by: tuple[str, ...]
    withdrawn_by: tuple[str, ...]
    approvals_needed: int
    groups: tuple[str, ...]
    groups_needed: int
    warrant: bytes
    sessions: int
    messages: int
    epochs: tuple[EpochStatus, ...]
    vault_released: bool
    left_out: tuple[LeftOut, ...]
    excepted: tuple[RecordException, ...]
    ended: str
    missing: tuple[str, ...]

    @property
    def closed(self) -> bool:
        """Tell whether the case is closed."""
        return self.ended == CLOSED


def case_status(
    audit: AuditReplica, case_hash: bytes, certificates: Sequence[EscrowCertificate], now_ms: int
) -> CaseStatus:
    """Return a case's status.

    Args:
        audit: synced.
        case_hash: of a posted case.
        certificates: of the escrow keys that the manifest's sessions are sealed to; empty before the warrant.
        now_ms: unix milliseconds.

    Raises:
        NotFound: no such case is posted, or its text is not readable with this role.
    """
    standing = audit.standing(case_hash, now_ms)
    case = Case.parse(_text(audit, case_hash))
    approvals = standing.approvals
    warrants = warrants_of(audit, case_hash)
    leaf = leaf_hash(warrants[-1][0].leaf) if warrants else b""
    manifest = _manifest(audit, warrants[-1][1].manifest) if warrants else None
    in_force = audit.chain.in_force(now_ms)
    status = CaseStatus(
        case_hash=case_hash,
        case=case,
        approved_by=tuple(one.approver.id for one in approvals),
        rejected_by=tuple(person.id for person in standing.rejected_by),
        withdrawn_by=tuple(person.id for person in standing.withdrawn_by),
        approvals_needed=in_force.approvals,
        groups=tuple(sorted({one.approver.group for one in approvals})),
        groups_needed=in_force.approval_groups,
        warrant=warrants[-1][0].statement_hash if warrants else b"",
        sessions=len(manifest.sessions) if manifest else 0,
        messages=manifest.messages if manifest else 0,
        epochs=_epochs(audit, leaf, certificates),
        vault_released=any(one.warrant_leaf == leaf for one in _vault_releases(audit)) if leaf else False,
        left_out=_left_out(audit, leaf),
        excepted=audit.exceptions(case_hash),
        ended=_ended(standing, case, now_ms),
        missing=(),
    )
    return status if status.ended else _with_missing(status)


def approval_texts(audit: AuditReplica, case_hash: bytes, now_ms: int) -> list[bytes]:
    """Return the envelopes of the approvals that count now."""
    return [_text(audit, one.approval.statement_hash) for one in audit.standing(case_hash, now_ms).approvals]


def _ended(standing: Standing, case: Case, now_ms: int) -> str:
    if standing.closed is not None:
        return CLOSED
    if standing.revoked:
        return "revoked"
    return "" if now_ms < case.expires_ms else "expired"


def _left_out(audit: AuditReplica, warrant_leaf: bytes) -> tuple[LeftOut, ...]:
    """Return the sessions that a release of the warrant left out, as its makers say."""
    made: list[VaultRelease] = [Release.parse(one.dsse) for one in audit.of_kind(Release.kind) if one.dsse]
    made += _vault_releases(audit)
    found = {left for one in made if warrant_leaf and one.warrant_leaf == warrant_leaf for left in one.left_out}
    return tuple(sorted(found))


def _text(audit: AuditReplica, statement_hash: bytes) -> bytes:
    entry = audit.find(statement_hash)
    return b"" if entry is None else entry.dsse


def _with_missing(status: CaseStatus) -> CaseStatus:
    lines = []
    people, groups = len(status.approved_by), len(status.groups)
    if people < status.approvals_needed:
        lines.append(f"approvals: {people} of {status.approvals_needed} people")
    if groups < status.groups_needed:
        lines.append(f"approvals: {groups} of {status.groups_needed} groups")
    if not lines and not status.warrant:
        lines.append("a warrant: file the approved case for it")
    for epoch in status.epochs:
        if epoch.needed:
            have = f"{len(epoch.released_by)} of {epoch.threshold} custodians"
            lines.append(f"epoch {epoch.epoch}: {have}; any {epoch.needed} of {', '.join(epoch.could_release)}")
    if status.warrant and not status.vault_released:
        lines.append("the vault's release")
    return replace(status, missing=tuple(lines))


def _epochs(
    audit: AuditReplica, warrant_leaf: bytes, certificates: Sequence[EscrowCertificate]
) -> tuple[EpochStatus, ...]:
    releases = [Release.parse(entry.dsse) for entry in audit.of_kind(Release.kind) if entry.dsse]
    rows = []
    for certificate in certificates:
        holders = {custodian.id for custodian in certificate.custodians}
        released = {
            one.custodian
            for one in releases
            if one.warrant_leaf == warrant_leaf and one.epoch == certificate.epoch and one.custodian in holders
        }
        rows.append(
            EpochStatus(
                epoch=certificate.epoch,
                threshold=certificate.threshold,
                released_by=tuple(sorted(released)),
                could_release=tuple(sorted(holders - released)),
            )
        )
    return tuple(rows)


def _manifest(audit: AuditReplica, statement_hash: bytes) -> Manifest | None:
    entry = audit.find(statement_hash)
    return Manifest.parse(entry.dsse) if entry is not None and entry.dsse else None


def _vault_releases(audit: AuditReplica) -> list[VaultRelease]:
    return [VaultRelease.parse(entry.dsse) for entry in audit.of_kind(VaultRelease.kind) if entry.dsse]
