"""Taking one delivery whose place in the conversation is verified: statement, record, or message."""

from __future__ import annotations

from contextlib import suppress

from tapeline.base.errors import StateError, TapelineError
from tapeline.base.rules import Refused, Rule, require
from tapeline.client.alarms import Alarms
from tapeline.client.content import RecordingDisclosure, decode_content
from tapeline.client.device import Device
from tapeline.client.errors import RelayUnreachable
from tapeline.client.events import Withheld
from tapeline.client.leafcheck import require_leaf_of
from tapeline.client.receive.batch import Batch
from tapeline.client.receive.memory import Inbox
from tapeline.client.receive.reading import Reading
from tapeline.client.receive.records import RecordReader
from tapeline.client.store.history import MessageRow
from tapeline.client.store.inbox import REMOVED, ConversationRow, SessionRow, SessionState
from tapeline.client.verdicts import SharedVerdicts
from tapeline.crypto.limits import NOTE_AGE_MS, SESSION_MS
from tapeline.crypto.membership import parse_statement
from tapeline.crypto.message.verify import ParsedMessage, VerifiedMessage, parse_message
from tapeline.wire.v1.objects_pb2 import Leaf, LeafType
from tapeline.wire.v1.relay_pb2 import Delivery


class Taker:
    """Verifies what a delivery holds; what fails drops its session, tells, and leaves a complaint to be filed."""

    def __init__(
        self, device: Device, memory: Inbox, records: RecordReader, verdicts: SharedVerdicts, alarms: Alarms
    ) -> None:
        self._device = device
        self._memory = memory
        self._records = records
        self._verdicts = verdicts
        self._alarms = alarms

    async def take(self, delivery: Delivery, leaf: Leaf, row: ConversationRow, batch: Batch) -> None:
        """Take one delivery into the batch.

        Raises:
            RelayUnreachable: something to judge by could not be fetched.
        """
        try:
            match delivery.WhichOneof("item"):
                case "membership":
                    self._take_membership(delivery, leaf, row, batch)
                case "record_view":
                    await self._take_record(delivery, leaf, row, batch)
                case "withheld":
                    await self._take_withheld(delivery, leaf, row, batch)
                case _:
                    self._take_message(delivery, leaf, row, batch)
        except RelayUnreachable:
            raise
        except TapelineError as error:
            self._drop(error, delivery, leaf, batch)

    def _take_membership(self, delivery: Delivery, leaf: Leaf, row: ConversationRow, batch: Batch) -> None:
        claimed = parse_statement(delivery.membership)
        require(claimed.conversation == row.conversation, Rule.LEAF_TAG, "The statement is another conversation's.")
        require_leaf_of(leaf, LeafType.LEAF_TYPE_MEMBERSHIP, row.tag, claimed.statement_hash)
        people = {(one.firm, one.user) for one in claimed.statement.members}
        # A removed member is shown nothing until a statement adds it again, which may come with any later number.
        row.membership = claimed.statement_hash if self._device.person in people else REMOVED
        # A session ends with the membership that it was opened under.
        for reading in self._memory.readings.values():
            if reading.row.conversation == row.conversation:
                reading.row.not_after_ms = min(reading.row.not_after_ms, leaf.relay_time_ms)
                batch.readings[reading.row.record_hash] = reading
        batch.memberships.append((row.conversation, delivery.ack.index))

    async def _take_record(self, delivery: Delivery, leaf: Leaf, row: ConversationRow, batch: Batch) -> None:
        require_leaf_of(leaf, LeafType.LEAF_TYPE_SESSION, row.tag, leaf.object_hash)
        reading = self._memory.readings.get(leaf.object_hash)
        if not delivery.record_view:
            if reading is None or reading.row.state is not SessionState.OWN:
                raise StateError("This store does not know an own session that the relay shows.", "Tell its operator.")
            reading.row.leaf, reading.row.leaf_index = delivery.ack.leaf, delivery.ack.index
        else:
            reading = await self._records.read(
                delivery.record_view, row.conversation, leaf, delivery.ack.index, row.membership
            )
        self._memory.readings[leaf.object_hash] = batch.readings[leaf.object_hash] = reading

    async def _take_withheld(self, delivery: Delivery, leaf: Leaf, row: ConversationRow, batch: Batch) -> None:
        require_leaf_of(leaf, LeafType.LEAF_TYPE_SESSION, row.tag, leaf.object_hash)
        await self._records.judge_withheld(delivery.withheld, row.conversation, leaf, delivery.ack.index)
        self._put_unread(delivery, leaf, SessionState.WITHHELD, batch)
        batch.events.append(Withheld(row.conversation, leaf.object_hash))

    def _take_message(self, delivery: Delivery, leaf: Leaf, row: ConversationRow, batch: Batch) -> None:
        parsed = self._verdicts.parsed(delivery.message)
        reading = self._memory.readings.get(parsed.record_hash)
        if reading is None or reading.row.conversation != row.conversation:
            raise Refused(Rule.MSG_SESSION, "A message of a session that was never delivered.")
        if reading.row.state in {SessionState.WITHHELD, SessionState.DROPPED}:
            return
        batch.readings[parsed.record_hash] = reading
        try:
            self._read(delivery, leaf, row, parsed, reading, batch)
        except TapelineError as error:
            reading.drop()
            alarm = self._alarms.row(error, row.conversation, parsed.record_hash, parsed.message_hash)
            batch.alarms.append((alarm, error))

    def _read(
        self,
        delivery: Delivery,
        leaf: Leaf,
        row: ConversationRow,
        parsed: ParsedMessage,
        reading: Reading,
        batch: Batch,
    ) -> None:
        """Verify the message in its place, and open it where the session is read here."""
        require_leaf_of(leaf, LeafType.LEAF_TYPE_MESSAGE, row.tag, parsed.message_hash)
        reading.require_open(self._device.directory.state, delivery.ack.index, leaf.relay_time_ms)
        verified = self._verdicts.message(
            parsed,
            sender_key=self._sender_key(reading),
            record_hash=parsed.record_hash,
            index=reading.row.next_index,
            previous=reading.row.previous,
        )
        reading.advance(parsed.message_hash)
        if reading.chain is not None:
            # A change that ends the session may lie between the last note and this leaf: it is judged again then.
            reading.row.unsettled_leaf, reading.row.unsettled_ms = delivery.ack.index, leaf.relay_time_ms
            self._open(delivery, leaf, reading.chain.open(verified), verified, reading, batch)

    def _open(
        self,
        delivery: Delivery,
        leaf: Leaf,
        content: bytes,
        verified: VerifiedMessage,
        reading: Reading,
        batch: Batch,
    ) -> None:
        try:
            said = decode_content(content)
        except TapelineError as error:
            # It stands in its place and opened: what it says is nothing, and what follows is read on.
            alarm = self._alarms.row(error, delivery.conversation, verified.record_hash, verified.message_hash)
            batch.alarms.append((alarm, error))
            return
        sender = self._device.directory.state.device(reading.row.device).device
        message = MessageRow(
            conversation=delivery.conversation,
            sequence=leaf.conversation_sequence,
            record_hash=verified.record_hash,
            message_index=verified.index,
            message_hash=verified.message_hash,
            firm=sender.firm,
            user=sender.user,
            device=reading.row.device,
            message_id=said.message_id,
            content=content,
            leaf_index=delivery.ack.index,
            relay_time_ms=leaf.relay_time_ms,
            client_time_ms=verified.header.client_time_ms,
        )
        batch.messages.append(message)
        if isinstance(said.body, RecordingDisclosure):
            batch.disclosures.append((message, said.body))

    def _sender_key(self, reading: Reading) -> bytes:
        return self._device.directory.state.device(reading.row.device).device.device_key

    def leave_out(
        self, error: TapelineError, delivery: Delivery, leaf: Leaf, row: ConversationRow, batch: Batch
    ) -> None:
        """Do without a delivery that failed unexpectedly: its session is dropped, a statement goes by its leaf's word.

        Nothing is judged here but by what must be read to know whose session it is: each judgement may be what failed.
        """
        record_hash = b""
        if leaf.type == LeafType.LEAF_TYPE_MEMBERSHIP:
            row.membership = leaf.object_hash
        elif leaf.type == LeafType.LEAF_TYPE_SESSION:
            record_hash = leaf.object_hash
            self._put_unread(delivery, leaf, SessionState.DROPPED, batch)
        elif delivery.WhichOneof("item") == "message":
            with suppress(Exception):
                record_hash = parse_message(delivery.message).record_hash
            reading = self._memory.readings.get(record_hash)
            if reading is not None and reading.row.conversation == row.conversation:
                reading.drop()
                batch.readings[record_hash] = reading
        batch.alarms.append((self._alarms.row(error, delivery.conversation, record_hash), error))

    def _drop(self, error: TapelineError, delivery: Delivery, leaf: Leaf, batch: Batch) -> None:
        """Drop the session that does not verify, tell, and leave a complaint to be filed."""
        record_hash = leaf.object_hash if leaf.type == LeafType.LEAF_TYPE_SESSION else b""
        if record_hash:
            self._put_unread(delivery, leaf, SessionState.DROPPED, batch)
        batch.alarms.append((self._alarms.row(error, delivery.conversation, record_hash), error))

    def _put_unread(self, delivery: Delivery, leaf: Leaf, state: SessionState, batch: Batch) -> None:
        row = SessionRow(
            state=state,
            record_hash=leaf.object_hash,
            conversation=delivery.conversation,
            device=b"",
            chain=None,
            next_index=0,
            previous=leaf.object_hash,
            not_after_ms=leaf.relay_time_ms + SESSION_MS + NOTE_AGE_MS,  # no session of that leaf lasts longer
            leaf=delivery.ack.leaf,
            leaf_index=delivery.ack.index,
            view=None,
        )
        self._memory.readings[leaf.object_hash] = batch.readings[leaf.object_hash] = Reading(row)
