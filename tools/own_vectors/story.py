"""Two firms, four devices, one conversation: what all files of vectors speak of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from own_vectors.ceremony_run import CLASS, CeremonyRun
from own_vectors.form import Stream
from own_vectors.sealed import SealedParts
from tapeline.base.secret import Secret
from tapeline.base.times import DAY, MINUTE, SECOND
from tapeline.crypto.ceremony import vault_key_id
from tapeline.crypto.device import EnrollerView, VerifiedDevice, issue_device_entry, verify_device_entry
from tapeline.crypto.group import Point
from tapeline.crypto.hpke_open import HpkePrivate
from tapeline.crypto.membership import VerifiedMembership, sign_statement, verify_statement
from tapeline.crypto.prekey import VerifiedPrekey, verify_prekey
from tapeline.crypto.prekey_secret import PrekeySecret, make_prekey
from tapeline.crypto.record.facts import DeviceFact, EscrowFact, Facts, PrekeyFact
from tapeline.crypto.signing import SigningKey
from tapeline.crypto.wire import encode
from tapeline.transparency.checkpoint import Checkpoint
from tapeline.transparency.cosignature import Cosigner
from tapeline.transparency.note import Note, NoteSigner
from tapeline.wire.v1 import objects_pb2 as pb

T0 = 1_800_000_000_000
NOTE_SIZE, LEAF_INDEX, DIRECTORY_LEAVES = 100, 120, 30
ORIGIN = "archive.example"
CUSTODIANS = {"acme": (("carl", "cleo", "cyra"), 2), "bolt": (("bart", "bess"), 2)}


@dataclass
class Firm:
    """A firm's keys, of which no party of the real world holds more than one."""

    name: str
    enroller: SigningKey
    vault_signer: SigningKey
    vault: HpkePrivate
    ceremony: CeremonyRun

    @property
    def v_key_id(self) -> bytes:
        """H("vault-key", V, escrow key id)."""
        return vault_key_id(self.vault.public().encode(), self.ceremony.key_id)

    def fact(self) -> EscrowFact:
        """The escrow key as the directory states it."""
        return EscrowFact(
            firm=self.name, key_id=self.ceremony.key_id, point=Point.decode(self.ceremony.escrow_key),
            v_key_id=self.v_key_id, v_public=self.vault.public(), retention_class=CLASS, epoch=1,
            active_from_ms=T0 - DAY, not_after_ms=T0 + 365 * DAY, certificate_hash=bytes(64), leaf_index=3,
            superseded=False, revoked_index=None, vault_signer=self.vault_signer.public,
        )  # fmt: skip


@dataclass
class Device:
    """A device with its secrets and its objects."""

    name: str
    key: SigningKey
    entry: bytes
    verified: VerifiedDevice
    prekey_object: bytes
    prekey: VerifiedPrekey
    secret: PrekeySecret

    @property
    def fact(self) -> DeviceFact:
        """The device as the directory states it."""
        return DeviceFact(self.verified, 10, (PrekeyFact(self.prekey, 20, None),), None)


class Story:
    """Everything that is fixed by the seeds; `sealed` holds what is not. `alone` is ann's conversation with herself."""

    def __init__(self, sealed: SealedParts) -> None:
        self.sealed = sealed
        self.rng = rng = Stream("story")
        self.deployment = rng(32)
        self.firms = {name: self._firm(name, *who) for name, who in CUSTODIANS.items()}
        salts = {user: rng(32) for user in ("ann", "ben", "cora")}
        rows = (("acme", "ann", 1), ("acme", "ben", 1), ("acme", "ben", 2), ("bolt", "cora", 1))
        self.devices = {f"{user}-{n}": self._device(firm, user, n, salts[user]) for firm, user, n in rows}
        self.log = NoteSigner(ORIGIN, Secret(rng(32)))
        self.witnesses = [Cosigner(f"w{n}.example/witness", Secret(rng(32))) for n in range(1, 5)]
        self.genesis = self._statement([("acme", "ann"), ("acme", "ben"), ("bolt", "cora")])
        self.alone = self._statement([("acme", "ann")])
        self.note = self._note(rng(32))

    def _firm(self, name: str, custodians: tuple[str, ...], threshold: int) -> Firm:
        keys = [SigningKey.generate(self.rng) for _ in range(2)]
        ceremony = CeremonyRun(self.deployment, name, custodians, threshold)
        return Firm(name, keys[0], keys[1], HpkePrivate.generate(self.rng), ceremony)

    def _device(self, firm: str, user: str, number: int, salt: bytes) -> Device:
        key, enroller = SigningKey.generate(self.rng), self.firms[firm].enroller
        entry = pb.DeviceEntry(
            deployment=self.deployment, firm=firm, user=user, user_salt=salt, device_key=key.public,
            device_name=f"laptop {number}", not_before_ms=T0 - 10 * DAY, not_after_ms=T0 + 365 * DAY,
            issuer=enroller.public,
        )  # fmt: skip
        signed = issue_device_entry(enroller, entry)
        verified = verify_device_entry(signed, EnrollerView(self.deployment, firm, enroller.public))
        prekey, secret = make_prekey(key, verified, 1, T0 + 20 * DAY, self.rng)
        return Device(f"{user}-{number}", key, signed, verified, prekey, verify_prekey(prekey, verified), secret)

    def _statement(self, people: Sequence[tuple[str, str]]) -> bytes:
        statement = pb.MembershipStatement(
            deployment=self.deployment, salt=self.rng(32), created_ms=T0 - DAY,
            members=[pb.Member(firm=firm, user=user, may_change=user == "ann") for firm, user in people],
            firms=[pb.FirmClass(firm=firm, retention_class=CLASS) for firm in sorted({firm for firm, _ in people})],
            signer=self.ann.verified.entry_hash,
        )  # fmt: skip
        return sign_statement(self.ann.key, statement)

    @property
    def ann(self) -> Device:
        """The device that sends everything."""
        return self.devices["ann-1"]

    def membership(self, statement: bytes) -> VerifiedMembership:
        """Return a genesis as verified."""
        return verify_statement(statement, signer_key=self.ann.key.public, previous=None)

    @cached_property
    def successor(self) -> bytes:
        """The statement after the genesis: cora leaves, and bolt with her."""
        before = self.membership(self.genesis)
        statement = pb.MembershipStatement(
            deployment=self.deployment, conversation=before.conversation, sequence=1, previous=before.statement_hash,
            members=[pb.Member(firm="acme", user=user, may_change=user == "ann") for user in ("ann", "ben")],
            firms=[pb.FirmClass(firm="acme", retention_class=CLASS)],
            signer=self.ann.verified.entry_hash, created_ms=T0 + DAY,
        )  # fmt: skip
        return sign_statement(self.ann.key, statement)

    def _note(self, root: bytes) -> bytes:
        """Return the archive's note, cosigned by four witnesses: of an even number the lower median counts."""
        text = Checkpoint(ORIGIN, NOTE_SIZE, root).encode()
        seconds = [T0 // SECOND + offset for offset in (60, -45, 0, 30)]
        cosigned = [one.cosign(text, time) for one, time in zip(self.witnesses, seconds, strict=True)]
        return Note(text, (self.log.sign(text), *cosigned)).encode()

    def facts(self, statement: bytes) -> Facts:
        """Return what the directory would state for a record of this conversation."""
        membership = self.membership(statement)
        firms = {firm for firm, _ in membership.firms}
        return Facts(
            deployment=self.deployment, archive_note=self.note, note_size=NOTE_SIZE, note_time_ms=T0,
            directory_leaves=DIRECTORY_LEAVES,
            leaf_index=LEAF_INDEX, leaf_time_ms=T0 + MINUTE, membership=membership, membership_leaf_index=50,
            newest_membership=membership.statement_hash, sender=self.ann.fact,
            devices=tuple(one.fact for one in self.devices.values() if one.fact.person in membership.people),
            escrow=tuple(firm.fact() for firm in self.firms.values() if firm.name in firms),
        )  # fmt: skip


def body_of(obj: bytes) -> bytes:
    """Return the body of SignedObject bytes."""
    return pb.SignedObject.FromString(obj).body


def resigned(key: SigningKey, kind: str, body: bytes) -> bytes:
    """Return SignedObject bytes of any body."""
    return encode(pb.SignedObject(body=body, signature=key.sign(kind, body)))
