"""The receiving side: deliveries in order, one transaction for each frame, cursors that move with what they pass."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from sqlite3 import Connection

from tapeline.base.errors import StateError, TapelineError
from tapeline.base.rules import Refused, Rule, require
from tapeline.client.alarms import Alarms
from tapeline.client.bus import EventBus
from tapeline.client.content import RecordingDisclosure, decode_content
from tapeline.client.device import Device
from tapeline.client.errors import RelayUnreachable
from tapeline.client.events import Disclosure, Withheld
from tapeline.client.leafcheck import parse_leaf, require_leaf_of, require_not_backdated
from tapeline.client.proofs import Proofs
from tapeline.client.receive.batch import Batch
from tapeline.client.receive.reading import Reading
from tapeline.client.receive.records import RecordReader
from tapeline.client.store import inbox
from tapeline.client.store.history import MessageRow
from tapeline.client.store.inbox import ConversationRow, SessionRow, SessionState
from tapeline.client.store.leaves import PendingLeaf
from tapeline.client.verdicts import SharedVerdicts
from tapeline.crypto.ids import conversation_id, tag
from tapeline.crypto.membership import parse_statement
from tapeline.crypto.message.verify import VerifiedMessage
from tapeline.wire.v1.objects_pb2 import Leaf, LeafType
from tapeline.wire.v1.relay_pb2 import Cursor, Delivery, Subscribe


class Receiver:
    """Takes deliveries of all conversations of one device."""

    def __init__(
        self,
        device: Device,
        records: RecordReader,
        verdicts: SharedVerdicts,
        proofs: Proofs,
        alarms: Alarms,
        bus: EventBus,
        on_stored: Callable[[Batch], None],
    ) -> None:
        self._device = device
        self._records = records
        self._verdicts = verdicts
        self._proofs = proofs
        self._alarms = alarms
        self._bus = bus
        self._on_stored = on_stored
        self._conversations: dict[bytes, ConversationRow] = {}
        self._readings: dict[bytes, Reading] = {}
        self._halted: set[bytes] = set()

    async def restore(self) -> None:
        """Load cursors and sessions."""
        now = self._device.clock()
        conversations, sessions = await self._device.database.run(
            lambda db: (inbox.load_conversations(db), inbox.load_sessions(db, now))
        )
        self._conversations = {row.conversation: row for row in conversations}
        # An own session may be known here before the transaction that stores it: it is kept.
        fresh = {key: one for key, one in self._readings.items() if one.row.state is SessionState.OWN}
        self._readings = fresh | {row.record_hash: Reading.of(row) for row in sessions}
        self._halted.clear()

    # --- what the sending side asks (send.lane.Places) -------------------------------------------------------------

    def newest_leaf(self, conversation: bytes) -> int:
        """Return the highest leaf index seen in the conversation."""
        row = self._conversations.get(conversation)
        return 0 if row is None else row.newest_leaf

    def sequence(self, conversation: bytes) -> int | None:
        """Return the highest conversation sequence seen."""
        row = self._conversations.get(conversation)
        return None if row is None else row.next_sequence - 1

    def tag(self, conversation: bytes) -> bytes | None:
        """Return the tag that the conversation's leaves carry here."""
        row = self._conversations.get(conversation)
        return None if row is None else row.tag

    def add_own_session(
        self, conversation: bytes, record_hash: bytes, not_after_ms: int
    ) -> Callable[[Connection], None]:
        """Take note of a session that this device opened, so that its echo is known; return the job that stores it."""
        row = SessionRow(
            state=SessionState.OWN,
            record_hash=record_hash,
            conversation=conversation,
            device=self._device.entry.entry_hash,
            chain=None,
            next_index=0,
            previous=record_hash,
            not_after_ms=not_after_ms,
            leaf=b"",
            leaf_index=0,
            view=None,
        )
        self._readings[record_hash] = Reading(row)
        return partial(inbox.put_session, row=row)

    # --- deliveries ------------------------------------------------------------------------------------------------

    def subscription(self) -> Subscribe:
        """Return the cursors to go on from."""
        rows = self._conversations.values()
        cursors = [Cursor(conversation=row.conversation, next_sequence=row.next_sequence) for row in rows]
        return Subscribe(cursors=cursors)

    async def process(self, deliveries: Iterable[Delivery]) -> None:
        """Verify deliveries in order, store what they change, then tell it.

        Raises:
            RelayUnreachable: something to judge by could not be fetched; nothing of the frame was taken.
        """
        batch = Batch()
        try:
            for delivery in deliveries:
                await self._one(delivery, batch)
            await self._device.database.run(batch.store)
        except BaseException:
            # Memory must not run ahead of the store: what was not stored is delivered again.
            await self.restore()
            raise
        self._tell(batch)

    async def _one(self, delivery: Delivery, batch: Batch) -> None:
        """Take one delivery: what fails before its place is known halts the conversation, later only its session."""
        if delivery.conversation in self._halted:
            return
        try:
            leaf = self._verified_leaf(delivery)
            row = self._row_for(delivery, leaf)
            if leaf.conversation_sequence < row.next_sequence and delivery.ack.index <= row.newest_leaf:
                return  # delivered again after a reconnect
            self._require_next(delivery, leaf, row)
        except TapelineError as error:
            # The cursor stays: skipping a leaf would hide what the relay withholds.
            self._halted.add(delivery.conversation)
            batch.alarms.append((self._alarms.row(error, delivery.conversation), error))
            return
        await self._take(delivery, leaf, row, batch)
        row.next_sequence, row.newest_leaf = leaf.conversation_sequence + 1, delivery.ack.index
        self._conversations[row.conversation] = batch.conversations[row.conversation] = row
        batch.pending.append(PendingLeaf(delivery.ack.index, delivery.ack.leaf, self._device.clock()))

    def _verified_leaf(self, delivery: Delivery) -> Leaf:
        state = self._device.directory.state
        self._verdicts.ack(state.relay_key, state.roster().archive_origin, delivery.ack)
        leaf = parse_leaf(delivery.ack.leaf)
        require_not_backdated(delivery.ack.index, leaf, self._device.directory.shared.notes.newest)
        return leaf

    def _row_for(self, delivery: Delivery, leaf: Leaf) -> ConversationRow:
        known = self._conversations.get(delivery.conversation)
        if known is not None:
            return known
        # A conversation begins here with the statement that made us a member; its salt says which tag it has.
        claimed = parse_statement(delivery.membership)
        if claimed.statement.sequence == 0:
            is_its_own = claimed.conversation == conversation_id(claimed.statement_hash) == delivery.conversation
            require(is_its_own, Rule.LEAF_TAG, "The conversation's id is not its genesis statement's.")
            its_tag = tag(claimed.statement.salt, claimed.conversation)
        else:
            its_tag = leaf.conversation_tag  # held against the directory as soon as it knows the statement
        return ConversationRow(delivery.conversation, its_tag, leaf.conversation_sequence, -1, b"")

    def _require_next(self, delivery: Delivery, leaf: Leaf, row: ConversationRow) -> None:
        require(leaf.conversation_tag == row.tag, Rule.LEAF_TAG, "A leaf's tag is not its conversation's.")
        require(
            leaf.conversation_sequence == row.next_sequence and delivery.ack.index > row.newest_leaf,
            Rule.LEAF_SEQUENCE,
            "A conversation's sequence has a gap or a repeat.",
        )

    async def _take(self, delivery: Delivery, leaf: Leaf, row: ConversationRow, batch: Batch) -> None:
        kind = delivery.WhichOneof("item")
        record_hash = leaf.object_hash if leaf.type == LeafType.LEAF_TYPE_SESSION else b""
        try:
            if kind == "membership":
                self._take_membership(delivery, leaf, row, batch)
            elif kind == "record_view":
                await self._take_record(delivery, leaf, row, batch)
            elif kind == "withheld":
                self._take_withheld(delivery, leaf, row, batch)
            else:
                record_hash = self._take_message(delivery, leaf, row, batch)
        except RelayUnreachable:
            raise
        except TapelineError as error:
            self._drop(error, delivery, leaf, record_hash, batch)

    def _take_membership(self, delivery: Delivery, leaf: Leaf, row: ConversationRow, batch: Batch) -> None:
        claimed = parse_statement(delivery.membership)
        require(claimed.conversation == row.conversation, Rule.LEAF_TAG, "The statement is another conversation's.")
        require_leaf_of(leaf, LeafType.LEAF_TYPE_MEMBERSHIP, row.tag, claimed.statement_hash)
        row.membership = claimed.statement_hash
        # A session ends with the membership that it was opened under.
        for reading in self._readings.values():
            if reading.row.conversation == row.conversation:
                reading.row.not_after_ms = min(reading.row.not_after_ms, leaf.relay_time_ms)
                batch.readings[reading.row.record_hash] = reading
        batch.memberships.append((row.conversation, delivery.ack.index))

    async def _take_record(self, delivery: Delivery, leaf: Leaf, row: ConversationRow, batch: Batch) -> None:
        require_leaf_of(leaf, LeafType.LEAF_TYPE_SESSION, row.tag, leaf.object_hash)
        reading = self._readings.get(leaf.object_hash)
        if not delivery.record_view:
            if reading is None or reading.row.state is not SessionState.OWN:
                raise StateError("This store does not know an own session that the relay shows.", "Tell its operator.")
            reading.row.leaf, reading.row.leaf_index = delivery.ack.leaf, delivery.ack.index
        else:
            reading = await self._records.read(
                delivery.record_view, row.conversation, leaf, delivery.ack.index, row.membership
            )
        self._readings[leaf.object_hash] = batch.readings[leaf.object_hash] = reading

    def _take_withheld(self, delivery: Delivery, leaf: Leaf, row: ConversationRow, batch: Batch) -> None:
        require_leaf_of(leaf, LeafType.LEAF_TYPE_SESSION, row.tag, delivery.withheld)
        self._put_unread(delivery, leaf, SessionState.WITHHELD, batch)
        batch.events.append(Withheld(row.conversation, delivery.withheld))

    def _take_message(self, delivery: Delivery, leaf: Leaf, row: ConversationRow, batch: Batch) -> bytes:
        """Take a message, and return the record hash of its session; raises with the session dropped already."""
        parsed = self._verdicts.parsed(delivery.message)
        require_leaf_of(leaf, LeafType.LEAF_TYPE_MESSAGE, row.tag, parsed.message_hash)
        reading = self._readings.get(parsed.record_hash)
        if reading is None or reading.row.conversation != row.conversation:
            raise Refused(Rule.MSG_SESSION, "A message of a session that was never delivered.")
        if reading.row.state in {SessionState.WITHHELD, SessionState.DROPPED}:
            return parsed.record_hash
        try:
            in_time = leaf.relay_time_ms <= reading.row.not_after_ms
            require(in_time, Rule.MSG_SESSION, "The message came after its session ended.")
            verified = self._verdicts.message(
                parsed,
                sender_key=self._sender_key(reading),
                record_hash=parsed.record_hash,
                index=reading.row.next_index,
                previous=reading.row.previous,
            )
            batch.readings[parsed.record_hash] = reading
            reading.advance(parsed.message_hash)
            if reading.chain is not None:
                self._open(delivery, leaf, reading.chain.open(verified), verified, reading, batch)
        except TapelineError as error:
            reading.drop()
            batch.readings[parsed.record_hash] = reading
            row_hash = parsed.message_hash
            batch.alarms.append((self._alarms.row(error, row.conversation, parsed.record_hash, row_hash), error))
        return parsed.record_hash

    def _open(
        self,
        delivery: Delivery,
        leaf: Leaf,
        content: bytes,
        verified: VerifiedMessage,
        reading: Reading,
        batch: Batch,
    ) -> None:
        said = decode_content(content)
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

    def _drop(self, error: TapelineError, delivery: Delivery, leaf: Leaf, record_hash: bytes, batch: Batch) -> None:
        """Drop the session that does not verify, tell, and leave a complaint to be filed."""
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
            not_after_ms=leaf.relay_time_ms,
            leaf=delivery.ack.leaf,
            leaf_index=delivery.ack.index,
            view=None,
        )
        self._readings[leaf.object_hash] = batch.readings[leaf.object_hash] = Reading(row)

    def _tell(self, batch: Batch) -> None:
        self._proofs.add(batch.pending)
        for row, error in batch.alarms:
            self._alarms.tell(row, error)
        for event in batch.events:
            self._bus.publish(event)
        for message, said in batch.disclosures:
            if message.position:
                self._bus.publish(_disclosure(message, said))
        self._on_stored(batch)

    # --- final judgement -------------------------------------------------------------------------------------------

    async def settle(self, indices: Iterable[int]) -> None:
        """Judge finally the records whose leaves are proven now; one that fails is dropped after all."""
        proven = set(indices)
        for reading in [one for one in self._readings.values() if one.row.view and one.row.leaf_index in proven]:
            try:
                await self._records.judge_again(reading.row)
                reading.row.view = None
            except RelayUnreachable:
                raise
            except TapelineError as error:
                reading.drop()
                await self._alarms.raise_now(error, reading.row.conversation, reading.row.record_hash)
            await self._device.database.run(partial(inbox.put_session, row=reading.to_row()))


def _disclosure(message: MessageRow, said: RecordingDisclosure) -> Disclosure:
    return Disclosure(
        message.conversation, message.user, said.firm, said.text, said.retention_class, message.message_hash
    )
