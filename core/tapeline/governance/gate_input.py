"""What the gate takes and gives: the package, the agent's memory, the person's consent, the pass."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Protocol, Self

from tapeline.base.errors import TapelineError
from tapeline.crypto.hpke import HpkePublic
from tapeline.crypto.limits import LEAF_BYTES
from tapeline.crypto.record.facts import Facts
from tapeline.crypto.record.parse import ParsedRecord, ParsedView, parse_record
from tapeline.crypto.record.verify import VerifiedRecord
from tapeline.crypto.wire import parse
from tapeline.governance.approvals import VerifiedApproval
from tapeline.governance.audit_replay import AuditEntry, AuditView
from tapeline.governance.case import Case
from tapeline.governance.certificate import EscrowCertificate
from tapeline.governance.exception import Excepted, RecordException
from tapeline.governance.leftout import LeftOut
from tapeline.governance.manifest import Manifest
from tapeline.governance.person import Person
from tapeline.governance.roster import Roster
from tapeline.governance.scope import SessionFact
from tapeline.governance.standing import Standing
from tapeline.governance.warrant import Warrant
from tapeline.transparency import merkle
from tapeline.transparency.cosigned import CosignedCheckpoint
from tapeline.wire.v1.escrow_pb2 import ArchivedRecord, WarrantPackage
from tapeline.wire.v1.objects_pb2 import Leaf


class ArchiveView(Protocol):
    """What the gate asks of the directory that was replayed from the archive (`DirectoryState` is one)."""

    def verify_archive_note(self, note: bytes) -> CosignedCheckpoint:
        """Return a believed archive checkpoint."""

    def facts_of(self, record: ParsedRecord | ParsedView, *, leaf_index: int, leaf_time_ms: int) -> Facts:
        """Return what the record is judged by."""

    def session_fact(
        self, record: ParsedRecord, *, leaf_index: int, leaf_time_ms: int, messages: int = 0
    ) -> SessionFact:
        """Return what decides about its scope."""

    def certificate_of(self, escrow_key_id: bytes) -> EscrowCertificate:
        """Return the certificate of an escrow key."""


@dataclass(frozen=True)
class GateRecord:
    """A record with its leaf and its inclusion proof in the package's archive note; unverified."""

    index: int
    leaf_bytes: bytes
    leaf: Leaf
    record: ParsedRecord
    proof: tuple[bytes, ...]

    @classmethod
    def from_archived(cls, archived: ArchivedRecord) -> Self:
        """Parse strictly; raises Refused of the wire format, or MalformedInput."""
        leaf = parse(Leaf, archived.leaf, limit=LEAF_BYTES, what="archive leaf")
        return cls(archived.index, archived.leaf, leaf, parse_record(archived.record), tuple(archived.proof))


@dataclass(frozen=True)
class GateInput:
    """A warrant package beside the directory and the pinned roster that it is judged by; unverified.

    Attributes:
        directory: replayed from the archive, at least up to the records' leaves.
        pinned_roster: statement hash of roster version 1.
        warrant, case, manifest, approvals: DSSE.
        audit_note: fresh cosigned checkpoint of `audit_leaves`, which are all from 0 on.
        publication_notes: older cosigned audit notes.
        archive_note: cosigned archive checkpoint that the records' proofs lead to.
        records: the sessions asked for.
        malformed: those among them whose record does not even parse.
    """

    directory: ArchiveView
    pinned_roster: bytes
    warrant: bytes
    case: bytes
    approvals: tuple[bytes, ...]
    manifest: bytes
    audit_note: bytes
    audit_leaves: tuple[AuditEntry, ...]
    publication_notes: tuple[bytes, ...]
    archive_note: bytes
    records: tuple[GateRecord, ...]
    malformed: tuple[LeftOut, ...] = ()

    @property
    def asked(self) -> int:
        """The number of sessions asked for."""
        return len(self.records) + len(self.malformed)

    @classmethod
    def from_package(cls, package: WarrantPackage, directory: ArchiveView, *, pinned_roster: bytes) -> Self:
        """Build the input; raises Refused of the wire format, or MalformedInput."""
        records, malformed = _records(package)
        items = sorted(package.audit_leaves, key=lambda item: item.index)
        return cls(
            directory=directory,
            pinned_roster=pinned_roster,
            warrant=package.warrant,
            case=package.case_statement,
            approvals=tuple(package.approvals),
            manifest=package.manifest,
            audit_note=package.audit_note,
            audit_leaves=tuple(AuditEntry(item.leaf, item.dsse) for item in items),
            publication_notes=tuple(package.publication_notes),
            archive_note=package.archive_note,
            records=records,
            malformed=malformed,
        )


def _records(package: WarrantPackage) -> tuple[tuple[GateRecord, ...], tuple[LeftOut, ...]]:
    """Parse the records; one that does not parse is left out under the name that its leaf gives it."""
    records: list[GateRecord] = []
    malformed: list[LeftOut] = []
    for one in package.records:
        try:
            records.append(GateRecord.from_archived(one))
        except TapelineError as error:
            leaf = parse(Leaf, one.leaf, limit=LEAF_BYTES, what="archive leaf")
            malformed.append(LeftOut.because(leaf.object_hash, error))
    return tuple(records), tuple(malformed)


@dataclass(frozen=True)
class AgentMemory:
    """What an agent keeps between warrants, and stores before a bundle leaves it.

    Attributes:
        audit_size, audit_root: the last audit checkpoint seen.
        last_time_ms: the last T seen.
        answered: record hash by encoded C0, for every partial ever made.
        released: record hashes by warrant leaf hash.
        sighted: when it first held a roster, unix milliseconds of its own clock by the roster's statement hash.
    """

    audit_size: int = 0
    audit_root: bytes = merkle.EMPTY_ROOT
    last_time_ms: int = 0
    answered: Mapping[bytes, bytes] = field(default_factory=lambda: MappingProxyType({}))
    released: Mapping[bytes, frozenset[bytes]] = field(default_factory=lambda: MappingProxyType({}))
    sighted: Mapping[bytes, int] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class Consent:
    """Who allows the release.

    Attributes:
        warrant_leaf, record_hashes: what a person was shown (`summarise`) and said yes to; empty where nobody did.
        unattended_classes: retention classes that the agent's own policy file releases without asking.
        unattended_exceptions: whether that goes for records that the officers except, too.
    """

    warrant_leaf: bytes = b""
    record_hashes: frozenset[bytes] = frozenset()
    unattended_classes: frozenset[str] = frozenset()
    unattended_exceptions: bool = False


@dataclass(frozen=True)
class BeforeCiphertext:
    """Steps 1 to 4 passed: documents that agree with one another and with both logs.

    Attributes:
        audit: the audit log up to T.
        roster: its newest roster.
        case, manifest, warrant, approvals: verified.
        reviewers: who signed the case.
        standing: the last words of all approvers.
        exceptions: the officers', that stand for the case.
        archive: the checkpoint of the package's archive note.
        warrant_leaf: RFC 6962 leaf hash of the warrant's first audit leaf, 32 bytes.
        memory: the agent's, with the audit checkpoint and T of this package.
    """

    audit: AuditView
    roster: Roster
    case: Case
    reviewers: tuple[Person, ...]
    approvals: tuple[VerifiedApproval, ...]
    standing: Standing
    exceptions: tuple[RecordException, ...]
    manifest: Manifest
    archive: CosignedCheckpoint
    warrant: Warrant
    warrant_leaf: bytes
    memory: AgentMemory

    @property
    def time_ms(self) -> int:
        """T."""
        return self.audit.time_ms


@dataclass(frozen=True)
class GateSession:
    """A session that may be opened: the verified record, as parsed (with its slots), and its E's certificate.

    `excepted` holds the officers' exceptions from the rules that the record breaks; empty where it is sound.
    """

    verified: VerifiedRecord
    record: ParsedRecord
    certificate: EscrowCertificate
    excepted: tuple[RecordException, ...] = ()


@dataclass(frozen=True)
class GatePass:
    """All seven steps passed: what a partial, or q, may now be made for.

    Attributes:
        before: the documents.
        sessions: in the order of the package.
        left_out: sessions asked for whose records are unsound, sorted.
        seal_to: the case's fresh key; nothing may be sealed to another.
        memory: to be stored before anything leaves the agent.
    """

    before: BeforeCiphertext
    sessions: tuple[GateSession, ...]
    left_out: tuple[LeftOut, ...]
    seal_to: HpkePublic
    memory: AgentMemory

    @property
    def case(self) -> Case:
        """The case."""
        return self.before.case

    @property
    def excepted(self) -> tuple[Excepted, ...]:
        """The sessions among those released that are unsound, as a release names them."""
        return tuple(sorted(Excepted.of(one) for session in self.sessions for one in session.excepted))

    @property
    def warrant_leaf(self) -> bytes:
        """RFC 6962 leaf hash of the warrant, 32 bytes."""
        return self.before.warrant_leaf


@dataclass(frozen=True, slots=True)
class GateSummary:
    """What a person is shown before saying yes (the gate, 7): who, why, whose, how many, until when.

    Texts come from others: pass them through `printable` before a terminal.
    """

    warrant_leaf: bytes
    record_hashes: frozenset[bytes]
    requester: str
    reviewers: tuple[str, ...]
    approvers: tuple[str, ...]
    rejected_by: tuple[str, ...]
    withdrawn_by: tuple[str, ...]
    matter: str
    purpose: str
    legal_basis: str
    subjects: tuple[str, ...]
    conversations: int
    sessions: int
    left_out: tuple[LeftOut, ...]
    excepted: tuple[RecordException, ...]
    messages: int
    window_from_ms: int
    window_to_ms: int
    not_after_ms: int
    classes: tuple[str, ...]
    announced_roster: int | None
    """Version of a roster whose change of approvers or witnesses is public but not yet in force."""
