"""The receiving side: deliveries in order, one transaction for each frame, cursors that move with what they pass."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from functools import partial

from tapeline.base.errors import TapelineError
from tapeline.base.rules import Refused, Rule, require
from tapeline.client.alarms import Alarms
from tapeline.client.bus import EventBus
from tapeline.client.content import RecordingDisclosure
from tapeline.client.device import Device
from tapeline.client.errors import ClientClosed, RelayUnreachable, StoreProblem
from tapeline.client.events import Disclosure
from tapeline.client.faults import as_error
from tapeline.client.leafcheck import parse_leaf, require_not_backdated
from tapeline.client.proofs import Proofs
from tapeline.client.receive.batch import Batch
from tapeline.client.receive.memory import Inbox
from tapeline.client.receive.records import RecordReader
from tapeline.client.receive.taking import Taker
from tapeline.client.store.history import MessageRow
from tapeline.client.store.inbox import REMOVED, ConversationRow
from tapeline.client.store.leaves import PendingLeaf
from tapeline.client.verdicts import SharedVerdicts
from tapeline.crypto.ids import conversation_id, tag
from tapeline.crypto.membership import parse_statement
from tapeline.wire.v1.objects_pb2 import Leaf
from tapeline.wire.v1.relay_pb2 import Delivery

_NOT_THE_FRAMES = (RelayUnreachable, StoreProblem, ClientClosed)
"""What goes wrong with everything, and says nothing about a delivery."""


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
            StoreProblem, ClientClosed: nothing can be stored.
        """
        frame = list(deliveries)
        try:
            batch = await self._taken(frame)
        except Exception as fault:
            if isinstance(fault, _NOT_THE_FRAMES):
                raise
            await self._one_by_one(frame)  # one of the frame is at fault: which, shows when each is taken alone
        else:
            await self._tell(batch)

    async def _one_by_one(self, frame: Iterable[Delivery]) -> None:
        """Take each delivery in a transaction of its own; one that fails is left out, told, and never met again."""
        for delivery in frame:
            try:
                batch = await self._taken([delivery])
            except Exception as fault:
                if isinstance(fault, _NOT_THE_FRAMES):
                    raise
                batch = await self._left_out(delivery, as_error("Taking a delivery", fault))
            await self._tell(batch)

    async def _taken(self, frame: Iterable[Delivery]) -> Batch:
        """Verify deliveries in order and store what they change, all or nothing."""
        batch = Batch(self._device.clock())
        async with self._kept_in_step():
            for delivery in frame:
                await self._one(delivery, batch)
            await self._device.database.run(batch.store)
        return batch

    async def _left_out(self, delivery: Delivery, error: TapelineError) -> Batch:
        """Move the cursor past a delivery that cannot be taken, drop its session, and leave an alarm.

        Should even that fail, the cursor moves alone; where its place is not known, the conversation halts.
        """
        for way_out in (self._drop, self._skip, self._halt):
            batch = Batch(self._device.clock())
            try:
                async with self._kept_in_step():
                    way_out(delivery, error, batch)
                    await self._device.database.run(batch.store)
            except Exception as fault:
                if isinstance(fault, _NOT_THE_FRAMES):
                    raise
                as_error("Leaving a delivery out", fault)
            else:
                return batch
        self._halted.add(delivery.conversation)
        return Batch(self._device.clock())

    def _drop(self, delivery: Delivery, error: TapelineError, batch: Batch) -> None:
        leaf = self._verified_leaf(delivery)
        row = self._placed(delivery, leaf)
        self._taker.leave_out(error, delivery, leaf, row, batch)
        self._move(delivery, leaf, row, batch)

    def _skip(self, delivery: Delivery, error: TapelineError, batch: Batch) -> None:
        leaf = self._verified_leaf(delivery)
        batch.alarms.append((self._alarms.row(error, delivery.conversation), error))
        self._move(delivery, leaf, self._placed(delivery, leaf), batch)

    @asynccontextmanager
    async def _kept_in_step(self) -> AsyncIterator[None]:
        """Keep memory from running ahead of the store: what was not stored is delivered again."""
        halted = set(self._halted)
        try:
            yield
        except BaseException:
            await self._memory.restore()
            self._halted = halted
            raise

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
            self._halt(delivery, error, batch)
            return
        await self._taker.take(delivery, leaf, row, batch)
        self._move(delivery, leaf, row, batch)

    def _halt(self, delivery: Delivery, error: TapelineError, batch: Batch) -> None:
        # The cursor stays: skipping a leaf would hide what the relay withholds.
        self._halted.add(delivery.conversation)
        batch.alarms.append((self._alarms.row(error, delivery.conversation), error))

    def _placed(self, delivery: Delivery, leaf: Leaf) -> ConversationRow:
        """Return the cursor of a delivery that is to be left out; a conversation that begins badly begins all the same.

        Raises:
            Refused: it is not the conversation's next.
        """
        try:
            row = self._row_for(delivery, leaf)
            self._require_next(delivery, leaf, row)
        except Refused:
            raise
        except Exception:
            known = self._memory.conversations.get(delivery.conversation)
            if known is None:
                number = leaf.conversation_sequence
                return ConversationRow(delivery.conversation, leaf.conversation_tag, number, -1, b"")
            follows = leaf.conversation_sequence == known.next_sequence and delivery.ack.index > known.newest_leaf
            require(follows, Rule.LEAF_SEQUENCE, "A conversation's sequence has a gap or a repeat.")
            return known
        return row

    def _move(self, delivery: Delivery, leaf: Leaf, row: ConversationRow, batch: Batch) -> None:
        """Move the conversation's cursor past a leaf, which a note must soon hold."""
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
        """Tell what was stored; a listener that fails keeps nobody else from hearing."""
        events = [*batch.events, *(_disclosure(*said) for said in batch.disclosures if said[0].position)]
        steps: tuple[Callable[[], object], ...] = (
            *(partial(self._alarms.tell, row, error) for row, error in batch.alarms),
            *(partial(self._bus.publish, event) for event in events),
            partial(self._on_stored, batch),
        )
        try:
            await self._proofs.add(batch.pending)
        except Exception as fault:
            as_error("Keeping leaves to be proven", fault)
        for step in steps:
            try:
                step()
            except Exception as fault:
                as_error("Telling of a delivery", fault)


def _disclosure(message: MessageRow, said: RecordingDisclosure) -> Disclosure:
    return Disclosure(
        message.conversation, message.user, said.firm, said.text, said.retention_class, message.message_hash
    )
