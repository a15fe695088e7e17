"""A device at the level of the wire: it enrols, seals, submits and reads, with nothing between it and the relay."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

import grpc.aio
from gov_kit import CLASS, DEPLOYMENT, key
from relay_kit import RunningRelay, login, refusals, until

from tapeline.base.remote import from_refusal
from tapeline.base.seam import system_clock, system_rng
from tapeline.base.times import DAY, HOUR, Rng
from tapeline.crypto.device import VerifiedDevice, issue_device_entry, parse_device_entry
from tapeline.crypto.membership import VerifiedMembership, parse_statement, sign_statement
from tapeline.crypto.message.chain import SendingChain
from tapeline.crypto.message.verify import hash_message, parse_message
from tapeline.crypto.prekey_secret import PrekeySecret, make_prekey
from tapeline.crypto.receipt import sign_receipt, vault_slot_hash
from tapeline.crypto.record.seal import CreatedRecord, create_record
from tapeline.crypto.reservation import PendingReservation, VaultTarget, make_reservation
from tapeline.crypto.signing import SigningKey
from tapeline.crypto.wire import encode
from tapeline.directory.state import DirectoryState
from tapeline.transparency.merkle import leaf_hash, verify_inclusion
from tapeline.wire.v1 import objects_pb2 as pb
from tapeline.wire.v1.objects_pb2 import Ack, Leaf, SignedObject
from tapeline.wire.v1.relay_pb2 import (
    ClientFrame,
    Cursor,
    Delivery,
    PublishRequest,
    ServerFrame,
    Submission,
    SubmitBatch,
    Subscribe,
    SyncRequest,
)
from tapeline.wire.v1.relay_pb2_grpc import DirectoryStub, MessagingStub

Metadata = list[tuple[str, str]]


@dataclass
class Line:
    """One open stream."""

    call: grpc.aio.StreamStreamCall
    answers: dict[int, asyncio.Future[Ack]] = field(default_factory=dict)
    deliveries: list[Delivery] = field(default_factory=list)
    frames: list[ServerFrame] = field(default_factory=list)
    caught_up: asyncio.Event = field(default_factory=asyncio.Event)
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    _tickets: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    async def subscribe(self, *cursors: tuple[bytes, int]) -> None:
        rows = [Cursor(conversation=conversation, next_sequence=sequence) for conversation, sequence in cursors]
        await self.call.write(ClientFrame(subscribe=Subscribe(cursors=rows)))

    async def post(self, *items: tuple[str, bytes]) -> list[asyncio.Future[Ack]]:
        """Write one batch of ("record" or "message", bytes), and return its answers to come."""
        batch, futures = SubmitBatch(), []
        for name, data in items:
            ticket = next(self._tickets)
            batch.items.append(Submission(ticket=ticket, **{name: data}))  # type: ignore[arg-type]
            self.answers[ticket] = asyncio.get_running_loop().create_future()
            futures.append(self.answers[ticket])
        await self.call.write(ClientFrame(submit=batch))
        return futures

    async def send(self, name: str, data: bytes) -> Ack:
        """Submit one item; return its acknowledgement or raise its refusal."""
        async with asyncio.timeout(30):
            return await (await self.post((name, data)))[0]

    async def delivered(self, count: int) -> list[Delivery]:
        """Wait for so many deliveries in all."""
        await until(lambda: len(self.deliveries) >= count, 30)
        return self.deliveries

    async def read(self) -> None:
        try:
            async for frame in self.call:
                self.frames.append(frame)
                for answer in frame.answers:
                    self._answered(answer.ticket, answer)
                self.deliveries.extend(frame.deliveries)
                if frame.caught_up:
                    self.caught_up.set()
        except (grpc.aio.AioRpcError, asyncio.CancelledError):
            pass
        finally:
            self.ended.set()

    def _answered(self, ticket: int, answer: object) -> None:
        future = self.answers.pop(ticket)
        if answer.HasField("ack"):  # type: ignore[attr-defined]
            future.set_result(answer.ack)  # type: ignore[attr-defined]
        else:
            error = from_refusal(answer.refusal)  # type: ignore[attr-defined]
            error.newer = answer.refusal.newer  # type: ignore[attr-defined]
            future.set_exception(error)


@dataclass
class Device:
    """A user's device, logged in."""

    relay: RunningRelay
    device: VerifiedDevice
    number: int
    state: DirectoryState
    metadata: Metadata = field(default_factory=list)
    prekeys: list[PrekeySecret] = field(default_factory=list)
    since: int = 0

    @property
    def key(self):  # type: ignore[no-untyped-def]
        return key(f"{self.device.firm}/{self.device.user}/{self.number}")

    @property
    def directory(self) -> DirectoryStub:
        return DirectoryStub(self.relay.channel)

    async def renew(self, not_after_ms: int | None = None) -> Ack:
        """Publish a prekey."""
        expires = not_after_ms or system_clock() + 20 * DAY
        obj, secret = make_prekey(self.key, self.device, len(self.prekeys) + 1, expires, system_rng)
        self.prekeys.append(secret)
        return await self.publish(pb.LEAF_TYPE_PREKEY, obj)

    async def publish(self, leaf_type: int, obj: bytes) -> Ack:
        request = PublishRequest(type=leaf_type, object=SignedObject.FromString(obj))  # type: ignore[arg-type]
        async with refusals():
            return await self.directory.Publish(request, metadata=self.metadata)

    async def issue(self, number: int, **changes: object) -> bytes:
        """Issue another device of the same user, as a modified client does; return its entry hash."""
        device = self.device
        values: dict[str, object] = {"issuer": device.entry_hash, "not_after_ms": device.not_after_ms, **changes}
        entry = device_entry(device.user, device.firm, number, signer=self.key, **values)
        await self.publish(pb.LEAF_TYPE_DEVICE, entry)
        return parse_device_entry(entry).entry_hash

    async def sync(self, beyond: int = 0) -> None:
        """Replay the directory, until it holds the leaf at `beyond`; every inclusion proof is checked."""
        async with asyncio.timeout(30), refusals():
            while True:
                page = await self.directory.Sync(SyncRequest(since=self.since), metadata=self.metadata)
                if page.note and self.state.rosters.firms():
                    note = self.state.verify_archive_note(page.note)
                    for item in page.items:
                        verify_inclusion(leaf_hash(item.leaf), item.index, note.size, item.proof, note.root)
                for item in page.items:
                    self.state.apply(item.index, Leaf.FromString(item.leaf), item.object)
                self.since = page.next
                self.note = page.note
                if page.note and self.since > beyond and self.since >= self.state.verify_archive_note(page.note).size:
                    return
                await asyncio.sleep(0.01)

    async def converse(self, *others: tuple[str, str], previous: VerifiedMembership | None = None) -> bytes:
        """Publish a membership statement of this user and the others; return the conversation's id."""
        people = sorted({(self.device.firm, self.device.user), *others})
        statement = pb.MembershipStatement(
            deployment=DEPLOYMENT,
            members=[pb.Member(firm=firm, user=user, may_change=True) for firm, user in people],
            firms=[pb.FirmClass(firm=firm, retention_class=CLASS) for firm in sorted({firm for firm, _ in people})],
            signer=self.device.entry_hash,
            created_ms=system_clock(),
        )
        if previous is None:
            statement.salt = system_rng(32)
        else:
            statement.conversation = previous.conversation
            statement.sequence, statement.previous = previous.sequence + 1, previous.statement_hash
        obj = sign_statement(self.key, statement)
        ack = await self.publish(pb.LEAF_TYPE_MEMBERSHIP, obj)
        await self.sync(ack.index)
        return parse_statement(obj).conversation

    def reserve(self, conversation: bytes) -> PendingReservation:
        """Make a reservation for the conversation's firms."""
        now = system_clock()
        targets = []
        for firm, retention_class in self.state.membership(conversation).firms:
            escrow = self.state.current_escrow(firm, retention_class, now)
            targets.append(VaultTarget(firm, escrow.v_key_id, escrow.v_public))
        return make_reservation(self.key, self.device.entry_hash, DEPLOYMENT, targets, now + 6 * DAY, system_rng)

    def seal(
        self,
        conversation: bytes,
        pending: PendingReservation | None = None,
        membership: bytes | None = None,
        lasts_ms: int = HOUR,
        rng: Rng = system_rng,
        without: Collection[bytes] = (),
    ) -> tuple[CreatedRecord, SendingChain]:
        """Make a session record by this device's view, `without` a row for some devices as a modified client does."""
        pending = pending or self.reserve(conversation)
        note = self.state.verify_archive_note(self.note)
        now = system_clock()
        facts = self.state.facts(
            conversation=conversation,
            membership=membership or self.state.membership(conversation).statement_hash,
            sender_device=self.device.entry_hash,
            note=note,
            leaf_index=note.size,
            leaf_time_ms=now,
        )
        facts = replace(facts, devices=tuple(one for one in facts.devices if one.device.entry_hash not in without))
        receipts = [
            sign_receipt(key(f"{firm}/vault"), pending.reservation_hash, v_key_id, pending.cq, vault_slot_hash(slot))
            for firm, v_key_id, slot in zip(pending.firms, pending.v_key_ids, pending.slots, strict=True)
        ]
        created = create_record(
            signing_key=self.key, reservation=pending, receipts=receipts, facts=facts,
            not_before_ms=now, not_after_ms=now + lasts_ms, rng=rng,
        )  # fmt: skip
        return created, SendingChain(created.root, created.record_hash, self.key)

    async def open(self, line: Line, conversation: bytes, lasts_ms: int = HOUR) -> SendingChain:
        """Open a session and have it acknowledged."""
        created, chain = self.seal(conversation, lasts_ms=lasts_ms)
        await line.send("record", created.record)
        return chain

    def message(self, chain: SendingChain, text: str = "hello") -> bytes:
        """Seal the chain's next message."""
        return chain.seal(text.encode(), client_time_ms=system_clock(), newest_leaf=0).message

    @asynccontextmanager
    async def line(self, *, subscribe: bool = True) -> AsyncIterator[Line]:
        """Open a stream."""
        call = MessagingStub(self.relay.channel).Connect(metadata=self.metadata)
        line = Line(call)
        reader = asyncio.create_task(line.read())
        try:
            if subscribe:
                await line.subscribe()
            yield line
        finally:
            call.cancel()
            await reader

    async def again(self) -> None:
        """Log in again, as after a restart of the relay."""
        self.metadata = await login(self.relay.channel, self.key)


def device_entry(
    user: str, firm: str = "acme", number: int = 1, *, signer: SigningKey | None = None, **changes: object
) -> bytes:
    """The signed directory entry of a user's device, issued by the firm's enroller unless told otherwise."""
    now = system_clock()
    values: dict[str, object] = {
        "deployment": DEPLOYMENT, "firm": firm, "user": user,
        "user_salt": hashlib.sha256(f"{firm}/{user}".encode()).digest(),
        "device_key": key(f"{firm}/{user}/{number}").public, "device_name": f"laptop {number}",
        "not_before_ms": now - DAY, "not_after_ms": now + 365 * DAY, "issuer": key(f"{firm}/enid").public, **changes,
    }  # fmt: skip
    return issue_device_entry(signer or key(f"{firm}/enid"), pb.DeviceEntry(**values))  # type: ignore[arg-type]


async def enrol(
    relay: RunningRelay, user: str, firm: str = "acme", number: int = 1, *, prekey: bool = True, **changes: object
) -> Device:
    """Publish a device's entry without a login, then log in and publish a prekey."""
    entry = device_entry(user, firm, number, **changes)
    pinned = {name: roster.statement_hash for name, roster in relay.deployment.rosters.items()}
    request = PublishRequest(type=pb.LEAF_TYPE_DEVICE, object=SignedObject.FromString(entry))
    async with refusals():
        ack = await DirectoryStub(relay.channel).Publish(request)
    metadata = await login(relay.channel, key(f"{firm}/{user}/{number}"))
    device = Device(relay, None, number, DirectoryState(pinned_rosters=pinned), metadata)  # type: ignore[arg-type]
    await device.sync(ack.index)
    device.device = device.state.devices_of(firm, user)[-1].device
    if prekey:
        ack = await device.renew()
        await device.sync(ack.index)
    return device


async def pair(relay: RunningRelay, users: Sequence[str] = ("ann", "ben")) -> tuple[Device, Device, bytes]:
    """Certify an escrow key, enrol two users and let the first start a conversation with the other."""
    await relay.certify()
    first, second = [await enrol(relay, user) for user in users]
    return first, second, await first.converse(("acme", users[1]))


def resign(device: Device, message: bytes, record_hash: bytes, index: int | None = None) -> bytes:
    """Put another session's record hash (or index) into a message's header and sign it, as a modified client does."""
    forged = pb.Message.FromString(message)
    header = pb.MessageHeader.FromString(forged.header)
    header.record_hash = record_hash
    if index is None:
        header.previous = record_hash
    else:
        header.index, header.previous = index, parse_message(message).message_hash
    forged.header = encode(header)
    forged.signature = device.key.sign("msg", hash_message(forged.header, forged.ciphertext))
    return encode(forged)
