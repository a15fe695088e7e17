"""What an audit comes to: findings, figures, and one sentence."""

from __future__ import annotations

from dataclasses import dataclass

from tapeline.audit.archive import Tally
from tapeline.audit.finding import Finding
from tapeline.audit.reports import Testimony
from tapeline.base.text import plural
from tapeline.governance.expiry import Expiring


@dataclass(frozen=True, slots=True)
class Report:
    """The result of an audit. `witnesses` cosigned the newest checkpoints of both logs."""

    findings: tuple[Finding, ...]
    tally: Tally
    releases: int
    warrants: int
    witnesses: tuple[str, ...]
    archive_size: int
    audit_size: int
    complaints: tuple[Testimony, ...] = ()
    forks: tuple[Testimony, ...] = ()
    archive_holds: bool = True
    """Whether the archive's entries are those that the quorum of witnesses cosigned, and neither log forked."""
    ends: tuple[Expiring, ...] = ()
    """What the firm has to renew; the auditor's own clock says whether soon."""

    @property
    def complete(self) -> bool:
        """Whether nothing at all is wrong."""
        return not self.findings

    def sentence(self) -> str:
        """Return the one sentence that says it all."""
        tally = self.tally
        total = tally.messages + tally.gaps
        missing = total - tally.messages_sound
        gaps = f"{missing:,} missing or unsound" if missing else "no gaps"
        if not missing and not self.archive_holds:
            gaps = "no gaps seen, but the archive log itself is not sound"
        text = (
            f"{tally.messages_sound:,} of {total:,} messages, {gaps}; "
            f"{tally.sessions_sound:,} of {tally.sessions:,} sessions openable; {self._checked()}"
        )
        if self.complete:
            return f"Complete: {text}."
        found = plural(len(self.findings), "finding")
        if not missing and tally.sessions_sound == tally.sessions and self.archive_holds:
            return f"Messages complete, but {found}: {text}."
        return f"Incomplete: {text}; {found}."

    def _checked(self) -> str:
        if not self.witnesses:
            return "log not checked by the quorum of witnesses"
        return f"log checked by {plural(len(self.witnesses), 'witness', 'witnesses')}"

    def as_dict(self) -> dict[str, object]:
        """Return the object that --json prints."""
        return {
            "complete": self.complete,
            "sentence": self.sentence(),
            "messages": self.tally.messages,
            "messages_sound": self.tally.messages_sound,
            "sessions": self.tally.sessions,
            "sessions_openable": self.tally.sessions_sound,
            "gaps": self.tally.gaps,
            "warrants": self.warrants,
            "releases": self.releases,
            "witnesses": list(self.witnesses),
            "archive_size": self.archive_size,
            "audit_size": self.audit_size,
            "complaints": [complaint.as_dict() for complaint in self.complaints],
            "forks": [fork.as_dict() for fork in self.forks],
            "findings": [finding.as_dict() for finding in self.findings],
        }
