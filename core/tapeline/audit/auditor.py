"""The offline audit, opened by its plan.

1. Read both logs: entries against tiles, tiles against the checkpoint's root.
2. Replay the audit log from the pinned roster: every statement against the roster of its time.
3. Verify both checkpoints by the newest roster's witnesses, and every earlier one kept: no fork.
4. Replay the archive through the directory, `verify_record` and the message chains.
5. Hold the archive's rosters, certificates and revocations against the audit log's.
6. Judge every warrant and every release.
7. Hold complaints and forks against the archive.

Nothing here holds a secret, opens a record, or asks anybody anything.
"""

from __future__ import annotations

from itertools import islice

from tapeline.audit.archive import ArchiveReplay
from tapeline.audit.copy import Copy, LogCopy
from tapeline.audit.finding import Check, Findings, Progress, short
from tapeline.audit.logtree import ReadLog, read_log
from tapeline.audit.notes import NoteTable
from tapeline.audit.releases import ReleaseJudge
from tapeline.audit.report import Report
from tapeline.audit.reports import ReportJudge, place_of
from tapeline.audit.statements import MIRRORED, AuditHistory, replay_statements
from tapeline.directory.state import DirectoryState
from tapeline.governance.expiry import Expiring, of_firm

MAX_FORKS = 100_000


def _no_progress(stage: str, done: int, total: int) -> None:
    """Tell nobody."""


def audit(copy: Copy, progress: Progress = _no_progress) -> Report:
    """Audit a copy; whatever is wrong becomes a finding.

    Raises:
        NotFound, Refused: there is no checkpoint, or no roster to start from, so that nothing can be said.
    """
    findings = Findings()
    archive_log = read_log(copy.archive, "archive", findings, progress)  # 1
    audit_log = read_log(copy.audit, "audit", findings, progress)
    pin = next(iter(copy.pins.values()))
    history = replay_statements(audit_log, copy.audit, pin, findings, progress)  # 2
    rosters = history.rosters
    archive_notes = NoteTable(archive_log, rosters.verify_archive_note, findings)
    audit_notes = NoteTable(audit_log, rosters.verify_audit_note, findings)
    witnesses = _witnesses(archive_log, archive_notes) & _witnesses(audit_log, audit_notes)  # 3
    _believe_earlier(copy.archive, archive_log, archive_notes)
    _believe_earlier(copy.audit, audit_log, audit_notes)
    state = DirectoryState(pinned_rosters=copy.pins, strict=False)
    forks = list(islice(copy.forks(), MAX_FORKS))
    watch = [place for place in map(place_of, forks) if place is not None]
    replay = ArchiveReplay(archive_log, copy.archive, state, archive_notes, findings, watch)
    replay.run(progress)  # 4
    _compare_mirrors(history, replay.mirrored, findings)  # 5
    releases = ReleaseJudge(history, archive_notes, replay.sessions, findings).judge()  # 6
    reports = ReportJudge(history, archive_log, replay, state, findings)  # 7
    newest = archive_notes.believe(archive_log.note, "archive checkpoint")
    complaints = reports.complaints(0 if newest is None else newest.median_time_ms)
    return Report(
        complaints=complaints,
        forks=reports.forks(forks),
        findings=findings.all(),
        tally=replay.tally,
        releases=releases,
        warrants=sum(1 for _ in history.of_kind("warrant")),
        witnesses=tuple(sorted(witnesses)),
        archive_size=archive_log.tree.size,
        audit_size=audit_log.tree.size,
        archive_holds=archive_log.holds and newest is not None and not _forked(findings),
        ends=_ends(history, state),
    )


def _ends(history: AuditHistory, state: DirectoryState) -> tuple[Expiring, ...]:
    if len(history.rosters) == 0:
        return ()
    roster = history.rosters.current
    keys = state.escrow_keys(roster.organisation)
    return tuple(of_firm(roster, [state.certificate_of(key.key_id) for key in keys]))


def _forked(findings: Findings) -> bool:
    return any(finding.rule == Check.FORK.value for finding in findings.all())


def _witnesses(log: ReadLog, notes: NoteTable) -> set[str]:
    checkpoint = notes.believe(log.note, f"{log.name} checkpoint")
    return set() if checkpoint is None else set(checkpoint.witness_times)


def _believe_earlier(copy: LogCopy, log: ReadLog, notes: NoteTable) -> None:
    for number, note in enumerate(copy.earlier_notes()):
        notes.believe(note, f"{log.name} checkpoint kept from an earlier copy, number {number + 1}")


def _compare_mirrors(history: AuditHistory, mirrored: list[bytes], findings: Findings) -> None:
    """Report what stands in one log and not in the other; both keep their order."""
    stated = [entry for entry in history.entries if entry.kind in MIRRORED]
    for entry in stated:
        if entry.statement_hash not in mirrored:
            findings.add(Check.MIRROR, "The archive log lacks this statement.", entry.where)
    known = {entry.statement_hash for entry in stated}
    for digest in mirrored:
        if digest not in known:
            findings.add(Check.MIRROR, "The audit log lacks a statement that the archive log holds.", short(digest))
    if len(stated) == len(mirrored) and {entry.statement_hash for entry in stated} == set(mirrored):
        for entry, digest in zip(stated, mirrored, strict=True):
            if entry.statement_hash != digest:
                findings.add(Check.MIRROR, "The archive log holds this statement in another place.", entry.where)
                break
