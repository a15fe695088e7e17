"""The sessions of the archive and their message chains, as far as they verified."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from tapeline.audit.finding import Check, Findings, short
from tapeline.base.errors import TapelineError
from tapeline.base.rules import Rule
from tapeline.crypto.message.verify import ParsedMessage, verify_alone, verify_message
from tapeline.crypto.record.verify import VerifiedRecord
from tapeline.directory import ending
from tapeline.directory.ending import Ending
from tapeline.directory.state import DirectoryState
from tapeline.governance.case import Case, Subject
from tapeline.governance.scope import SessionFact, in_window


@dataclass
class Session:
    """A verified record, its chain's head, and index and time of each of its messages' leaves."""

    record: VerifiedRecord
    next_index: int = 0
    previous: bytes = b""
    endings: tuple[Ending, ...] = ()
    judged_at: int = -1
    """How many changes of the directory `endings` heeds."""
    messages: list[tuple[int, int]] = field(default_factory=list)


class SessionTable:
    """Verified sessions by record hash; holds what may be used only once against all of them."""

    def __init__(self, directory: DirectoryState, findings: Findings) -> None:
        self._directory = directory
        self._findings = findings
        self._sessions: dict[bytes, Session] = {}
        self._used: dict[tuple[str, bytes], str] = {}
        self._orphans: dict[bytes, list[str]] = {}
        self.unsound: dict[bytes, frozenset[Rule]] = {}
        """Records that only exceptions could open: the rules that each breaks. Others that failed are not here."""

    def __len__(self) -> int:
        return len(self._sessions)

    def get(self, record_hash: bytes) -> Session | None:
        """Return a verified session."""
        return self._sessions.get(record_hash)

    def add(self, record: VerifiedRecord, where: str) -> None:
        """Take a verified session; report a C0, cq, session id or reservation that an earlier one used."""
        for rule, what, value in (
            (Rule.REC_C0_REUSED, "C0", record.c0.encode()),
            (Rule.RESERVATION_REUSED, "cq", record.cq),
            (Rule.RESERVATION_REUSED, "session id", record.session_id),
            (Rule.RESERVATION_REUSED, "reservation", record.reservation_hash),
        ):
            earlier = self._used.setdefault((what, value), where)
            if earlier != where:
                self._findings.broken(rule, f"The record uses the {what} of {earlier} again.", where)
        self._sessions[record.record_hash] = Session(record, previous=record.record_hash)

    def message(self, parsed: ParsedMessage, index: int, time_ms: int, where: str) -> bool:
        """Verify a message in its session's chain; tell whether it is as it should be."""
        session = self._sessions.get(parsed.record_hash)
        if session is None:
            self._orphans.setdefault(parsed.record_hash, []).append(where)
            return False
        self._judge_open(session, index, time_ms, where)
        try:
            self._verify(session, parsed, where)
        except TapelineError as error:
            self._findings.refused(error, where)
            return False
        finally:
            # Go on from what is there, so that one fault is one finding.
            session.next_index, session.previous = parsed.index + 1, parsed.message_hash
        session.messages.append((index, time_ms))
        return True

    def _judge_open(self, session: Session, index: int, time_ms: int, where: str) -> None:
        """Report a message after its session's end; what ends it is asked anew when the directory has changed."""
        if session.judged_at != self._directory.changes:
            session.endings = ending.endings(self._directory, ending.OpenedSession.of(session.record))
            session.judged_at = self._directory.changes
        try:
            ending.require_open(session.endings, index, time_ms)
        except TapelineError as error:
            self._findings.refused(error, where)

    def _verify(self, session: Session, parsed: ParsedMessage, where: str) -> None:
        key = session.record.sender.device.device_key
        if parsed.index > session.next_index:
            missing = f"{session.next_index} to {parsed.index - 1}"
            what = f"Messages {missing} of session {short(parsed.record_hash)} are not there before this one."
            self._findings.add(Check.GAP, what, where)
            verify_alone(parsed, sender_key=key)
            return
        verify_message(
            parsed,
            sender_key=key,
            record_hash=session.record.record_hash,
            expected_index=session.next_index,
            expected_previous=session.previous,
        )

    def report_orphans(self) -> None:
        """Report, once for each session, the messages that no verified record speaks for."""
        for record_hash, places in self._orphans.items():
            what = f"{len(places)} messages from here on are of session {short(record_hash)}, which did not verify."
            self._findings.broken(Rule.MSG_SESSION, what, places[0])

    def facts(self, case: Case, *, below: int) -> Iterator[SessionFact]:
        """Yield what decides the scope, of every session whose leaf lies below an archive index."""
        for session in self._sessions.values():
            record = session.record
            if record.leaf_index < below:
                yield SessionFact(
                    record_hash=record.record_hash,
                    conversation=record.conversation,
                    sender=Subject(*record.sender.person),
                    users=frozenset(Subject(*person) for person in record.row_users or ()),
                    classes=tuple(
                        (row.firm, name) for row, name in zip(record.escrow_rows, record.retention_classes, strict=True)
                    ),
                    leaf_index=record.leaf_index,
                    leaf_time_ms=record.leaf_time_ms,
                    not_after_ms=record.not_after_ms,
                    messages=sum(index < below and in_window(case, at_ms) for index, at_ms in session.messages),
                )
