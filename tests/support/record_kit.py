"""A small world of firms, people, devices and escrow keys, and a modified client that can make any record in it.

Keys are drawn from a seeded generator; escrow keys come from known scalars, so that tests can open escrow's row.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from tapeline.base.rules import Refused, Rule
from tapeline.base.secret import Secret
from tapeline.base.times import DAY, HOUR, MINUTE
from tapeline.crypto.device import EnrollerView, VerifiedDevice, issue_device_entry, verify_device_entry
from tapeline.crypto.group import B_HAT, Point, Scalar
from tapeline.crypto.hpke import seal
from tapeline.crypto.hpke_open import HpkePrivate
from tapeline.crypto.ids import object_hash
from tapeline.crypto.limits import RESERVATION_ASK_MS, SHARD_ROWS
from tapeline.crypto.membership import VerifiedMembership, sign_statement, verify_statement
from tapeline.crypto.prekey import VerifiedPrekey, verify_prekey
from tapeline.crypto.prekey_secret import PrekeySecret, make_prekey
from tapeline.crypto.receipt import sign_receipt, vault_slot_hash
from tapeline.crypto.record.current import recipients
from tapeline.crypto.record.encode import encode_escrow_row, encode_shard
from tapeline.crypto.record.facts import DeviceFact, EscrowFact, Facts, PrekeyFact
from tapeline.crypto.record.parse import ParsedView, parse_record, parse_view
from tapeline.crypto.record.proof import Statement
from tapeline.crypto.record.prove import prove
from tapeline.crypto.record.rows import Bound, EscrowRow, Row, Shard, slot_hash, slot_info
from tapeline.crypto.record.seal import CreatedRecord, create_record
from tapeline.crypto.record.verify import verify_record
from tapeline.crypto.record.view import view_for
from tapeline.crypto.reservation import PendingReservation, VaultTarget, make_reservation
from tapeline.crypto.signing import SigningKey
from tapeline.crypto.vault_open import open_vault_slot
from tapeline.crypto.wire import encode
from tapeline.wire.v1 import objects_pb2 as pb

T0 = 1_800_000_000_000
"""τ of the facts; the leaf lies one minute later."""
NOTE = b"archive.example\n100\nroot\n\n(a cosigned note)\n"
NOTE_SIZE = 100
DIRECTORY_LEAVES = 30
LEAF_INDEX = 120
CLASS = "five-years"


class SeededRng:
    """A generator that gives the same bytes for the same seed."""

    def __init__(self, seed: str) -> None:
        self._seed, self._count = seed.encode(), 0

    def __call__(self, count: int) -> bytes:
        self._count += 1
        return hashlib.shake_256(self._seed + self._count.to_bytes(8, "big")).digest(count)


@dataclass
class Escrow:
    """One firm's escrow scalar and vault keys, which no party of the real world holds at once."""

    firm: str
    scalar: Scalar
    vault: HpkePrivate
    signer: SigningKey
    key_id: bytes
    v_key_id: bytes

    def fact(self) -> EscrowFact:
        return EscrowFact(
            firm=self.firm, key_id=self.key_id, point=self.scalar.base_mul(), v_key_id=self.v_key_id,
            v_public=self.vault.public(), retention_class=CLASS, epoch=1, active_from_ms=T0 - DAY,
            not_after_ms=T0 + 365 * DAY, certificate_hash=bytes(64), leaf_index=3, superseded=False,
            revoked_index=None, vault_signer=self.signer.public,
        )  # fmt: skip


@dataclass
class Device:
    """One device with its secrets and its fact."""

    key: SigningKey
    fact: DeviceFact
    secret: PrekeySecret

    @property
    def entry(self) -> VerifiedDevice:
        return self.fact.device

    @property
    def prekey(self) -> VerifiedPrekey:
        return self.fact.prekeys[0].prekey


@dataclass
class Draft:
    """A record in the making by a modified client: change any part, then `finish`."""

    context: pb.Context
    cq: bytes
    reservation: bytes
    receipts: list[bytes]
    m: Point
    r: Scalar
    q: Secret
    escrow_rows: list[EscrowRow]
    rows: list[Row]
    slots: list[bytes]
    vault_slots: list[bytes]
    c0: Point | None = None
    c0_hat: Point | None = None

    def shards(self) -> list[Shard]:
        """Cut the rows as they stand."""
        cuts = range(0, max(len(self.rows), 1), SHARD_ROWS)
        hashes = [slot_hash(slot) for slot in self.slots]
        return [
            Shard(n, tuple(self.rows[at : at + SHARD_ROWS]), tuple(hashes[at : at + SHARD_ROWS]))
            for n, at in enumerate(cuts)
        ]

    def finish(
        self,
        key: SigningKey,
        rng: SeededRng,
        *,
        shards: Sequence[Shard] | None = None,
        proofs: Sequence[bytes] | None = None,
        edit: Callable[[pb.SessionHeader], None] | None = None,
    ) -> bytes:
        """Prove, hash and sign what stands here; `edit` changes the header after it was signed."""
        shards = self.shards() if shards is None else shards
        context = encode(self.context)
        c0, c0_hat = self.c0 or self.r.base_mul(), self.c0_hat or B_HAT.mul(self.r)
        shard_hashes = [shard.shard_hash() for shard in shards]
        bound = Bound.of(context, self.cq, self.receipts, self.escrow_rows, shard_hashes)
        if proofs is None:
            proofs = [
                prove(Statement(bound.label(), c0, c0_hat, self.escrow_rows, shard.rows), self.r, rng)
                for shard in shards
            ]
        header = pb.SessionHeader(
            context=context,
            cq=self.cq,
            reservation=pb.SignedObject.FromString(self.reservation),
            receipts=[pb.SignedObject.FromString(receipt) for receipt in self.receipts],
            c0=c0.encode(),
            c0_hat=c0_hat.encode(),
            escrow_rows=[encode_escrow_row(row) for row in self.escrow_rows],
            shard_hashes=shard_hashes,
            proofs=proofs,
            signature=key.sign("record", bound.record_hash(c0, c0_hat, proofs)),
        )
        if edit:
            edit(header)
        return encode(
            pb.SessionRecord(
                header=encode(header),
                shards=[encode_shard(shard) for shard in shards],
                vault_slots=self.vault_slots,
                device_slots=self.slots,
            )
        )


@dataclass
class World:
    """Firms with their escrow keys, people with their devices, one conversation, and the facts of it all."""

    rng: SeededRng
    deployment: bytes
    escrow: dict[str, Escrow]
    devices: list[Device]
    membership: VerifiedMembership
    enrollers: dict[str, SigningKey] = field(default_factory=dict)

    @property
    def sender(self) -> Device:
        return self.devices[0]

    @property
    def others(self) -> list[Device]:
        return self.devices[1:]

    def facts(self, **changes: object) -> Facts:
        facts = Facts(
            deployment=self.deployment, archive_note=NOTE, note_size=NOTE_SIZE, note_time_ms=T0,
            directory_leaves=DIRECTORY_LEAVES,
            leaf_index=LEAF_INDEX, leaf_time_ms=T0 + MINUTE, membership=self.membership, membership_leaf_index=50,
            newest_membership=self.membership.statement_hash, sender=self.sender.fact,
            devices=tuple(device.fact for device in self.devices),
            escrow=tuple(escrow.fact() for escrow in self.escrow.values()),
        )  # fmt: skip
        return replace(facts, **changes)  # type: ignore[arg-type]

    def with_device(self, position: int, **changes: object) -> Facts:
        """Return facts in which one device's fact differs."""
        devices = [device.fact for device in self.devices]
        devices[position] = replace(devices[position], **changes)  # type: ignore[arg-type]
        return self.facts(devices=tuple(devices), sender=devices[0])

    def with_escrow(self, firm: str, **changes: object) -> Facts:
        """Return facts in which one firm's escrow key differs."""
        facts = [escrow.fact() for escrow in self.escrow.values()]
        changed = [replace(fact, **changes) if fact.firm == firm else fact for fact in facts]  # type: ignore[arg-type]
        return self.facts(escrow=tuple(changed))

    def reserve(self, expires_ms: int = T0 + RESERVATION_ASK_MS) -> PendingReservation:
        targets = [VaultTarget(one.firm, one.v_key_id, one.vault.public()) for one in self.escrow.values()]
        return make_reservation(
            self.sender.key, self.sender.entry.entry_hash, self.deployment, targets, expires_ms, self.rng
        )

    def receipts(self, pending: PendingReservation) -> list[bytes]:
        """Let every vault open its slot and sign, as the vault does."""
        return [self.receipt(firm, pending, slot) for firm, slot in zip(pending.firms, pending.slots, strict=True)]

    def receipt(self, firm: str, pending: PendingReservation, slot: bytes) -> bytes:
        vault = self.escrow[firm]
        open_vault_slot(vault.vault, vault.v_key_id, pending.reservation_hash, slot, pending.cq)
        return sign_receipt(vault.signer, pending.reservation_hash, vault.v_key_id, pending.cq, vault_slot_hash(slot))

    def create(self, facts: Facts | None = None, pending: PendingReservation | None = None) -> CreatedRecord:
        """Make a record as the SDK does."""
        pending = pending or self.reserve()
        return create_record(
            signing_key=self.sender.key, reservation=pending, receipts=self.receipts(pending),
            facts=facts or self.facts(), not_before_ms=T0 + MINUTE, not_after_ms=T0 + HOUR, rng=self.rng,
        )  # fmt: skip

    def draft(self, facts: Facts | None = None) -> Draft:
        """Start a record of a modified client: correct so far, with every secret at hand."""
        facts, pending = facts or self.facts(), self.reserve()
        m, r = Scalar.random(self.rng).base_mul(), Scalar.random(self.rng)
        keys = [self.escrow[firm].fact() for firm in sorted(self.escrow)]
        context = pb.Context(
            suite=pb.SUITE_V1, deployment=self.deployment, firms=[key.firm for key in keys],
            conversation=self.membership.conversation, session_id=pending.session_id,
            sender_device=self.sender.entry.entry_hash, membership=self.membership.statement_hash, archive_note=NOTE,
            escrow_key_ids=[key.key_id for key in keys], v_key_ids=[key.v_key_id for key in keys],
            retention_classes=[key.retention_class for key in keys],
            not_before_ms=T0 + MINUTE, not_after_ms=T0 + HOUR, directory_leaves=DIRECTORY_LEAVES,
        )  # fmt: skip
        prekeys = sorted((one.prekey.prekey for one in recipients(facts)[0]), key=lambda one: one.prekey_hash)
        return Draft(
            context=context,
            cq=pending.cq,
            reservation=pending.reservation,
            receipts=self.receipts(pending),
            m=m,
            r=r,
            q=pending.q,
            escrow_rows=[EscrowRow(key.firm, key.key_id, key.point, m + key.point.mul(r)) for key in keys],
            rows=[Row(one.prekey_hash, one.point, m + one.point.mul(r)) for one in prekeys],
            slots=[seal(one.hpke, slot_info(encode(context), one.prekey_hash), pending.q.reveal()) for one in prekeys],
            vault_slots=list(pending.slots),
        )

    def finish(self, draft: Draft, **options: object) -> bytes:
        return draft.finish(self.sender.key, self.rng, **options)  # type: ignore[arg-type]

    def row_for(self, draft: Draft, prekey: VerifiedPrekey) -> Row:
        """Return a correct row for one more prekey."""
        return Row(prekey.prekey_hash, prekey.point, draft.m + prekey.point.mul(draft.r))

    def add_row(self, draft: Draft, prekey: VerifiedPrekey) -> None:
        """Put a correct row and slot for one more prekey into its place."""
        row = self.row_for(draft, prekey)
        slot = seal(prekey.hpke, slot_info(encode(draft.context), prekey.prekey_hash), draft.q.reveal())
        place = sum(one.prekey < row.prekey for one in draft.rows)
        draft.rows.insert(place, row)
        draft.slots.insert(place, slot)

    def prekey_of(self, device: Device, prekey_id: int = 2, not_after_ms: int = T0 + DAY) -> VerifiedPrekey:
        """Return another prekey of a device, verified but in no fact."""
        return verify_prekey(make_prekey(device.key, device.entry, prekey_id, not_after_ms, self.rng)[0], device.entry)

    def secret_of(self, prekey_hash: bytes) -> PrekeySecret:
        return next(device.secret for device in self.devices if device.prekey.prekey_hash == prekey_hash)

    def device_of(self, prekey_hash: bytes) -> Device:
        return next(device for device in self.devices if device.prekey.prekey_hash == prekey_hash)

    def outsider(self, firm: str, user: str) -> Device:
        """Return a device that is enrolled and logged, of a user who is no member."""
        return _device(self.rng, self.deployment, self.enrollers[firm], firm, user, 1, bytes(32))


def make_world(people: Mapping[str, Mapping[str, int]] | None = None, seed: str = "world") -> World:
    """Build a world; `people` maps firm → user → number of devices; the first device of the first user sends."""
    people = people or {"acme": {"ann": 1, "ben": 2}, "bolt": {"cora": 1}}
    rng = SeededRng(seed)
    deployment = rng(32)
    enrollers = {firm: SigningKey.generate(rng) for firm in people}
    devices = [
        _device(rng, deployment, enrollers[firm], firm, user, number, rng(32))
        for firm, users in people.items()
        for user, count in users.items()
        for number in range(1, count + 1)
    ]
    return World(
        rng=rng,
        deployment=deployment,
        escrow={firm: _escrow(rng, firm) for firm in sorted(people)},
        devices=devices,
        membership=_membership(rng, deployment, people, devices[0]),
        enrollers=enrollers,
    )


def _device(
    rng: SeededRng, deployment: bytes, enroller: SigningKey, firm: str, user: str, number: int, salt: bytes
) -> Device:
    key = SigningKey.generate(rng)
    entry = pb.DeviceEntry(
        deployment=deployment, firm=firm, user=user, user_salt=salt, device_key=key.public,
        device_name=f"laptop {number}", not_before_ms=T0 - 10 * DAY, not_after_ms=T0 + 365 * DAY,
        issuer=enroller.public,
    )  # fmt: skip
    verified = verify_device_entry(issue_device_entry(enroller, entry), EnrollerView(deployment, firm, enroller.public))
    obj, secret = make_prekey(key, verified, 1, T0 + 20 * DAY, rng)
    fact = DeviceFact(verified, 10, (PrekeyFact(verify_prekey(obj, verified), 20, None),), None)
    return Device(key, fact, secret)


def _escrow(rng: SeededRng, firm: str) -> Escrow:
    scalar, vault = Scalar.random(rng), HpkePrivate.generate(rng)
    return Escrow(firm, scalar, vault, SigningKey.generate(rng), key_id=rng(64), v_key_id=rng(64))


def genesis(
    deployment: bytes, people: Mapping[str, Mapping[str, int]], signer: bytes, salt: bytes
) -> pb.MembershipStatement:
    """Return the first statement of a conversation of these people, unsigned."""
    members = [pb.Member(firm=f, user=u, may_change=True) for f in sorted(people) for u in sorted(people[f])]
    return pb.MembershipStatement(
        deployment=deployment, members=members, salt=salt, signer=signer, created_ms=T0 - DAY,
        firms=[pb.FirmClass(firm=firm, retention_class=CLASS) for firm in sorted(people)],
    )  # fmt: skip


def _membership(
    rng: SeededRng, deployment: bytes, people: Mapping[str, Mapping[str, int]], creator: Device
) -> VerifiedMembership:
    statement = genesis(deployment, people, creator.entry.entry_hash, rng(32))
    return verify_statement(sign_statement(creator.key, statement), signer_key=creator.key.public, previous=None)


def escrow_opens(world: World, record_c0: Point, row: EscrowRow) -> Point:
    """Return M as escrow's quorum would compute it, from the known scalar."""
    return row.sealed - record_c0.mul(world.escrow[row.firm].scalar)


def hash_of(kind: str, obj: bytes) -> bytes:
    """Return the object hash of SignedObject bytes."""
    return object_hash(kind, pb.SignedObject.FromString(obj).body)


def refusal_of(record: bytes, facts: Facts) -> Rule:
    """Return the rule under which a whole record is refused; fail where it is accepted."""
    try:
        verify_record(parse_record(record), facts)
    except Refused as refused:
        return refused.rule
    raise AssertionError("the record was accepted")


def view_of(record: bytes, device: Device) -> ParsedView:
    """Return the view that the relay cuts for a device."""
    view = view_for(parse_record(record), {device.prekey.prekey_hash})
    assert view is not None, "the record has no row for the device"
    return parse_view(view)
