"""What was reported: complaints of devices in the audit log, and forks that the relay kept as evidence.

A complaint about a record is testimony, shown beside what the archive says of that record. A complaint that carries the
relay's signed acknowledgements is proof or refuted by the log itself: two leaves at one index, or a leaf that was
promised and is not there, are findings. A fork is proof against the device that signed two messages for one place; the
archive is whole all the same.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from tapeline.audit.archive import ArchiveReplay, Place
from tapeline.audit.copy import ForkCopy
from tapeline.audit.finding import Findings, short
from tapeline.audit.logtree import ReadLog
from tapeline.audit.statements import AuditHistory, Entry
from tapeline.base.errors import NotFound, TapelineError
from tapeline.base.rules import Rule
from tapeline.base.times import SECOND
from tapeline.crypto.ack import verify_ack
from tapeline.crypto.limits import LEAF_BYTES
from tapeline.crypto.message.verify import ParsedMessage, parse_message, verify_alone
from tapeline.crypto.wire import parse
from tapeline.directory.state import DirectoryState
from tapeline.governance.complaint import KIND, VerifiedComplaint, read_complaint_text
from tapeline.wire.v1.objects_pb2 import Ack, Leaf

GRACE_MS = 30 * SECOND
"""How much later than the merge delay a leaf may come under a checkpoint, as clients bear it."""


@dataclass(frozen=True, slots=True)
class Testimony:
    """What was reported, of or by a device.

    Attributes:
        rule: what is said to be broken.
        who: firm and user of the device; empty where it is not in the archive's directory.
        what: one sentence: of what it complains, and what the archive says of that.
        where: names the audit leaf.
    """

    rule: str
    who: str
    what: str
    where: str

    def as_dict(self) -> dict[str, str]:
        """Return the object that --json prints."""
        return {"rule": self.rule, "who": self.who, "what": self.what, "where": self.where}


class ReportJudge:
    """Holds reports against the archive, after both logs were replayed."""

    def __init__(
        self, history: AuditHistory, archive: ReadLog, replay: ArchiveReplay, state: DirectoryState, findings: Findings
    ) -> None:
        self._history = history
        self._archive = archive
        self._replay = replay
        self._state = state
        self._findings = findings

    def complaints(self, checkpoint_ms: int) -> tuple[Testimony, ...]:
        """Judge every complaint of the audit log; `checkpoint_ms` is the archive checkpoint's witnessed time."""
        found = (self._complaint(entry, checkpoint_ms) for entry in self._history.of_kind(KIND) if entry.raw)
        return tuple(one for one in found if one is not None)

    def _complaint(self, entry: Entry, checkpoint_ms: int) -> Testimony | None:
        try:
            complaint = read_complaint_text(entry.raw)
        except TapelineError:
            return None  # reported where the audit log was replayed
        who = self._who(complaint.device_entry)
        if not who:
            return Testimony(
                complaint.rule, "", "The complaint is by no device of the archive's directory.", entry.where
            )
        if complaint.acks:
            return Testimony(complaint.rule, who, self._of_acks(complaint, entry, checkpoint_ms), entry.where)
        return Testimony(complaint.rule, who, self._of_record(complaint), entry.where)

    def _who(self, device_entry: bytes) -> str:
        try:
            device = self._state.device(device_entry).device
        except NotFound:
            return ""
        return f"{device.firm}/{device.user}"

    def _of_record(self, complaint: VerifiedComplaint) -> str:
        session = self._replay.sessions.get(complaint.record_hash)
        name = f"session {short(complaint.record_hash)}"
        if complaint.message_hash:
            name = f"message {short(complaint.message_hash)} of {name}"
        if session is None:
            return f"It could not verify {name}; no such session of the archive verifies."
        return f"It could not verify {name}; the archive's session record does verify."

    def _of_acks(self, complaint: VerifiedComplaint, entry: Entry, checkpoint_ms: int) -> str:
        """Say what the relay's own signed words prove; what they prove against it is a finding."""
        acks = [ack for ack in complaint.acks if self._is_relays(ack)]
        if len(acks) == len(complaint.acks) == 2 and _contradict(*acks):
            what = f"The relay acknowledged two leaves at index {acks[0].index}."
            self._findings.broken(Rule.LOG_CONSISTENCY, what, entry.where)
            return what
        missing = [ack for ack in acks if self._is_missing(ack, checkpoint_ms)]
        for ack in missing:
            what = f"The relay acknowledged a leaf at index {ack.index} that the archive log does not hold there."
            self._findings.broken(Rule.REC_INCLUSION, what, entry.where)
        if missing:
            return "The relay acknowledged a leaf that the archive log does not hold."
        return "The relay's acknowledgement was not proven in time; the archive log holds the leaf by now."

    def _is_relays(self, ack: Ack) -> bool:
        for version in range(1, len(self._history.rosters) + 1):
            roster = self._history.rosters.at(version)
            try:
                verify_ack(roster.relay_key, roster.archive_origin, ack)
            except TapelineError:
                continue
            return True
        return False

    def _is_missing(self, ack: Ack, checkpoint_ms: int) -> bool:
        if ack.index < len(self._archive.entries):
            return self._archive.entries[ack.index] != ack.leaf
        try:
            promised_ms = parse(Leaf, ack.leaf, limit=LEAF_BYTES, what="leaf").relay_time_ms
        except TapelineError:
            return True  # the relay signed what is no leaf
        return promised_ms + self._history.rosters.current.merge_delay_ms + GRACE_MS < checkpoint_ms

    def forks(self, forks: Iterable[ForkCopy]) -> tuple[Testimony, ...]:
        """Return each fork of the relay's evidence that its device really signed.

        The archive is none the worse for it: it holds one of the two messages, and the relay refused the other.
        """
        found = (self._fork(fork, f"fork {number + 1}") for number, fork in enumerate(forks))
        return tuple(one for one in found if one is not None)

    def _fork(self, fork: ForkCopy, name: str) -> Testimony | None:
        session, place = self._replay.sessions.get(fork.record_hash), place_of(fork)
        if session is None or place is None or place[0] != fork.record_hash:
            return None
        parsed = parse_message(fork.message)
        if self._replay.watched.get(place) in {None, parsed.message_hash}:
            return None
        if not is_signed_by(parsed, session.record.sender.device.device_key):
            return None  # evidence against nobody
        firm, user = session.record.sender.person
        what = f"This device signed two messages for place {place[1]} of session {short(place[0])}."
        where = f"{name}, message {short(parsed.message_hash)}"
        return Testimony(Rule.MSG_FORK.id, f"{firm}/{user}", what, where)


def place_of(fork: ForkCopy) -> Place | None:
    """Return which place of a session a fork is for, None where it is no message."""
    try:
        parsed = parse_message(fork.message)
    except TapelineError:
        return None
    return parsed.record_hash, parsed.index


def is_signed_by(parsed: ParsedMessage, key: bytes) -> bool:
    """Tell whether the device of this key signed the message."""
    try:
        verify_alone(parsed, sender_key=key)
    except TapelineError:
        return False
    return True


def _contradict(one: Ack, other: Ack) -> bool:
    return one.index == other.index and one.leaf != other.leaf
