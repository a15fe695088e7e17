"""The receiving side: deliveries in order, one transaction for each frame, cursors that move with what they pass."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

from tapeline.base.errors import TapelineError
from tapeline.base.rules import Rule, require
from tapeline.client.alarms import Alarms
from tapeline.client.bus import EventBus
from tapeline.client.content import RecordingDisclosure
from tapeline.client.device import Device
from tapeline.client.errors import RelayUnreachable
from tapeline.client.events import Disclosure
from tapeline.client.leafcheck import parse_leaf, require_not_backdated
from tapeline.client.proofs import Proofs
from tapeline.client.receive.batch import Batch
from tapeline.client.receive.memory import Inbox
from tapeline.client.receive.records import RecordReader
from tapeline.client.receive.taking import Taker
from tapeline.client.store import inbox
from tapeline.client.store.history import MessageRow
from tapeline.client.store.inbox import REMOVED, ConversationRow
from tapeline.client.store.leaves import PendingLeaf
from tapeline.client.verdicts import SharedVerdicts
from tapeline.crypto.ids import conversation_id, tag
from tapeline.crypto.membership import parse_statement
from tapeline.wire.v1.objects_pb2 import Leaf
from tapeline.wire.v1.relay_pb2 import Delivery


class Receiver:
    """Takes deliveries of all conversations of one device."""

    def __init__(
        self,
        device: Device,
        memory: Inbox,
        records: RecordReader,
        verdicts: SharedVerdicts,
        proofs: Proofs,
        alarms: Alarms,
        bus: EventBus,
        on_stored: Callable[[Batch], None],
    ) -> None:
        self._device = device
        self._memory = memory
        self._records = records
        self._verdicts = verdicts
        self._taker = Taker(device, memory, records, verdicts, alarms)
        self._proofs = proofs
        self._alarms = alarms
        self._bus = bus
        self._on_stored = on_stored
        self._halted: set[bytes] = set()

    async def restore(self) -> None:
        """Load cursors and sessions."""
        await self._memory.restore()
        self._halted.clear()

    @property
    def is_whole(self) -> bool:
        """Tell whether no conversation stands still because of a leaf that does not fit."""
        return not self._halted

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
        await self._tell(batch)

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
        await self._taker.take(delivery, leaf, row, batch)
        row.next_sequence, row.newest_leaf = leaf.conversation_sequence + 1, delivery.ack.index
        self._memory.conversations[row.conversation] = batch.conversations[row.conversation] = row
        now = self._device.clock()
        batch.pending.append(PendingLeaf(delivery.ack.index, delivery.ack.leaf, delivery.ack.signature, now))

    def _verified_leaf(self, delivery: Delivery) -> Leaf:
        state = self._device.directory.state
        self._verdicts.ack(state.relay_key, state.roster().archive_origin, delivery.ack)
        leaf = parse_leaf(delivery.ack.leaf)
        require_not_backdated(delivery.ack.index, leaf, self._device.directory.shared.notes.newest)
        return leaf

    def _row_for(self, delivery: Delivery, leaf: Leaf) -> ConversationRow:
        known = self._memory.conversations.get(delivery.conversation)
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
        # What was said while we were no member is not ours; a statement that adds us again ends that time.
        is_return = row.membership == REMOVED and self._adds_us(delivery)
        follows = leaf.conversation_sequence == row.next_sequence
        require(
            (follows or (is_return and leaf.conversation_sequence > row.next_sequence))
            and delivery.ack.index > row.newest_leaf,
            Rule.LEAF_SEQUENCE,
            "A conversation's sequence has a gap or a repeat.",
        )

    def _adds_us(self, delivery: Delivery) -> bool:
        if delivery.WhichOneof("item") != "membership":
            return False
        members = parse_statement(delivery.membership).statement.members
        return self._device.person in {(one.firm, one.user) for one in members}

    async def _tell(self, batch: Batch) -> None:
        await self._proofs.add(batch.pending)
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
        for reading in [one for one in self._memory.readings.values() if one.row.view and one.row.leaf_index in proven]:
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
