"""The officers' exceptions: each is named, each release that rests on one, and each that should and does not."""

from __future__ import annotations

from tapeline.audit.finding import Check, Findings, short
from tapeline.audit.sessions import SessionTable
from tapeline.audit.statements import AuditHistory, Entry
from tapeline.base.errors import TapelineError
from tapeline.governance.exception import RecordException, verify_exception
from tapeline.governance.release import VaultRelease


def name_exceptions(history: AuditHistory, findings: Findings) -> None:
    """Report every exception, so that none passes unseen; one that does not hold was reported with its leaf."""
    for entry in history.of_kind(RecordException.kind):
        if entry.envelope is None:
            continue
        try:
            exception = verify_exception(entry.envelope, history.roster_at(entry.index))
        except TapelineError:
            continue
        what = f"The officers except session {short(exception.record_hash)} from {exception.rule}"
        findings.add(Check.EXCEPTION, f"{what} in case {short(exception.case)}.", entry.where)


def judge_excepted(
    history: AuditHistory, sessions: SessionTable, findings: Findings, entry: Entry, who: str, release: VaultRelease
) -> None:
    """Judge a release by the exceptions that stood when it was logged.

    1. Each that it names stood, and is of a session that it released; the reader is told of it all the same.
    2. Each session that it released verifies in this copy, or an exception stood for every rule that it breaks.
    """
    stood = {(one.record_hash, one.rule) for one in history.exceptions(release.case, below=entry.index)}
    for one in release.excepted:  # 1
        held = (one.record_hash, one.rule) in stood and one.record_hash in release.record_hashes
        what = f"{who} released {short(one.record_hash)}, which breaks {one.rule}"
        by = "by the officers' exception" if held else "by an exception that did not stand"
        findings.add(Check.EXCEPTION, f"{what}, {by}.", entry.where)
    for record_hash in release.record_hashes:  # 2
        if sessions.get(record_hash) is not None:
            continue
        broken = sessions.unsound.get(record_hash)
        if broken is None:
            what = f"{who} released {short(record_hash)}, which does not verify in this copy, exceptions or not."
            findings.add(Check.EXCEPTION, what, entry.where)
            continue
        for rule in sorted(rule.id for rule in broken):
            if (record_hash, rule) not in stood:
                what = f"{who} released {short(record_hash)}, which breaks {rule}, without an exception."
                findings.add(Check.EXCEPTION, what, entry.where)
