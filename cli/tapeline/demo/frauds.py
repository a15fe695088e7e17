"""Eight frauds of a modified client, each beside its unmodified twin, through the running relay.

Every fraud differs from its twin in one step only, so that the relay's refusal can have no other cause.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from tapeline.base.errors import StateError, TapelineError
from tapeline.base.remote import from_refusal
from tapeline.base.rules import Refused, Rule
from tapeline.client.device import Device
from tapeline.client.session.opener import SessionOpener
from tapeline.client.session.stock import ReceiptStock
from tapeline.client.transport.methods import CONNECT, PUBLISH
from tapeline.crypto.group import Scalar
from tapeline.crypto.limits import PREKEY_MS
from tapeline.crypto.message.chain import SendingChain
from tapeline.crypto.message.verify import KIND as MESSAGE
from tapeline.crypto.message.verify import hash_message
from tapeline.crypto.objects import seal_object
from tapeline.crypto.prekey import KIND as PREKEY
from tapeline.crypto.prekey_secret import make_prekey
from tapeline.crypto.record.current import is_current_key
from tapeline.crypto.record.facts import Facts
from tapeline.crypto.wire import encode
from tapeline.demo.modified import Draft, Made
from tapeline.wire.v1 import objects_pb2 as pb
from tapeline.wire.v1.content_pb2 import Content, Text
from tapeline.wire.v1.relay_pb2 import (
    ClientFrame,
    PublishRequest,
    ServerFrame,
    Submission,
    SubmitBatch,
    Subscribe,
)

TWO_HOURS = 2 * 3_600_000


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the relay did: refused the fraud under which rule, and whether it took the twin."""

    fraud: str
    rule: str
    expected: tuple[str, ...]
    twin_accepted: bool

    @property
    def holds(self) -> bool:
        """Whether the fraud was refused for the right reason and its twin accepted."""
        return self.rule in self.expected and self.twin_accepted


@dataclass
class Fraudster:
    """A member with a device of its own and altered software.

    Attributes:
        device: enrolled, with a logged prekey.
        stock: of vault receipts.
        opener: for the facts that an honest record would be made by.
        conversation: one that this device is a member of.
        ghost: firm and name of an enrolled user who is no member of it.
        secrets: what the twins' sessions rest on, for the search of the servers' memory.
        texts: what was said in the accepted messages.
    """

    device: Device
    stock: ReceiptStock
    opener: SessionOpener
    conversation: bytes
    ghost: tuple[str, str]
    secrets: list[bytes]
    texts: list[bytes]

    async def run(self) -> list[Verdict]:
        """Try all eight."""
        frauds: tuple[Callable[[], Awaitable[Verdict]], ...] = (
            self._another_secret,
            self._ghost_escrow_key,
            self._ghost_member,
            self._replayed_record,
            self._second_ciphertext,
            self._directory_cut_short,
            self._time_beyond_the_calendar,
            self._rogue_prekey,  # last: its twin replaces the device's prekey
        )
        return [await fraud() for fraud in frauds]

    async def _another_secret(self) -> Verdict:
        """Escrow's row holds another secret than the devices' rows."""
        twin, fraud = await self._draft(), await self._draft()
        row = fraud.escrow_rows[0]
        other = Scalar.random(self.device.rng).base_mul()
        fraud.escrow_rows[0] = replace(row, sealed=other + row.point.mul(fraud.r))
        return await self._records("escrow_copy_of_another_secret", fraud, twin, Rule.REC_PROOF)

    async def _ghost_escrow_key(self) -> Verdict:
        """Escrow's row is under a key that no ceremony made."""
        twin, fraud = await self._draft(), await self._draft()
        row, ghost = fraud.escrow_rows[0], Scalar.random(self.device.rng).base_mul()
        ghost_id = self.device.rng(64)
        fraud.context.escrow_key_ids[0] = ghost_id
        fraud.escrow_rows[0] = replace(row, key_id=ghost_id, point=ghost, sealed=fraud.m + ghost.mul(fraud.r))
        return await self._records("ghost_escrow_key", fraud, twin, Rule.REC_ESCROW_KEY)

    async def _ghost_member(self) -> Verdict:
        """One more row, for somebody who is no member."""
        twin, fraud = await self._draft(), await self._draft()
        ghosts = self.device.directory.state.devices_of(*self.ghost)
        fraud.add_row(ghosts[0].prekeys[-1].prekey)
        return await self._records("ghost_member", fraud, twin, Rule.REC_GHOST_ROW)

    async def _replayed_record(self) -> Verdict:
        """A record that was accepted, offered once more as a new session, signed anew."""
        twin = await self._draft()
        fraud = replace(twin, context=pb.Context.FromString(encode(twin.context)))
        fraud.context.not_after_ms -= 1
        made = self._finish(twin)
        accepted = await self._refusal(Submission(record=made.record)) is None
        refused = await self._refusal(Submission(record=self._finish(fraud).record))
        expected = (Rule.RESERVATION_REUSED, Rule.REC_C0_REUSED)
        return _verdict("replayed_record", refused, accepted, *expected)

    async def _second_ciphertext(self) -> Verdict:
        """Two different messages under one key at one index."""
        made = self._finish(await self._draft())
        opened = await self._refusal(Submission(record=made.record)) is None
        first = await self._refusal(self._message(made, "The price is 99.875 as agreed."))
        second = await self._refusal(self._message(made, "The price is 98.750 as agreed."))
        self.texts.append(b"The price is 99.875 as agreed.")
        return _verdict("second_ciphertext", second, opened and first is None, Rule.MSG_FORK)

    async def _directory_cut_short(self) -> Verdict:
        """A record that counts fewer directory leaves than its view holds, to leave a device or a revocation out."""
        twin, fraud = await self._draft(), await self._draft()
        fraud.context.directory_leaves -= 1
        return await self._records("directory_cut_short", fraud, twin, Rule.REC_DIRECTORY)

    async def _time_beyond_the_calendar(self) -> Verdict:
        """A message dated so late that no database holds the number: it would end whoever stores it."""
        made = self._finish(await self._draft())
        opened = await self._refusal(Submission(record=made.record)) is None
        sober = self._message(made, "The meeting is at noon.")
        fraud = Submission(message=self._dated(sober.message, 2**63))
        refused = await self._refusal(fraud)
        accepted = await self._refusal(sober) is None
        self.texts.append(b"The meeting is at noon.")
        return _verdict("time_beyond_the_calendar", refused, opened and accepted, Rule.WIRE_SIZE)

    def _dated(self, sealed: bytes, client_time_ms: int) -> bytes:
        """Return a message with another time in its header, signed anew."""
        message = pb.Message.FromString(sealed)
        header = pb.MessageHeader.FromString(message.header)
        header.client_time_ms = client_time_ms
        message.header = encode(header)
        message.signature = self.device.key.sign(MESSAGE, hash_message(message.header, message.ciphertext))
        return encode(message)

    async def _rogue_prekey(self) -> Verdict:
        """P = aE + bP' without knowledge of its logarithm: its row would vary with escrow's and another's."""
        device, state = self.device, self.device.directory.state
        facts = await self._facts()
        escrow = next(key for key in facts.escrow if is_current_key(key, facts))
        victim = state.devices_of(*self.ghost)[0].prekeys[-1].prekey.point
        newest = device.fact.prekeys[-1].prekey.prekey_id
        until = device.clock() + PREKEY_MS - TWO_HOURS
        honest, _ = make_prekey(device.key, device.entry, newest + 1, until, device.rng)
        body = pb.Prekey.FromString(pb.SignedObject.FromString(honest).body)
        a, b = Scalar.random(device.rng), Scalar.random(device.rng)
        body.point = (escrow.point.mul(a) + victim.mul(b)).encode()
        rogue = seal_object(device.key, PREKEY, encode(body))
        refused = await self._publication(rogue)
        accepted = await self._publication(honest) is None
        return _verdict("affine_rogue_prekey", refused, accepted, Rule.PREKEY_POSSESSION)

    async def _records(self, name: str, fraud: Draft, twin: Draft, rule: Rule) -> Verdict:
        refused = await self._refusal(Submission(record=self._finish(fraud).record))
        accepted = await self._refusal(Submission(record=self._finish(twin).record)) is None
        return _verdict(name, refused, accepted, rule)

    async def _draft(self) -> Draft:
        facts = await self._facts()
        stocked = await self.stock.take([key for key in facts.escrow if is_current_key(key, facts)])
        return Draft.begin(facts, stocked.reservation, stocked.receipts, self.device.clock(), self.device.rng)

    async def _facts(self) -> Facts:
        return self.opener.facts(self.conversation, await self.device.directory.refresh())

    def _finish(self, draft: Draft) -> Made:
        made = draft.finish(self.device.key, self.device.rng)
        self.secrets += [made.root.reveal(), draft.reservation.q.reveal(), draft.m.encode()]
        return made

    def _message(self, made: Made, text: str) -> Submission:
        """Seal at index 0: every call starts the chain anew, which no unmodified client can."""
        chain = SendingChain(made.root, made.record_hash, self.device.key)
        content = encode(Content(message_id=self.device.rng(16), text=Text(text=text)))
        sealed = chain.seal(content, client_time_ms=self.device.clock(), newest_leaf=0)
        return Submission(message=sealed.message)

    async def _publication(self, obj: bytes) -> TapelineError | None:
        request = PublishRequest(type=pb.LEAF_TYPE_PREKEY, object=pb.SignedObject.FromString(obj))
        try:
            await self.device.caller.call(PUBLISH, request)
        except TapelineError as error:
            return error
        return None

    async def _refusal(self, submission: Submission) -> TapelineError | None:
        """Submit on a stream of its own; return the refusal, or None where the relay acknowledged."""
        submission.ticket = 1
        stub = self.device.caller.channel.stream_stream(
            CONNECT.path,
            request_serializer=ClientFrame.SerializeToString,
            response_deserializer=ServerFrame.FromString,
        )
        stream = stub(metadata=await self.device.caller.metadata(), timeout=CONNECT.seconds)
        try:
            await stream.write(ClientFrame(subscribe=Subscribe()))
            await stream.write(ClientFrame(submit=SubmitBatch(items=[submission])))
            while isinstance(frame := await stream.read(), ServerFrame):
                for answer in frame.answers:
                    return from_refusal(answer.refusal) if answer.HasField("refusal") else None
        finally:
            stream.cancel()
        raise StateError("The relay ended the stream without an answer.", "See its log.")


def _verdict(name: str, refused: TapelineError | None, accepted: bool, *expected: Rule) -> Verdict:
    if refused is None:
        rule = "accepted"
    else:
        rule = refused.rule.id if isinstance(refused, Refused) else type(refused).__name__
    return Verdict(name, rule, tuple(one.id for one in expected), accepted)
