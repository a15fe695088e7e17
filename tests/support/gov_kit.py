"""A deployment to judge by: rosters, a real ceremony, two real logs with witnesses, devices, records, warrant packages.

Every key is derived from its name; nothing is faked: leaves stand in Merkle trees, notes are cosigned.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from types import MappingProxyType

from record_kit import SeededRng
from tlog_kit import MemoryTiles

from tapeline.base.secret import Secret
from tapeline.base.times import DAY, HOUR, MINUTE
from tapeline.crypto.ceremony import (
    Announcement,
    CeremonyParameters,
    escrow_key_id,
    extension,
    setup_from,
    sign_round1,
    vault_key_id,
)
from tapeline.crypto.cocktail.certificate import sign_transcript
from tapeline.crypto.cocktail.deal import deal
from tapeline.crypto.cocktail.round2 import Outcome, receive
from tapeline.crypto.device import VerifiedDevice, issue_device_entry
from tapeline.crypto.group import Scalar
from tapeline.crypto.hpke_open import HpkePrivate
from tapeline.crypto.membership import VerifiedMembership, sign_statement
from tapeline.crypto.prekey_secret import PrekeySecret, make_prekey
from tapeline.crypto.receipt import sign_receipt, vault_slot_hash
from tapeline.crypto.record.facts import Facts
from tapeline.crypto.record.parse import parse_record
from tapeline.crypto.record.seal import CreatedRecord, create_record
from tapeline.crypto.reservation import VaultTarget, make_reservation
from tapeline.crypto.shamir import interpolate
from tapeline.crypto.signing import SigningKey
from tapeline.crypto.wire import encode
from tapeline.directory.checked import NUMBERED, text_hash_of
from tapeline.directory.state import DirectoryState
from tapeline.governance.approval import Approval
from tapeline.governance.audit_replay import AuditEntry
from tapeline.governance.auditleaf import make_audit_leaf
from tapeline.governance.case import Case, Subject, Window
from tapeline.governance.certificate import CertifiedCustodian, EscrowCertificate
from tapeline.governance.dsse import parse_envelope, signer
from tapeline.governance.gate_input import GateInput
from tapeline.governance.manifest import Manifest
from tapeline.governance.person import Person, Witness
from tapeline.governance.roster import Roster, Thresholds, WitnessQuorum
from tapeline.governance.scope import freeze
from tapeline.governance.statement import Statement
from tapeline.governance.warrant import Warrant
from tapeline.transparency import merkle, proofs
from tapeline.transparency.checkpoint import Checkpoint
from tapeline.transparency.cosignature import Cosigner
from tapeline.transparency.note import Note, NoteSigner
from tapeline.wire.v1 import objects_pb2 as pb
from tapeline.wire.v1.escrow_pb2 import ArchivedRecord, AuditItem, WarrantPackage

T0 = 1_800_000_000_000
CLASS = "five-years"
OFFICERS = ("acme/olga", "acme/omar")
DEPLOYMENT = b"d" * 32
WITNESSES = {
    name: Cosigner(f"{name}.example/w", Secret(hashlib.sha256(name.encode()).digest()))
    for name in ("in1", "in2", "out1", "out2", "late1", "late2")
}
PEOPLE = (
    ("olga", {"officer"}, ""),
    ("omar", {"officer", "legal"}, ""),
    ("enid", {"enroller"}, ""),
    ("carl", {"custodian"}, "board"),
    ("cleo", {"custodian"}, "works council"),
    ("cyra", {"custodian"}, "auditors"),
    ("abel", {"approver"}, "legal"),
    ("adah", {"approver"}, "works council"),
    ("amos", {"approver"}, "legal"),
    ("rita", {"reviewer"}, ""),
)


def key(name: str) -> SigningKey:
    return SigningKey.from_seed(Secret(hashlib.sha256(b"key of " + name.encode()).digest()))


def hpke(name: str) -> HpkePrivate:
    return HpkePrivate.from_seed(hpke_seed(name))


def hpke_seed(name: str) -> Secret:
    return Secret(hashlib.sha256(b"hpke of " + name.encode()).digest())


def log_signer(name: str) -> NoteSigner:
    return NoteSigner(name, Secret(hashlib.sha256(b"log " + name.encode()).digest()))


def witness(name: str) -> Witness:
    return Witness(name, WITNESSES[name].key.encode(), "", "inside" if name.startswith("in") else "outside")


def person(firm: str, name: str, roles: set[str], group: str) -> Person:
    return Person(name, name.title(), frozenset(roles), group, key(f"{firm}/{name}").public)


def make_roster(firm: str = "acme", **changes: object) -> Roster:
    """Version 1 of a firm's roster, with `changes`."""
    roster = Roster(
        deployment=DEPLOYMENT, organisation=firm, version=1, expires_ms=T0 + 365 * DAY, previous=b"",
        people=tuple(person(firm, *row) for row in PEOPLE), thresholds=Thresholds(2, 2, 2),
        witnesses=(witness("in1"), witness("out1"), witness("out2")), witness_quorum=WitnessQuorum(2, 1),
        archive_log=log_signer("archive.example").key.encode(), relay_key=key("relay").public,
        audit_log=log_signer(f"{firm}.example/audit").key.encode(), escrow_key=key(f"{firm}/escrow").public,
        vault_key=key(f"{firm}/vault").public, classes=(CLASS, "ten-years"), default_class=CLASS,
        publication_delay_ms=HOUR, change_delay_ms=72 * HOUR,
    )  # fmt: skip
    return replace(roster, **changes)  # type: ignore[arg-type]


def successor(roster: Roster, **changes: object) -> Roster:
    """The next version, with `changes`."""
    changed = {"version": roster.version + 1, "previous": roster.statement_hash, **changes}
    return replace(roster, **changed)  # type: ignore[arg-type]


def with_people(roster: Roster, *rows: tuple[str, set[str], str], without: Sequence[str] = ()) -> tuple[Person, ...]:
    """The roster's people and more, without some."""
    kept = [one for one in roster.people if one.id not in without]
    return (*kept, *(person(roster.organisation, *row) for row in rows))


def sign(statement: Statement, *names: str) -> bytes:
    """The envelope, signed by the keys of these names."""
    return statement.sign([signer(key(name)) for name in names])


def sign_roster(roster: Roster, *officers: str) -> bytes:
    names = officers or ("olga", "omar")
    return sign(roster, *(f"{roster.organisation}/{name}" for name in names))


@lru_cache
def ceremony(firm: str, roster_hash: bytes, epoch: int, retention_class: str) -> tuple[dict[int, Outcome], list[bytes]]:
    """A real key generation, 2 of 3; returns outcomes by index and the success signatures in order."""
    rng = SeededRng(f"{firm}/{epoch}/{retention_class}")
    parameters = CeremonyParameters(DEPLOYMENT.hex(), firm, roster_hash, epoch, retention_class, 2, 3, 0)
    hosts = {index: Scalar.random(rng) for index in (1, 2, 3)}
    setup = setup_from(parameters, [Announcement(i, host.base_mul(), rng(32)) for i, host in hosts.items()])
    messages = {index: deal(setup, host, rng) for index, host in hosts.items()}
    custodians = ("carl", "cleo", "cyra")
    signed = [
        sign_round1(key(f"{firm}/{name}"), setup, i, messages[i].encode()) for i, name in enumerate(custodians, 1)
    ]
    ext = extension(parameters, signed)
    outcomes = {index: receive(setup, host, messages, ext) for index, host in hosts.items()}
    return outcomes, [sign_transcript(hosts[i], outcomes[i].transcript) for i in hosts]


def make_certificate(
    roster: Roster, epoch: int = 1, retention_class: str = CLASS, **changes: object
) -> EscrowCertificate:
    """The certificate of a fresh key, with `changes`."""
    firm = roster.organisation
    outcomes, signatures = ceremony(firm, roster.statement_hash, epoch, retention_class)
    transcript = outcomes[1].transcript
    key_id = escrow_key_id(transcript.group_key, transcript.digest())
    v_public = hpke(f"{firm}/{epoch}/{retention_class}/v").public().encode()
    custodians = tuple(
        CertifiedCustodian(name, i, share.encode(), transcript.host_keys[i - 1].encode(), signatures[i - 1], b"a" * 64)
        for i, (name, share) in enumerate(
            zip(("carl", "cleo", "cyra"), transcript.verification_shares(), strict=True), start=1
        )
    )
    certificate = EscrowCertificate(
        deployment=DEPLOYMENT, firm=firm, epoch=epoch, retention_class=retention_class, threshold=2,
        roster=roster.statement_hash, custodians=custodians, escrow_key=transcript.group_key.encode(),
        transcript=transcript.encode(), escrow_key_id=key_id, v_public=v_public,
        v_key_id=vault_key_id(v_public, key_id), active_from_ms=T0 - DAY, not_after_ms=T0 + 365 * DAY,
    )  # fmt: skip
    return replace(certificate, **changes)  # type: ignore[arg-type]


def sign_certificate(certificate: EscrowCertificate, *names: str) -> bytes:
    signers = names or ("carl", "cleo", "cyra", "olga", "omar")
    return sign(certificate, *(f"{certificate.firm}/{name}" for name in signers))


class Log:
    """A log with real tiles; `note` cosigns any prefix at any time."""

    def __init__(self, name: str) -> None:
        self._signer = log_signer(name)
        self._tiles = MemoryTiles()
        self.name = name
        self.entries: list[bytes] = []

    def append(self, entry: bytes) -> int:
        self._tiles.append([entry])
        self.entries.append(entry)
        return len(self.entries) - 1

    def note(
        self,
        at_ms: int,
        size: int | None = None,
        by: Sequence[str] = ("in1", "out1"),
        times_ms: Mapping[str, int] = MappingProxyType({}),
    ) -> bytes:
        """The log's first `size` leaves, cosigned at one time, but for those whose own time `times_ms` gives."""
        count = len(self.entries) if size is None else size
        root = merkle.root_of(map(merkle.leaf_hash, self.entries[:count]))
        text = Checkpoint(self.name, count, root).encode()
        cosignatures = [WITNESSES[name].cosign(text, times_ms.get(name, at_ms) // 1000) for name in by]
        return Note(text, (self._signer.sign(text), *cosignatures)).encode()

    def proof(self, index: int) -> list[bytes]:
        return proofs.inclusion_proof(self._tiles, index, len(self.entries))


@dataclass
class Member:
    """A user's device with its secrets."""

    key: SigningKey
    device: VerifiedDevice
    prekeys: list[PrekeySecret] = field(default_factory=list)


class Archive:
    """The archive log with the directory that replays it."""

    def __init__(self, *firms: str, whole: bool = True, roster: Roster | None = None) -> None:
        self.rng = SeededRng("archive")
        self.firms = firms or ("acme",)
        self.rosters = {firm: make_roster(firm) for firm in self.firms}
        if roster is not None:
            self.rosters[roster.organisation] = roster
        self.pinned = {firm: one.statement_hash for firm, one in self.rosters.items()}
        self.state = DirectoryState(pinned_rosters=self.pinned, whole=whole)
        self.log = Log("archive.example")
        self.leaves: list[tuple[pb.Leaf, bytes]] = []
        self.certificates: dict[str, EscrowCertificate] = {}
        self.now_ms = T0
        for one in self.rosters.values():
            self.publish(pb.LEAF_TYPE_ROSTER, sign_roster(one))

    def certify(self, firm: str = "acme", **changes: object) -> EscrowCertificate:
        certificate = make_certificate(self.rosters[firm], **changes)  # type: ignore[arg-type]
        self.publish(pb.LEAF_TYPE_CERTIFICATE, sign_certificate(certificate))
        self.certificates[firm] = certificate
        return certificate

    def leaf(self, leaf_type: int, obj: bytes) -> pb.Leaf:
        """The leaf that the relay would make for an object now."""
        checked = self.state.check(leaf_type, obj, leaf_time_ms=self.now_ms)
        sequence = 0 if checked.conversation is None else self.state.next_sequence(checked.conversation)
        return pb.Leaf(
            type=leaf_type, conversation_tag=checked.conversation_tag or b"", conversation_sequence=sequence,
            user_tags=checked.user_tags, object_hash=checked.object_hash, relay_time_ms=self.now_ms,
            directory_sequence=self.state.numbers.next if leaf_type in NUMBERED else 0,
            text_hash=text_hash_of(leaf_type, obj),
        )  # fmt: skip

    def publish(self, leaf_type: int, obj: bytes) -> int:
        """Log an object and apply it; returns its index."""
        leaf = self.leaf(leaf_type, obj)
        index = self.log.append(encode(leaf))
        self.state.apply(index, leaf, obj)
        self.leaves.append((leaf, obj))
        return index

    def entry(self, user: str, firm: str = "acme", number: int = 1, **changes: object) -> pb.DeviceEntry:
        values: dict[str, object] = {
            "deployment": DEPLOYMENT, "firm": firm, "user": user,
            "user_salt": hashlib.sha256(f"{firm}/{user}".encode()).digest(),
            "device_key": key(f"{firm}/{user}/{number}").public, "device_name": f"laptop {number}",
            "not_before_ms": T0 - DAY, "not_after_ms": T0 + 365 * DAY, "issuer": key(f"{firm}/enid").public, **changes,
        }  # fmt: skip
        return pb.DeviceEntry(**values)  # type: ignore[arg-type]

    def enrol(self, user: str, firm: str = "acme", number: int = 1, *, prekey: bool = True) -> Member:
        """Log a device of a user, and a prekey of it."""
        self.publish(pb.LEAF_TYPE_DEVICE, issue_device_entry(key(f"{firm}/enid"), self.entry(user, firm, number)))
        device = self.state.devices_of(firm, user)[-1].device
        member = Member(key(f"{firm}/{user}/{number}"), device)
        if prekey:
            self.renew(member)
        return member

    def prekey(self, member: Member, prekey_id: int | None = None, not_after_ms: int | None = None) -> bytes:
        """A prekey of the device, not logged yet."""
        number = len(member.prekeys) + 1 if prekey_id is None else prekey_id
        expires = self.now_ms + 20 * DAY if not_after_ms is None else not_after_ms
        obj, secret = make_prekey(member.key, member.device, number, expires, self.rng)
        member.prekeys.append(secret)
        return obj

    def prekey_secret(self) -> PrekeySecret:
        """Fresh secret halves of no device."""
        return PrekeySecret(Scalar.random(self.rng), Secret(self.rng(32)))

    def escrow_scalar(self, certificate: EscrowCertificate) -> Scalar:
        """The escrow secret, which only a test interpolates."""
        outcomes, _ = ceremony(certificate.firm, certificate.roster, certificate.epoch, certificate.retention_class)
        return interpolate({index: outcomes[index].share.secret for index in (1, 2)})

    def vault_seed(self, certificate: EscrowCertificate) -> Secret:
        """The vault key's seed."""
        return hpke_seed(f"{certificate.firm}/{certificate.epoch}/{certificate.retention_class}/v")

    def renew(self, member: Member) -> int:
        return self.publish(pb.LEAF_TYPE_PREKEY, self.prekey(member))

    def statement(
        self, people: Sequence[tuple[str, str]], previous: VerifiedMembership | None = None, /, **changes: object
    ) -> pb.MembershipStatement:
        """A membership statement of these people, unsigned."""
        firms = sorted({firm for firm, _ in people})
        values: dict[str, object] = {
            "deployment": DEPLOYMENT,
            "members": [pb.Member(firm=firm, user=user, may_change=True) for firm, user in sorted(people)],
            "firms": [pb.FirmClass(firm=firm, retention_class=CLASS) for firm in firms],
            "created_ms": self.now_ms,
        }  # fmt: skip
        if previous is None:
            values["salt"] = self.rng(32)
        else:
            values |= {"conversation": previous.conversation, "sequence": previous.sequence + 1,
                       "previous": previous.statement_hash}  # fmt: skip
        return pb.MembershipStatement(**{**values, **changes})  # type: ignore[arg-type]

    def converse(self, creator: Member, *others: tuple[str, str]) -> VerifiedMembership:
        """Log the genesis of a conversation."""
        people = [(creator.device.firm, creator.device.user), *others]
        statement = self.statement(people, signer=creator.device.entry_hash)
        self.publish(pb.LEAF_TYPE_MEMBERSHIP, sign_statement(creator.key, statement))
        return next(self.state.membership(one) for one in reversed(self.state.conversations_of(*people[0])))

    def open_session(
        self, sender: Member, membership: VerifiedMembership, believes: Callable[[Facts], Facts] = lambda facts: facts
    ) -> tuple[CreatedRecord, int]:
        """Make a record by the directory's facts, or by what a relay made the sender believe; log its leaf."""
        note = self.state.verify_archive_note(self.log.note(self.now_ms))
        index = len(self.log.entries)
        facts = self.state.facts(
            conversation=membership.conversation, membership=membership.statement_hash,
            sender_device=sender.device.entry_hash, note=note, leaf_index=index, leaf_time_ms=self.now_ms,
        )  # fmt: skip
        facts = believes(facts)
        targets = [VaultTarget(key.firm, key.v_key_id, key.v_public) for key in facts.escrow]
        pending = make_reservation(
            sender.key, sender.device.entry_hash, DEPLOYMENT, targets, self.now_ms + 6 * DAY, self.rng
        )
        receipts = [
            sign_receipt(key(f"{firm}/vault"), pending.reservation_hash, v_key_id, pending.cq, vault_slot_hash(slot))
            for firm, v_key_id, slot in zip(pending.firms, pending.v_key_ids, pending.slots, strict=True)
        ]
        created = create_record(
            signing_key=sender.key, reservation=pending, receipts=receipts, facts=facts,
            not_before_ms=self.now_ms, not_after_ms=self.now_ms + HOUR, rng=self.rng,
        )  # fmt: skip
        self.log_session(membership, created.record_hash, index)
        return created, index

    def log_session(self, membership: VerifiedMembership, record_hash: bytes, index: int) -> None:
        leaf = pb.Leaf(
            type=pb.LEAF_TYPE_SESSION, conversation_tag=membership.tag, object_hash=record_hash,
            conversation_sequence=self.state.next_sequence(membership.conversation), relay_time_ms=self.now_ms,
        )  # fmt: skip
        self.state.note_leaf(index, leaf)
        self.log.append(encode(leaf))
        self.leaves.append((leaf, b""))


class Audit:
    """A firm's audit log with the texts of its statements."""

    def __init__(self, firm: str = "acme") -> None:
        self.log = Log(f"{firm}.example/audit")
        self.texts: list[bytes] = []

    def post(self, kind: str, envelope: bytes, at_ms: int) -> int:
        self.texts.append(envelope)
        return self.log.append(make_audit_leaf(parse_envelope(envelope, kind), at_ms))

    def entries(self) -> tuple[AuditEntry, ...]:
        return tuple(AuditEntry(leaf, text) for leaf, text in zip(self.log.entries, self.texts, strict=True))


class Matter:
    """A case from its filing to the package that an agent judges; change any part before `package`."""

    def __init__(self, *, roster: Roster | None = None) -> None:
        self.archive = Archive(roster=roster)
        self.roster = self.archive.rosters["acme"]
        self.archive.certify()
        self.ann, self.ben = self.archive.enrol("ann"), self.archive.enrol("ben")
        self.membership = self.archive.converse(self.ann, ("acme", "ben"))
        self.archive.now_ms += MINUTE
        self.sessions = [self.archive.open_session(self.ann, self.membership) for _ in range(2)]
        self.audit = Audit()
        self.audit.post("roster", sign_roster(self.roster), T0)
        self.filed_ms = T0 + HOUR
        self.now_ms = self.filed_ms + 2 * HOUR
        self.older_notes: list[bytes] = []
        self.case = make_case()
        self.file()

    def file(
        self,
        *,
        case: Case | None = None,
        case_by: Sequence[str] = ("acme/rita",),
        approvers: Sequence[str] = ("abel", "adah"),
        approval: dict[str, object] | None = None,
        approvals: Sequence[bytes] | None = None,
        manifest: dict[str, object] | None = None,
        manifest_by: str = "relay",
        warrant: dict[str, object] | None = None,
        warrant_by: str = "acme/escrow",
        log_warrant: bool = True,
    ) -> None:
        """Make every document again, each with what is asked for, and log the warrant."""
        self.case = case or self.case
        self.case_envelope = sign(self.case, *case_by)
        made = [sign(make_approval(self.case, name, **(approval or {})), f"acme/{name}") for name in approvers]
        self.approvals = list(made if approvals is None else approvals)
        facts = [
            self.archive.state.session_fact(
                parse_record(created.record),
                leaf_index=index,
                leaf_time_ms=self.archive.leaves[index][0].relay_time_ms,
                messages=3,
            )
            for created, index in self.sessions
        ]  # fmt: skip
        frozen = Manifest(
            case=self.case.statement_hash, sessions=tuple(freeze(self.case, facts)),
            archive_note=self.archive.log.note(self.filed_ms), created_ms=self.filed_ms,
        )  # fmt: skip
        self.manifest = replace(frozen, **(manifest or {}))  # type: ignore[arg-type]
        self.manifest_envelope = sign(self.manifest, manifest_by)
        hashes = sorted(parse_envelope(one, "approval").statement_hash for one in self.approvals)
        named = Warrant(
            case=self.case.statement_hash, approvals=tuple(hashes), manifest=self.manifest.statement_hash,
            created_ms=self.filed_ms, not_after_ms=self.filed_ms + 30 * DAY,
        )  # fmt: skip
        self.warrant = replace(named, **(warrant or {}))  # type: ignore[arg-type]
        self.warrant_envelope = sign(self.warrant, warrant_by)
        self.audit.post("case", self.case_envelope, self.filed_ms)
        for one in self.approvals:
            self.audit.post("approval", one, self.filed_ms)
        self.audit.post("manifest", self.manifest_envelope, self.filed_ms)
        if log_warrant:
            self.warrant_index = self.audit.post("warrant", self.warrant_envelope, self.filed_ms)
            self.older_notes = [self.audit.log.note(self.filed_ms + MINUTE)]

    def revoke(self, envelope: bytes) -> None:
        self.audit.post("revocation", envelope, self.now_ms - MINUTE)

    def records(self) -> list[ArchivedRecord]:
        return [
            ArchivedRecord(
                index=index, leaf=self.archive.log.entries[index], record=created.record,
                proof=self.archive.log.proof(index),
            )
            for created, index in self.sessions
        ]  # fmt: skip

    def package(self, *, records: Sequence[ArchivedRecord] | None = None) -> WarrantPackage:
        return WarrantPackage(
            warrant=self.warrant_envelope, case_statement=self.case_envelope, approvals=self.approvals,
            manifest=self.manifest_envelope, audit_note=self.audit.log.note(self.now_ms),
            audit_leaves=[
                AuditItem(index=i, leaf=one.leaf, dsse=one.statement) for i, one in enumerate(self.audit.entries())
            ],
            archive_note=self.archive.log.note(self.now_ms),
            records=self.records() if records is None else records, publication_notes=self.older_notes,
        )  # fmt: skip

    def input(self, **changes: object) -> GateInput:
        """The package as an agent takes it, with changes to any field."""
        pinned = self.archive.pinned["acme"]
        taken = GateInput.from_package(self.package(), self.archive.state, pinned_roster=pinned)
        return replace(taken, **changes)  # type: ignore[arg-type]


def make_case(**changes: object) -> Case:
    case = Case(
        matter="M-1", purpose="Suspected insider dealing", legal_basis="Art. 6(1)(c)", firm="acme", requester="gail",
        subjects=(Subject("acme", "ann"),), conversations=(), window=Window(T0, T0 + DAY), retention_class="",
        created_ms=T0 + HOUR, expires_ms=T0 + 30 * DAY, hpke_public=hpke("case").public().encode(),
    )  # fmt: skip
    return replace(case, **changes)  # type: ignore[arg-type]


def make_approval(case: Case, approver: str, /, **changes: object) -> Approval:
    approval = Approval(case.statement_hash, approver, "justified", T0 + HOUR, T0 + 20 * DAY)
    return replace(approval, **changes)  # type: ignore[arg-type]
