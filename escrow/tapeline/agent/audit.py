"""The audit log as an agent replays it: every leaf, the texts it may read, the newest roster, one checkpoint."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from tapeline.base.errors import MalformedInput, NotFound, StateError
from tapeline.base.rules import Rule, require
from tapeline.governance.auditleaf import about_of, parse_audit_leaf, require_text
from tapeline.governance.case import Case
from tapeline.governance.chain import RosterChain
from tapeline.governance.complaint import KIND as COMPLAINT
from tapeline.governance.dsse import parse_envelope
from tapeline.governance.exception import RecordException, standing_exceptions
from tapeline.governance.revocation import Revocation, Revoked, maker_of
from tapeline.governance.roster import Roster
from tapeline.governance.standing import DECIDING, CaseLeaf, Ledger, Standing, standing_of
from tapeline.transparency.cosigned import CosignedCheckpoint
from tapeline.transparency.merkle import leaf_hash, root_of
from tapeline.wire.v1 import escrow_pb2 as wire

MAX_LEAVES = 1_000_000


class AuditPort(Protocol):
    """Where the log comes from; `BoardClient` is one."""

    def sync(self, since: int) -> wire.AuditPage:
        """Return a page of the log from an index on."""


@dataclass(frozen=True)
class AuditEntry:
    """A leaf with its statement, whose text is empty where this reader may not have it."""

    index: int
    leaf: bytes
    kind: str
    statement_hash: bytes
    time_ms: int
    about: bytes
    dsse: bytes


class AuditReplica:
    """A verified copy of the audit log, all of it; `sync` lets it grow."""

    def __init__(self, pinned_roster: bytes) -> None:
        self.pinned_roster = pinned_roster
        self.chain = RosterChain.pin(pinned_roster)
        self.revoked = Revoked()
        self.entries: list[AuditEntry] = []
        self.checkpoint: CosignedCheckpoint | None = None
        self._by_hash: dict[bytes, AuditEntry] = {}
        self._about: dict[bytes, list[AuditEntry]] = {}

    @property
    def roster(self) -> Roster:
        """The newest roster."""
        return self.chain.current

    def sync(self, port: AuditPort) -> CosignedCheckpoint:
        """Take all leaves below the newest cosigned checkpoint.

        1. Each text hashes to its leaf; indices are contiguous; rosters follow one another from the pinned one;
           revocations count from their makers only.
        2. The checkpoint is cosigned by the quorum in force, and all leaves together lead to its root.
        3. It does not lie behind the one seen before, which is a prefix of the same leaves.

        Raises:
            Refused: GAT-1, GOV-3, LOG-1 to LOG-3.
            StateError: nothing is cosigned yet (retryable).
        """
        entries, chain, revoked, note = list(self.entries), self.chain.copy(), self.revoked.copy(), b""
        while True:
            page = port.sync(len(entries))
            if not page.items:
                note = page.note
                break
            for item in page.items:
                entries.append(_entry(item, len(entries)))  # 1
                _take_roster(chain, entries[-1])
                _take_revocation(chain, revoked, entries[-1])
        if not note:
            raise StateError("The audit log has no cosigned checkpoint yet.", "Wait a moment.", retryable=True)
        checkpoint = chain.verify_audit_note(note)  # 2
        root = root_of(leaf_hash(entry.leaf) for entry in entries[: checkpoint.size])
        require(
            checkpoint.size <= len(entries) and root == checkpoint.root,
            Rule.GATE_CHECKPOINT,
            "The audit log's leaves do not lead to its checkpoint.",
        )
        old = self.checkpoint
        require(old is None or old.size <= checkpoint.size, Rule.GATE_CHECKPOINT, "The audit log went back.")  # 3
        self.chain, self.revoked = chain, revoked
        self.checkpoint, self.entries = checkpoint, entries[: checkpoint.size]
        self._by_hash, self._about = {}, defaultdict(list)
        for entry in self.entries:
            self._by_hash.setdefault(entry.statement_hash, entry)  # of one that is logged twice the first leaf counts
            self._about[entry.about].append(entry)
        return checkpoint

    def find(self, statement_hash: bytes) -> AuditEntry | None:
        """Return the entry of a statement."""
        return self._by_hash.get(statement_hash)

    def of_kind(self, kind: str) -> list[AuditEntry]:
        """Return the entries of a kind, in the log's order."""
        return [entry for entry in self.entries if entry.kind == kind]

    def standing(self, case_hash: bytes, at_ms: int) -> Standing:
        """Return how a posted case stands at a time.

        Raises:
            NotFound: no such case is posted, or its text is not readable with this role.
            Refused: GATE_CHECKPOINT, where the board withholds a text that decides about it.
        """
        entry = self.find(case_hash)
        if entry is None or entry.kind != Case.kind or not entry.dsse:
            raise NotFound("The board shows no such case.", "Check its hash, and that your role may read it.")
        ledger = Ledger.of(self.chain, self.revoked, at_ms)
        return standing_of(Case.envelope(entry.dsse), self._deciding(case_hash), ledger)

    def exceptions(self, case_hash: bytes) -> tuple[RecordException, ...]:
        """Return the officers' exceptions that stand for a case, as far as their texts are readable."""
        entries = [one for one in self._about.get(case_hash, ()) if one.kind == RecordException.kind and one.dsse]
        logged = [RecordException.envelope(one.dsse) for one in entries]
        return standing_exceptions(logged, case_hash, self.roster, self.revoked)

    def _deciding(self, case_hash: bytes) -> list[CaseLeaf]:
        found: list[CaseLeaf] = []
        rosters = [one.index for one in self.of_kind(Roster.kind)]
        for entry in self._about.get(case_hash, ()):
            if entry.kind in DECIDING:
                require(entry.dsse != b"", Rule.GATE_CHECKPOINT, f"The board withholds the text of a {entry.kind}.")
                roster = self.chain.at(max(bisect_left(rosters, entry.index), 1))
                found.append(CaseLeaf(entry.index, parse_envelope(entry.dsse, entry.kind), roster))
        return found

    def texts(self) -> Mapping[bytes, bytes]:
        """Return the readable texts by statement hash."""
        return {entry.statement_hash: entry.dsse for entry in self.entries if entry.dsse}


def _entry(item: wire.AuditItem, expected: int) -> AuditEntry:
    if item.index != expected or expected >= MAX_LEAVES:
        raise MalformedInput("The audit log's page does not follow the one before.", "Fetch it again.")
    leaf = parse_audit_leaf(item.leaf)
    if item.dsse and leaf.kind != COMPLAINT:  # a device's word in its own form, which decides nothing here
        envelope = parse_envelope(item.dsse, leaf.kind)
        require(
            envelope.statement_hash == leaf.statement_hash,
            Rule.GATE_CHECKPOINT,
            "A text of the audit log is not its leaf's.",
        )
        require(about_of(envelope) == leaf.about, Rule.LEAF_TAG, "An audit leaf names another case than its statement.")
    if item.dsse:
        require_text(leaf, item.dsse)
    return AuditEntry(item.index, item.leaf, leaf.kind, leaf.statement_hash, leaf.time_ms, leaf.about, item.dsse)


def _take_roster(chain: RosterChain, entry: AuditEntry) -> None:
    if entry.kind == Roster.kind:
        chain.add(entry.dsse, entry.time_ms)


def _take_revocation(chain: RosterChain, revoked: Revoked, entry: AuditEntry) -> None:
    if entry.kind != Revocation.kind or len(chain) == 0:
        return
    require(entry.dsse != b"", Rule.GATE_CHECKPOINT, "The board withholds the text of a revocation.")
    envelope = parse_envelope(entry.dsse, entry.kind)
    maker = maker_of(envelope, chain.current)
    if maker is not None:  # one that nobody entitled signed revokes nothing, as at the gate
        revoked.add(entry.index, Revocation.parse(envelope), maker)
