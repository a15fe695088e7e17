"""A whole deployment in memory, honest by default: both logs with everything in them, written out as a copy.

Every object is made by the real code of its party; only the network and the databases are left out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from dkg_kit import Table
from record_kit import SeededRng

from tapeline.audit.report import Report
from tapeline.base.secret import Secret
from tapeline.base.times import DAY, HOUR, SECOND
from tapeline.cli.copyfolder import FolderLog, write_pins
from tapeline.crypto.ack import sign_ack
from tapeline.crypto.cocktail.certificate import sign_transcript
from tapeline.crypto.device import EnrollerView, VerifiedDevice, issue_device_entry, verify_device_entry
from tapeline.crypto.hpke_open import HpkePrivate
from tapeline.crypto.ids import object_hash
from tapeline.crypto.limits import RESERVATION_ASK_MS
from tapeline.crypto.membership import sign_statement
from tapeline.crypto.message.chain import SendingChain
from tapeline.crypto.prekey_secret import make_prekey
from tapeline.crypto.receipt import sign_receipt, vault_slot_hash
from tapeline.crypto.record.facts import Facts
from tapeline.crypto.record.parse import parse_record
from tapeline.crypto.record.seal import create_record
from tapeline.crypto.reservation import VaultTarget, make_reservation
from tapeline.crypto.signing import SigningKey
from tapeline.crypto.wire import encode
from tapeline.directory.checked import NUMBERED, text_hash_of
from tapeline.directory.state import DirectoryState
from tapeline.governance.approval import Approval
from tapeline.governance.auditleaf import make_audit_leaf, text_hash
from tapeline.governance.case import Case, Subject, Window
from tapeline.governance.certificate import CertifiedCustodian, EscrowCertificate
from tapeline.governance.complaint import complaint_text, sign_complaint
from tapeline.governance.dsse import Signer, parse_envelope, signer
from tapeline.governance.manifest import Manifest, ManifestSession
from tapeline.governance.person import Person, Witness
from tapeline.governance.release import Release, VaultRelease
from tapeline.governance.roster import Roster, Thresholds, WitnessQuorum
from tapeline.governance.scope import freeze
from tapeline.governance.statement import Statement
from tapeline.governance.warrant import Warrant
from tapeline.transparency.checkpoint import Checkpoint
from tapeline.transparency.cosignature import Cosigner
from tapeline.transparency.merkle import leaf_hash, root_of
from tapeline.transparency.note import Note, NoteSigner
from tapeline.transparency.tiles import ENTRIES, TILE_WIDTH, TileId, encode_bundle, grow
from tapeline.wire.v1 import objects_pb2 as pb

START = 1_800_000_000_000
FIRM = "acme"
CLASS = "five-years"
PEOPLE = {
    "officer": ("officer", ""),
    "enroller": ("enroller", ""),
    "custodian-1": ("custodian", "floor"),
    "custodian-2": ("custodian", "works council"),
    "custodian-3": ("custodian", "outside"),
    "approver-1": ("approver", "legal"),
    "approver-2": ("approver", "works council"),
    "reviewer": ("reviewer", ""),
}


class MemoryLog:
    """A log's entries and objects, with the keys of the log and of two witnesses."""

    def __init__(self, origin: str, rng: SeededRng, witnesses: Sequence[Cosigner]) -> None:
        self.signer = NoteSigner(origin, Secret(rng(32)))
        self.witnesses = witnesses
        self.entries: list[bytes] = []
        self.objects: dict[bytes, bytes] = {}

    def sign(self, text: bytes, time_ms: int) -> bytes:
        cosignatures = [witness.cosign(text, time_ms // SECOND) for witness in self.witnesses]
        return Note(text, (self.signer.sign(text), *cosignatures)).encode()

    def note(self, time_ms: int) -> bytes:
        root = root_of(map(leaf_hash, self.entries))
        return self.sign(Checkpoint(self.signer.key.name, len(self.entries), root).encode(), time_ms)

    def write(self, folder: FolderLog, time_ms: int) -> None:
        for tile, data in grow(_NoTiles(), 0, list(map(leaf_hash, self.entries))):
            folder.write_tile(tile, data)
        for start in range(0, len(self.entries), TILE_WIDTH):
            chunk = self.entries[start : start + TILE_WIDTH]
            folder.write_tile(TileId(ENTRIES, start // TILE_WIDTH, len(chunk)), encode_bundle(chunk))
        for digest, data in self.objects.items():
            folder.write_object(digest, data)
        folder.write_note(self.note(time_ms))


class _NoTiles:
    def read_tile(self, level: int, index: int, width: int) -> bytes:
        raise AssertionError("a log from nothing reads no tile")


@dataclass
class User:
    name: str
    key: SigningKey
    device: VerifiedDevice


@dataclass
class Talk:
    """An open session: the sender's chain and its record."""

    conversation: bytes
    record_hash: bytes
    chain: SendingChain
    messages: list[bytes] = field(default_factory=list)


class Deployment:
    """A firm with its people, logs, keys and users."""

    def __init__(self, seed: str = "deployment") -> None:
        self.rng = SeededRng(seed)
        self.now = START
        self.deployment = self.rng(32)
        self.keys = {name: SigningKey.generate(self.rng) for name in PEOPLE}
        self.services = {name: SigningKey.generate(self.rng) for name in ("relay", "escrow", "vault")}
        self.vault = HpkePrivate.generate(self.rng)
        self.witnesses = [Cosigner(f"{name}.example/w", Secret(self.rng(32))) for name in ("inside", "outside")]
        self.archive = MemoryLog("acme.example/archive", self.rng, self.witnesses)
        self.audit = MemoryLog("acme.example/audit", self.rng, self.witnesses)
        self.roster = self._roster()
        self.state = DirectoryState(pinned_rosters={FIRM: self.roster.statement_hash})
        self.sequences: dict[bytes, int] = {}
        self.users: dict[str, User] = {}
        self.warrant_leaf = b""
        self.publish(self.roster, "officer")
        self.certificate = self._certificate()
        self.publish(self.certificate, "officer", "custodian-1", "custodian-2", "custodian-3")

    def tick(self, ms: int = SECOND) -> int:
        self.now += ms
        return self.now

    # --- the two logs ---

    def publish(self, statement: Statement, *people: str, keys: Sequence[Signer] = (), mirror: bool = True) -> bytes:
        """Sign a statement, log it, and mirror it where it is one of the directory; return the leaf's hash."""
        raw = statement.sign([*(signer(self.keys[name]) for name in people), *keys])
        leaf = make_audit_leaf(parse_envelope(raw, statement.kind), self.tick())
        self.audit.entries.append(leaf)
        self.audit.objects[statement.statement_hash] = raw
        mirrored = {"roster": pb.LEAF_TYPE_ROSTER, "escrow-key": pb.LEAF_TYPE_CERTIFICATE,
                    "revocation": pb.LEAF_TYPE_REVOCATION}  # fmt: skip
        if mirror and statement.kind in mirrored:
            self.directory(mirrored[statement.kind], raw, statement.statement_hash)
        return leaf_hash(leaf)

    def directory(self, leaf_type: int, obj: bytes, digest: bytes) -> None:
        """Log an object of the directory."""
        checked = self.state.check(leaf_type, obj, leaf_time_ms=self.tick())
        tag = checked.conversation_tag or b""
        leaf = pb.Leaf(
            type=leaf_type, object_hash=digest, conversation_tag=tag, user_tags=checked.user_tags,
            conversation_sequence=self._next(tag) if tag else 0, relay_time_ms=self.now,
            directory_sequence=self.state.numbers.next if leaf_type in NUMBERED else 0,
            text_hash=text_hash_of(leaf_type, obj),
        )  # fmt: skip
        self.state.apply(self._append(leaf, digest, obj), leaf, obj)

    def leaf(self, leaf_type: int, obj: bytes, digest: bytes, conversation: bytes) -> int:
        """Log a session or a message."""
        tag = self.state.membership(conversation).tag
        leaf = pb.Leaf(
            type=leaf_type, object_hash=digest, conversation_tag=tag, conversation_sequence=self._next(tag),
            relay_time_ms=self.tick(),
        )  # fmt: skip
        index = self._append(leaf, digest, obj)
        self.state.note_leaf(index, leaf)
        return index

    def _append(self, leaf: pb.Leaf, digest: bytes, obj: bytes) -> int:
        self.archive.entries.append(encode(leaf))
        self.archive.objects[digest] = obj
        return len(self.archive.entries) - 1

    def _next(self, tag: bytes) -> int:
        number = self.sequences.get(tag, 0)
        self.sequences[tag] = number + 1
        return number

    # --- people, devices, conversations ---

    def _roster(self) -> Roster:
        people = tuple(
            Person(name, name, frozenset({role}), group, self.keys[name].public)
            for name, (role, group) in PEOPLE.items()
        )
        witnesses = tuple(
            Witness(name, one.key.encode(), "", name)
            for name, one in zip(("inside", "outside"), self.witnesses, strict=True)
        )
        return Roster(
            deployment=self.deployment, organisation=FIRM, version=1, expires_ms=START + 365 * DAY, previous=b"",
            people=people, thresholds=Thresholds(1, 2, 2), witnesses=witnesses, witness_quorum=WitnessQuorum(2, 1),
            archive_log=self.archive.signer.key.encode(), relay_key=self.services["relay"].public,
            audit_log=self.audit.signer.key.encode(), escrow_key=self.services["escrow"].public,
            vault_key=self.services["vault"].public, classes=(CLASS,), default_class=CLASS, publication_delay_ms=0,
        )  # fmt: skip

    def _certificate(self) -> EscrowCertificate:
        from tapeline.crypto.ceremony import escrow_key_id, vault_key_id

        table = Table(2, 3)
        outcomes = table.outcomes()
        transcript = outcomes[1].transcript
        key_id = escrow_key_id(transcript.group_key, transcript.digest())
        v_public = self.vault.public().encode()
        custodians = tuple(
            CertifiedCustodian(
                id=f"custodian-{index}", index=index,
                verification_share=transcript.verification_shares()[index - 1].encode(),
                host_public=table.host_secrets[index].base_mul().encode(),
                success_signature=sign_transcript(table.host_secrets[index], transcript), activation_hash=bytes(64),
            )
            for index in (1, 2, 3)
        )  # fmt: skip
        return EscrowCertificate(
            deployment=self.deployment, firm=FIRM, epoch=1, retention_class=CLASS, threshold=2,
            roster=self.roster.statement_hash, custodians=custodians, escrow_key=transcript.group_key.encode(),
            transcript=transcript.encode(), escrow_key_id=key_id, v_public=v_public,
            v_key_id=vault_key_id(v_public, key_id), active_from_ms=START, not_after_ms=START + 365 * DAY,
        )  # fmt: skip

    def enrol(self, name: str) -> User:
        key, enroller = SigningKey.generate(self.rng), self.keys["enroller"]
        entry = pb.DeviceEntry(
            deployment=self.deployment, firm=FIRM, user=name, user_salt=self.rng(32), device_key=key.public,
            device_name="desk", not_before_ms=self.now - HOUR, not_after_ms=self.now + 90 * DAY,
            issuer=enroller.public,
        )  # fmt: skip
        obj = issue_device_entry(enroller, entry)
        device = verify_device_entry(obj, EnrollerView(self.deployment, FIRM, enroller.public))
        self.directory(pb.LEAF_TYPE_DEVICE, obj, device.entry_hash)
        prekey, _ = make_prekey(key, device, 1, self.now + 20 * DAY, self.rng)
        self.directory(pb.LEAF_TYPE_PREKEY, prekey, object_hash("prekey", pb.SignedObject.FromString(prekey).body))
        self.users[name] = User(name, key, device)
        return self.users[name]

    def converse(self, *names: str) -> bytes:
        creator = self.users[names[0]]
        statement = pb.MembershipStatement(
            deployment=self.deployment, salt=self.rng(32), signer=creator.device.entry_hash, created_ms=self.now,
            members=[pb.Member(firm=FIRM, user=name, may_change=True) for name in sorted(names)],
            firms=[pb.FirmClass(firm=FIRM, retention_class=CLASS)],
        )  # fmt: skip
        obj = sign_statement(creator.key, statement)
        digest = object_hash("membership", pb.SignedObject.FromString(obj).body)
        self.directory(pb.LEAF_TYPE_MEMBERSHIP, obj, digest)
        found = self.state.conversation_by_tag(pb.Leaf.FromString(self.archive.entries[-1]).conversation_tag)
        assert found is not None
        return found

    # --- sessions and messages ---

    def facts(self, user: User, conversation: bytes) -> Facts:
        note = self.state.verify_archive_note(self.archive.note(self.now))
        return self.state.facts(
            conversation=conversation, membership=self.state.membership(conversation).statement_hash,
            sender_device=user.device.entry_hash, note=note, leaf_index=len(self.archive.entries),
            leaf_time_ms=self.now + SECOND,
        )  # fmt: skip

    def open(
        self,
        name: str,
        conversation: bytes,
        spoil: Callable[[bytes], bytes] = lambda record: record,
        believes: Callable[[Facts], Facts] = lambda facts: facts,
    ) -> Talk:
        """Open a session; `spoil` may change the record before the (dishonest) relay logs it.

        `believes` is what that relay made the sender take for the directory.
        """
        user, certificate = self.users[name], self.certificate
        target = VaultTarget(FIRM, certificate.v_key_id, self.vault.public())
        pending = make_reservation(
            user.key, user.device.entry_hash, self.deployment, [target], self.now + RESERVATION_ASK_MS, self.rng
        )
        slot_hash = vault_slot_hash(pending.slots[0])
        receipt = sign_receipt(
            self.services["vault"], pending.reservation_hash, certificate.v_key_id, pending.cq, slot_hash
        )
        made = create_record(
            signing_key=user.key, reservation=pending, receipts=[receipt],
            facts=believes(self.facts(user, conversation)),
            not_before_ms=self.now, not_after_ms=self.now + HOUR, rng=self.rng,
        )  # fmt: skip
        record = spoil(made.record)
        digest = parse_record(record).record_hash
        self.leaf(pb.LEAF_TYPE_SESSION, record, digest, conversation)
        return Talk(conversation, digest, SendingChain(made.root, made.record_hash, user.key))

    def say(self, talk: Talk, text: str) -> bytes:
        content = encode(pb.Leaf(object_hash=text.encode()))  # any bytes: the auditor opens nothing
        sealed = talk.chain.seal(content, client_time_ms=self.now, newest_leaf=len(self.archive.entries) - 1)
        self.leaf(pb.LEAF_TYPE_MESSAGE, sealed.message, sealed.message_hash, talk.conversation)
        talk.messages.append(sealed.message_hash)
        return sealed.message_hash

    def complain(self, name: str, *, rule: str = "REC-9", **fields: object) -> bytes:
        """A device signs a complaint, and the escrow service logs it; return the complaint's hash."""
        user = self.users[name]
        body = pb.Complaint(
            deployment=self.deployment, device_entry=user.device.entry_hash, rule=rule, time_ms=self.now,
            **fields,  # type: ignore[arg-type]
        )  # fmt: skip
        text = complaint_text(sign_complaint(user.key, body), self.archive.objects[user.device.entry_hash])
        digest = object_hash("complaint", encode(body))
        leaf = pb.AuditLeaf(kind="complaint", statement_hash=digest, time_ms=self.tick(), text_hash=text_hash(text))
        self.audit.entries.append(encode(leaf))
        self.audit.objects[digest] = text
        return digest

    def acknowledge(self, index: int, leaf: bytes) -> pb.Ack:
        """The relay's signed word that a leaf has an index."""
        signature = sign_ack(self.services["relay"], self.archive.signer.key.name, index, leaf)
        return pb.Ack(index=index, leaf=leaf, signature=signature)

    # --- review ---

    def file_case(self, subjects: Sequence[str], conversations: Sequence[bytes] = (), **changes: object) -> Case:
        values: dict[str, object] = {
            "matter": "matter 7", "purpose": "a complaint", "legal_basis": "policy 3", "firm": FIRM,
            "requester": "reviewer", "subjects": tuple(Subject(FIRM, name) for name in subjects),
            "conversations": tuple(conversations), "window": Window(START, self.now + HOUR), "retention_class": "",
            "created_ms": self.now, "expires_ms": self.now + DAY,
            "hpke_public": HpkePrivate.generate(self.rng).public().encode(),
        }  # fmt: skip
        case = Case(**{**values, **changes})  # type: ignore[arg-type]
        self.publish(case, "reviewer")
        return case

    def approve(self, case: Case, *approvers: str) -> list[Approval]:
        approvals = [Approval(case.statement_hash, name, "yes", self.now, self.now + DAY) for name in approvers]
        for name, approval in zip(approvers, approvals, strict=True):
            self.publish(approval, name)
        return approvals

    def manifest(self, case: Case, change: Callable[[list[ManifestSession]], None] = lambda rows: None) -> Manifest:
        note = self.archive.note(self.now)
        rows = freeze(case, self._session_facts(case))
        change(rows)
        manifest = Manifest(case.statement_hash, tuple(rows), note, self.now)
        self.publish(manifest, keys=[signer(self.services["relay"])])
        return manifest

    def _session_facts(self, case: Case):
        messages = [
            (pb.Leaf.FromString(entry), self.archive.objects[pb.Leaf.FromString(entry).object_hash])
            for entry in self.archive.entries
            if pb.Leaf.FromString(entry).type == pb.LEAF_TYPE_MESSAGE
        ]
        for index, entry in enumerate(self.archive.entries):
            leaf = pb.Leaf.FromString(entry)
            if leaf.type != pb.LEAF_TYPE_SESSION:
                continue
            count = sum(
                pb.MessageHeader.FromString(pb.Message.FromString(obj).header).record_hash == leaf.object_hash
                and case.window.from_ms <= one.relay_time_ms <= case.window.to_ms
                for one, obj in messages
            )
            record = parse_record(self.archive.objects[leaf.object_hash])
            yield self.state.session_fact(record, leaf_index=index, leaf_time_ms=leaf.relay_time_ms, messages=count)

    def warrant(self, case: Case, approvals: Sequence[Approval], manifest: Manifest, **changes: object) -> Warrant:
        values: dict[str, object] = {
            "case": case.statement_hash, "approvals": tuple(sorted(one.statement_hash for one in approvals)),
            "manifest": manifest.statement_hash, "created_ms": self.now, "not_after_ms": self.now + DAY,
        }  # fmt: skip
        warrant = Warrant(**{**values, **changes})  # type: ignore[arg-type]
        self.warrant_leaf = self.publish(warrant, keys=[signer(self.services["escrow"])])
        return warrant

    def release(self, case: Case, records: Sequence[bytes], custodian: str, bundle: bytes = bytes(64)) -> Release:
        release = Release(self.warrant_leaf, case.statement_hash, 1, tuple(sorted(records)), bundle, custodian)
        self.publish(release, custodian)
        return release

    def vault_release(self, case: Case, records: Sequence[bytes]) -> None:
        release = VaultRelease(self.warrant_leaf, case.statement_hash, 1, tuple(sorted(records)), bytes(64))
        self.publish(release, keys=[signer(self.services["vault"])])

    # --- the copy ---

    def write(self, folder: Path) -> Path:
        self.audit.write(FolderLog(folder / "audit"), self.tick())
        self.archive.write(FolderLog(folder / "archive"), self.tick())
        write_pins(folder, {FIRM: self.roster.statement_hash})
        return folder


def busy_deployment(seed: str = "busy") -> Deployment:
    """Return a deployment with two conversations, four sessions, 13 messages and one review with three releases."""
    world = Deployment(seed)
    for name in ("ann", "ben", "cora"):
        world.enrol(name)
    group, pair = world.converse("ann", "ben", "cora"), world.converse("ann", "ben")
    talks = [world.open("ann", group), world.open("ben", group), world.open("ann", pair)]
    for round_ in range(4):
        for talk in talks:
            world.say(talk, f"word {round_}")
    late = world.open("cora", group)
    world.say(late, "last word")
    case = world.file_case(["ann"], [group])
    approvals = world.approve(case, "approver-1", "approver-2")
    manifest = world.manifest(case)
    world.warrant(case, approvals, manifest)
    records = [row.record_hash for row in manifest.sessions]
    for custodian in ("custodian-1", "custodian-2"):
        world.release(case, records, custodian)
    world.vault_release(case, records)
    return world


Audit = Callable[[Deployment], Report]
"""Writes a deployment out and audits the copy: the fixture `audited`."""
