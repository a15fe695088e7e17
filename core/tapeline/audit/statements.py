"""Replaying the audit log: each leaf held against its statement, each statement against the roster of its time."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from tapeline.audit.copy import LogCopy
from tapeline.audit.finding import Check, Findings, Progress, short
from tapeline.audit.logtree import ReadLog
from tapeline.base.errors import NotFound, TapelineError
from tapeline.base.rules import Rule
from tapeline.governance.auditleaf import about_of, parse_audit_leaf, text_hash
from tapeline.governance.certificate import verify_certificate
from tapeline.governance.chain import RosterChain
from tapeline.governance.closing import verify_closing
from tapeline.governance.complaint import KIND as COMPLAINT
from tapeline.governance.complaint import read_complaint_text
from tapeline.governance.dsse import Envelope, parse_envelope
from tapeline.governance.exception import RecordException, standing_exceptions, verify_exception
from tapeline.governance.opening import verify_opening
from tapeline.governance.revocation import Revoked, maker_of, verify_revocation
from tapeline.governance.roster import Roster
from tapeline.governance.standing import DECIDING, CaseLeaf, Ledger, Standing, standing_of

MIRRORED = ("roster", "escrow-key", "revocation")


@dataclass(frozen=True, slots=True)
class Entry:
    """One leaf of the audit log with its statement; `data` is the leaf's bytes."""

    index: int
    data: bytes
    kind: str
    statement_hash: bytes
    time_ms: int
    about: bytes
    envelope: Envelope | None
    raw: bytes

    @property
    def where(self) -> str:
        """Name the entry."""
        return f"audit leaf {self.index}, {self.kind} {short(self.statement_hash)}"


@dataclass
class AuditHistory:
    """What the audit log says, in its order."""

    rosters: RosterChain
    entries: list[Entry] = field(default_factory=list)
    revoked: Revoked = field(default_factory=Revoked)
    roster_indices: list[int] = field(default_factory=list)

    def roster_at(self, index: int) -> Roster:
        """Return the roster that is newest below an index of the audit log; the first one at its start."""
        return self.rosters.at(max(bisect_left(self.roster_indices, index), 1))

    def standing(self, case: Envelope, *, below: int, at_ms: int) -> Standing:
        """Return how a case stood below an index of the audit log, at a time."""
        leaves = [
            CaseLeaf(one.index, one.envelope, self.roster_at(one.index))
            for one in self.entries
            if one.about == case.statement_hash and one.kind in DECIDING and one.envelope is not None
        ]
        ledger = Ledger(self.roster_at(below), self.rosters.in_force(at_ms), self.revoked, at_ms, below)
        return standing_of(case, leaves, ledger)

    def exceptions(self, case: bytes, *, below: int) -> tuple[RecordException, ...]:
        """Return the officers' exceptions that stood for a case below an index of the audit log."""
        logged = [
            one.envelope
            for one in self.of_kind(RecordException.kind)
            if one.index < below and one.about == case and one.envelope is not None
        ]
        return standing_exceptions(logged, case, self.roster_at(below), self.revoked, below=below)

    def of_kind(self, *kinds: str) -> Iterator[Entry]:
        """Yield the entries of some kinds."""
        return (entry for entry in self.entries if entry.kind in kinds)

    def find(self, kind: str, statement_hash: bytes, *, below: int) -> Entry | None:
        """Return the entry of that statement that lies below an index."""
        return next(
            (one for one in self.of_kind(kind) if one.statement_hash == statement_hash and one.index < below), None
        )


def replay_statements(log: ReadLog, copy: LogCopy, pin: bytes, findings: Findings, progress: Progress) -> AuditHistory:
    """Read every leaf of the audit log and verify what stands for itself; releases are judged afterwards."""
    history = AuditHistory(RosterChain.pin(pin))
    latest = 0
    for index, data in enumerate(log.entries):
        entry = _read(index, data, log, copy, findings)
        if entry is not None:
            if entry.time_ms < latest:
                findings.add(Check.ENTRY, "The leaf is dated before an earlier one.", entry.where)
            latest = max(latest, entry.time_ms)
            history.entries.append(entry)
            _take(entry, history, findings)
        progress("audit statements", index + 1, len(log.entries))
    return history


def _read(index: int, data: bytes, log: ReadLog, copy: LogCopy, findings: Findings) -> Entry | None:
    try:
        leaf = parse_audit_leaf(data)
    except TapelineError as error:
        findings.refused(error, log.where(index))
        return None
    raw, envelope = b"", None
    where = f"{log.where(index)}, {leaf.kind[:32]} {short(leaf.statement_hash)}"
    try:
        raw = copy.object(leaf.statement_hash)
        if text_hash(raw) != leaf.text_hash:
            findings.add(Check.OTHER_BYTES, "The statement's text is not the one that was logged.", where)
            return Entry(index, data, leaf.kind, leaf.statement_hash, leaf.time_ms, leaf.about, None, b"")
        if leaf.kind == COMPLAINT:
            _check_complaint(raw, leaf.statement_hash, where, findings)
            return Entry(index, data, leaf.kind, leaf.statement_hash, leaf.time_ms, leaf.about, None, raw)
        envelope = parse_envelope(raw, leaf.kind)
        if envelope.statement_hash != leaf.statement_hash:
            findings.add(Check.OTHER_BYTES, "The statement is not the one that its leaf names.", where)
            envelope = None
        elif about_of(envelope) != leaf.about:
            # Who judges the case that the leaf should name was never shown this statement.
            findings.broken(Rule.LEAF_TAG, "The leaf names another case than its statement.", where)
    except NotFound:
        findings.add(Check.MISSING, "The copy lacks the statement.", where)
    except TapelineError as error:
        findings.refused(error, where)
    return Entry(index, data, leaf.kind, leaf.statement_hash, leaf.time_ms, leaf.about, envelope, raw)


def _check_complaint(raw: bytes, statement_hash: bytes, where: str, findings: Findings) -> None:
    """Hold a complaint, which a device signs and no person, against its leaf."""
    if read_complaint_text(raw).complaint_hash != statement_hash:
        findings.add(Check.OTHER_BYTES, "The complaint is not the one that its leaf names.", where)


def _take(entry: Entry, history: AuditHistory, findings: Findings) -> None:
    """Verify a statement that needs only the rosters before it."""
    if entry.envelope is None:
        return
    verify = _VERIFIERS.get(entry.kind)
    if verify is None:
        return
    try:
        verify(entry, entry.envelope, history)
    except TapelineError as error:
        findings.refused(error, entry.where)


def _take_roster(entry: Entry, envelope: Envelope, history: AuditHistory) -> None:
    # When it became public is the service's word here; custodians judged the delay by cosigned checkpoints.
    history.rosters.add(envelope, entry.time_ms)
    history.roster_indices.append(entry.index)


def _take_revocation(entry: Entry, envelope: Envelope, history: AuditHistory) -> None:
    revocation = verify_revocation(envelope, history.rosters.current, history.revoked)
    maker = maker_of(envelope, history.rosters.current)
    if maker is not None:
        history.revoked.add(entry.index, revocation, maker)


_VERIFIERS: dict[str, Callable[[Entry, Envelope, AuditHistory], object]] = {
    "roster": _take_roster,
    "revocation": _take_revocation,
    "escrow-key": lambda _, envelope, history: verify_certificate(envelope, history.rosters.current),
    "exception": lambda _, envelope, history: verify_exception(envelope, history.rosters.current),
    "opening": lambda _, envelope, history: verify_opening(envelope, history.rosters.current),
    "closing": lambda _, envelope, history: verify_closing(envelope, history.rosters.current),
}
