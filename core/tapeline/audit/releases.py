"""Every release against its warrant, and every warrant against its case, its approvals and its manifest.

For a release at audit leaf i:

1. the warrant that it names is a leaf below i, and so are the case, approvals and manifest that the warrant names;
2. case, approvals, manifest and warrant verify by the roster of the warrant's time, the approvals as a quorum;
3. the warrant was neither expired nor revoked when the release was logged, nor was the case, an approval, or one
   who signed or asked for them; the case was not closed; each approval was still its approver's last word;
4. the release is signed by the custodian, or the vault, and names only sessions of the manifest;
5. nobody released a session twice for one warrant; none that is unsound without the officers' exception;
6. the manifest's note is of this archive, and its list is exactly the case's scope.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from tapeline.audit.exceptions import judge_excepted, name_exceptions
from tapeline.audit.finding import Check, Findings, short
from tapeline.audit.notes import NoteTable
from tapeline.audit.sessions import SessionTable
from tapeline.audit.statements import AuditHistory, Entry
from tapeline.base.errors import TapelineError
from tapeline.base.rules import Rule, require
from tapeline.governance.approvals import VerifiedApproval, verify_approvals
from tapeline.governance.case import Case, case_signers, verify_case
from tapeline.governance.dsse import Envelope
from tapeline.governance.manifest import Manifest, verify_manifest
from tapeline.governance.person import Person
from tapeline.governance.release import VaultRelease, verify_release, verify_vault_release
from tapeline.governance.scope import freeze
from tapeline.governance.standing import Standing
from tapeline.governance.warrant import Warrant, verify_warrant
from tapeline.transparency.merkle import leaf_hash


@dataclass(frozen=True, slots=True)
class Sound:
    """A warrant that was rightly given, with what it rests on."""

    warrant: Warrant
    case: Case
    filed: Envelope
    reviewers: tuple[Person, ...]
    approvals: tuple[VerifiedApproval, ...]
    manifest: Manifest


class ReleaseJudge:
    """Judges all warrants, then all releases, of one audit log."""

    def __init__(self, history: AuditHistory, archive_notes: NoteTable, sessions: SessionTable, findings: Findings):
        self._history = history
        self._notes = archive_notes
        self._sessions = sessions
        self._findings = findings
        self._released: dict[tuple[bytes, str, bytes], bytes] = {}

    def judge(self) -> int:
        """Judge everything; return how many releases there are."""
        warrants = {leaf_hash(entry.data): (entry, self._warrant(entry)) for entry in self._history.of_kind("warrant")}
        name_exceptions(self._history, self._findings)
        releases = list(self._history.of_kind("release", "vault-release"))
        for entry in releases:
            self._release(entry, warrants)
        return len(releases)

    def _warrant(self, entry: Entry) -> Sound | None:
        """Steps 1, 2 and 6; reports and returns None where one fails."""
        if entry.envelope is None:
            return None  # its absence was reported with its leaf
        try:
            warrant = Warrant.parse(entry.envelope)
            parts = self._parts(warrant, entry)
            if parts is None:
                return None
            sound = self._verify(warrant, entry, *parts)
        except TapelineError as error:
            self._findings.refused(error, entry.where)
            return None
        self._judge_manifest(sound, parts[2])
        return sound

    def _parts(self, warrant: Warrant, entry: Entry) -> tuple[Envelope, list[Envelope], Entry] | None:
        """Step 1 for the warrant: everything that it names is a statement logged before it."""
        named = [("case", warrant.case), ("manifest", warrant.manifest)]
        named += [("approval", approval) for approval in warrant.approvals]
        found = [(kind, digest, self._history.find(kind, digest, below=entry.index)) for kind, digest in named]
        whole = True
        for kind, digest, part in found:
            if part is None or part.envelope is None:
                whole = False
                self._findings.add(
                    Check.WARRANT, f"The warrant rests on the {kind} {short(digest)}, which is not there.", entry.where
                )
        if not whole:
            return None
        entries = [part for _, _, part in found if part is not None]
        envelopes = [part.envelope for part in entries if part.envelope is not None]
        return envelopes[0], envelopes[2:], entries[1]

    def _verify(
        self, warrant: Warrant, entry: Entry, case_envelope: Envelope, approvals: Sequence[Envelope], manifest: Entry
    ) -> Sound:
        """Step 2, at the time of the warrant's leaf."""
        rosters, at_ms = self._history.rosters, entry.time_ms
        roster = self._history.roster_at(entry.index)
        case = verify_case(case_envelope, roster, at_ms)
        verified = verify_approvals(approvals, case, roster, rosters.in_force(at_ms), at_ms)
        standing = self._history.standing(case_envelope, below=entry.index, at_ms=at_ms)
        require(standing.closed is None, Rule.GATE_CLOSED, "The warrant was issued after its case was closed.")
        require(
            all(_is_last_word(one, standing) for one in verified),
            Rule.GATE_STANDING,
            "The warrant names an approval that its approver had taken back.",
        )
        assert manifest.envelope is not None  # `_parts` saw to it
        listed = verify_manifest(manifest.envelope, roster, case=case.statement_hash)
        assert entry.envelope is not None
        verify_warrant(
            entry.envelope,
            roster,
            case=case.statement_hash,
            approvals=frozenset(warrant.approvals),
            manifest=manifest.statement_hash,
            at_ms=at_ms,
        )
        return Sound(warrant, case, case_envelope, case_signers(case_envelope, roster), verified, listed)

    def _judge_manifest(self, sound: Sound, entry: Entry) -> None:
        """Step 6."""
        checkpoint = self._notes.believe(sound.manifest.archive_note, entry.where)
        if checkpoint is None:
            return
        expected = freeze(sound.case, self._sessions.facts(sound.case, below=checkpoint.size))
        listed = {row.record_hash: row for row in sound.manifest.sessions}
        wanted = {row.record_hash: row for row in expected}
        for record_hash in listed.keys() | wanted.keys():
            if listed.get(record_hash) == wanted.get(record_hash):
                continue
            what = self._difference(record_hash, listed, wanted)
            self._findings.add(Check.MANIFEST, f"The manifest {what}: {short(record_hash)}.", entry.where)

    def _difference(self, record_hash: bytes, listed: Collection[bytes], wanted: Collection[bytes]) -> str:
        if self._sessions.get(record_hash) is None:
            return "lists a session that did not verify in this copy"
        if record_hash not in listed:
            return "leaves out a session in scope"
        if record_hash not in wanted:
            return "lists a session outside the scope"
        return "states a session's place, times or messages otherwise than this copy"

    def _release(self, entry: Entry, warrants: dict[bytes, tuple[Entry, Sound | None]]) -> None:
        if entry.envelope is None:
            return
        try:
            who, release = self._signed(entry, entry.envelope)
        except TapelineError as error:
            self._findings.refused(error, entry.where)
            return
        warrant_entry, sound = warrants.get(release.warrant_leaf, (None, None))
        if warrant_entry is None or warrant_entry.index > entry.index:
            self._findings.add(Check.WARRANT, f"{who} released without any warrant in the log.", entry.where)
        elif sound is None:
            self._findings.add(
                Check.WARRANT,
                f"{who} released under a warrant that is missing or does not hold: {warrant_entry.where}.",
                entry.where,
            )
        else:
            self._judge_release(entry, who, release, warrant_entry, sound)
        self._judge_once(entry, who, release)
        judge_excepted(self._history, self._sessions, self._findings, entry, who, release)

    def _signed(self, entry: Entry, envelope: Envelope) -> tuple[str, VaultRelease]:
        roster = self._history.roster_at(entry.index)
        if entry.kind == "vault-release":
            return "The vault", verify_vault_release(envelope, roster)
        release = verify_release(envelope, roster)
        return f"Custodian {release.custodian}", release

    def _judge_release(self, entry: Entry, who: str, release: VaultRelease, warrant_entry: Entry, sound: Sound) -> None:
        """Steps 3 and 4."""
        if release.case != sound.case.statement_hash:
            self._findings.add(Check.WARRANT, f"{who} released for another case than the warrant's.", entry.where)
        if entry.time_ms >= min(sound.warrant.not_after_ms, sound.case.expires_ms):
            self._findings.add(Check.WARRANT, f"{who} released after the warrant's or case's end.", entry.where)
        named = [
            (kind, self._history.revoked.index_of(kind, target, maker=maker))
            for kind, target, maker in self._named(sound, warrant_entry)
        ]
        for kind in dict.fromkeys(kind for kind, index in named if index is not None and index < entry.index):
            self._findings.add(Check.WARRANT, f"{who} released after the {kind} was revoked.", entry.where)
        standing = self._history.standing(sound.filed, below=entry.index, at_ms=entry.time_ms)
        if standing.closed is not None:
            self._findings.add(Check.WARRANT, f"{who} released after the case was closed.", entry.where)
        for approval in sound.approvals:
            if not _is_last_word(approval, standing):
                name = approval.approver.id
                self._findings.add(Check.WARRANT, f"{who} released after {name} took the approval back.", entry.where)
        for left in release.left_out:
            what = f"{who} left out {short(left.record_hash)} under {left.rule}"
            found_sound = self._sessions.get(left.record_hash) is not None
            self._findings.add(
                Check.LEFT_OUT, f"{what}{', which verifies in this copy' if found_sound else ''}.", entry.where
            )
        for record_hash in release.record_hashes:
            if sound.manifest.session(record_hash) is None:
                self._findings.add(
                    Check.WARRANT, f"{who} released {short(record_hash)}, which is not in the manifest.", entry.where
                )

    @staticmethod
    def _named(sound: Sound, warrant_entry: Entry) -> list[tuple[str, bytes | str, str | None]]:
        """Return what the gate would refuse once it is revoked, each with the one who may revoke it as its maker."""
        approvals = [("approval", one.approval.statement_hash, one.approver.id) for one in sound.approvals]
        people = (*sound.reviewers, *(one.approver for one in sound.approvals))
        return [
            ("warrant", warrant_entry.statement_hash, None),
            ("manifest", sound.warrant.manifest, None),
            *(("case", sound.case.statement_hash, reviewer.id) for reviewer in sound.reviewers),
            *approvals,
            ("person", sound.case.requester, None),
            *(("person", person.id, None) for person in people),
            *(("key", person.key, None) for person in people),
        ]

    def _judge_once(self, entry: Entry, who: str, release: VaultRelease) -> None:
        """Step 5: the same bytes may come again, other ones may not."""
        for record_hash in release.record_hashes:
            key = (release.warrant_leaf, who, record_hash)
            if self._released.setdefault(key, release.bundle_hash) != release.bundle_hash:
                self._findings.add(Check.TWICE, f"{who} released {short(record_hash)} twice.", entry.where)


def _is_last_word(approval: VerifiedApproval, standing: Standing) -> bool:
    """Tell whether it still was its approver's last word; revocations are judged apart."""
    vote = standing.votes.get(approval.approver.id)
    return vote is not None and vote.envelope.statement_hash == approval.approval.statement_hash
