"""One sentence that a reviewer can quote, and every reason behind it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tapeline.base.text import plural
from tapeline.governance.case import Case
from tapeline.governance.exception import RecordException
from tapeline.governance.manifest import Manifest
from tapeline.governance.scope import in_window
from tapeline.review.bundles import Problem
from tapeline.review.leaves import ReplayedArchive
from tapeline.review.messages import ReadMessage, SessionMessages
from tapeline.review.recount import Recount
from tapeline.review.refused import Refusal
from tapeline.wire.v1.objects_pb2 import LeafType


@dataclass(frozen=True)
class Completeness:
    """How much of the scope was read, and what stands against calling it complete.

    Attributes:
        expected, read: messages that the manifest counts, and those verified, opened and shown.
        repeats: how many of those read say what an earlier one said under the same id, and are shown with it.
        sealed_sessions, sealed_messages: what custodians or vault have not released yet.
        refused: sessions that escrow refused, since their records do not verify; `sealed_…` counts the others.
        refused_messages: how many messages those hold.
        excepted: why opened sessions were opened although their records do not verify.
        findings: sentences, each a reason why the reading is not complete.
        witnesses: how many cosigned the archive checkpoint that all was checked against.
    """

    expected: int
    read: int
    repeats: int
    sealed_sessions: int
    sealed_messages: int
    refused: tuple[Refusal, ...]
    refused_messages: int
    excepted: tuple[RecordException, ...]
    findings: tuple[str, ...]
    witnesses: int

    @property
    def complete(self) -> bool:
        """Tell whether everything in scope was read and nothing stands against it."""
        return self.read == self.expected and not (self.sealed_sessions or self.refused or self.findings)

    @property
    def sentence(self) -> str:
        """The sentence: never "0 results" while something is still sealed."""
        again = f" ({self.repeats:,} sent again)" if self.repeats else ""
        counted = f"{self.read:,} of {self.expected:,} messages{again}"
        if self.excepted:
            rules = ", ".join(dict.fromkeys(one.rule for one in self.excepted))
            sessions = plural(len({one.record_hash for one in self.excepted}), "session")
            counted += f", with {sessions} that does not verify and that the officers except from {rules}"
        checked = f"log checked by {plural(self.witnesses, 'witness', 'witnesses')}"
        if self.complete:
            return f"Complete: {counted}, no gaps, {checked}."
        parts = [counted]
        if self.sealed_sessions:
            parts.append(f"{self.sealed_messages:,} still sealed in {plural(self.sealed_sessions, 'session')}")
        if self.refused:
            rules = ", ".join(dict.fromkeys(rule for one in self.refused for rule in one.rules))
            sessions = plural(len(self.refused), "session")
            parts.append(f"{self.refused_messages:,} sealed in {sessions} that escrow refused: {rules}")
        if self.findings:
            parts.append(plural(len(self.findings), "finding"))
        return f"Incomplete: {', '.join((*parts, checked))}."


def judge(
    case: Case,
    manifest: Manifest,
    archive: ReplayedArchive,
    counted: Recount,
    sessions: Sequence[SessionMessages],
    sealed: Sequence[bytes],
    problems: Sequence[Problem],
    *,
    shown: Sequence[ReadMessage],
    doubled: Sequence[str] = (),
    refused: Sequence[Refusal] = (),
    excepted: Sequence[RecordException] = (),
) -> Completeness:
    """Return the judgement over a whole case; what counts is what is `shown`, and `doubled` are findings about ids.

    1. The manifest is what the archive's own leaves say.
    2. Each opened session has as many messages as the manifest counts, without a gap, all of them readable.
    3. Every message leaf of a conversation that is wholly in scope belongs to a message received or still sealed.
    """
    findings = [
        *_manifest_findings(counted),  # 1
        *_session_findings(manifest, sessions),  # 2
        *_leaf_findings(case, manifest, archive, counted, sessions, sealed),  # 3
        *(f"{problem.who}: {problem.cause}" for problem in problems),
        *doubled,
        *(one.sentence for one in refused),
    ]
    apart = {one.record_hash for one in refused}
    waiting = [record_hash for record_hash in sealed if record_hash not in apart]
    repeats = sum(len(one.repeats) for one in shown)
    rows = {row.record_hash: row.messages for row in manifest.sessions}
    return Completeness(
        expected=manifest.messages,
        read=len(shown) + repeats,
        repeats=repeats,
        sealed_sessions=len(waiting),
        sealed_messages=sum(rows.get(record_hash, 0) for record_hash in waiting),
        refused=tuple(refused),
        excepted=tuple(excepted),
        refused_messages=sum(rows.get(record_hash, 0) for record_hash in apart),
        findings=tuple(dict.fromkeys(findings)),
        witnesses=len(archive.checkpoint.witness_times),
    )


def _manifest_findings(counted: Recount) -> list[str]:
    lines = [f"the relay left session {name.hex()[:16]} out of the manifest" for name in counted.left_out]
    lines += [f"the manifest lists session {name.hex()[:16]} without ground" for name in counted.unfounded]
    lines += [f"the relay withholds the record of session {name.hex()[:16]}" for name in counted.withheld]
    return lines


def _session_findings(manifest: Manifest, sessions: Sequence[SessionMessages]) -> list[str]:
    lines = []
    for session in sessions:
        row = manifest.session(session.record_hash)
        name, expected = session.record_hash.hex()[:16], row.messages if row is not None else 0
        if len(session.received) != expected:
            lines.append(f"session {name}: the relay gave {len(session.received)} of {expected} messages")
        lines += [f"session {name}: message {index} is missing" for index in session.gaps]
        lines += [f"session {name}: {problem.cause}" for problem in session.problems]
    return lines


def _leaf_findings(
    case: Case,
    manifest: Manifest,
    archive: ReplayedArchive,
    counted: Recount,
    sessions: Sequence[SessionMessages],
    sealed: Sequence[bytes],
) -> list[str]:
    """Compare message leaves with messages, where every leaf of the conversation must belong to a session in scope."""
    size = archive.directory.verify_archive_note(manifest.archive_note).size
    received = {index for session in sessions for index in session.received}
    tag_of = {row.record_hash: archive.parsed[row.leaf_index].conversation_tag for row in manifest.sessions}
    waiting: dict[bytes, int] = {}
    for record_hash in sealed:
        row, tag = manifest.session(record_hash), tag_of.get(record_hash, b"")
        waiting[tag] = waiting.get(tag, 0) + (row.messages if row is not None else 0)
    missing: dict[bytes, list[int]] = {}
    for index, leaf in enumerate(archive.parsed[:size]):
        is_message = leaf.type == LeafType.LEAF_TYPE_MESSAGE and leaf.conversation_tag in counted.whole_conversations
        if is_message and in_window(case, leaf.relay_time_ms) and index not in received:
            missing.setdefault(leaf.conversation_tag, []).append(index)
    return [
        f"archive leaf {index} is a message that the relay did not give"
        for tag, indices in missing.items()
        if len(indices) != waiting.get(tag, 0)
        for index in indices
    ]
