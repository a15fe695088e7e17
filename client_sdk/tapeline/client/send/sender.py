"""All lanes of a client, and the answers of the relay to what they submitted."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import count
from sqlite3 import Connection

from tapeline.base.errors import TapelineError
from tapeline.base.remote import from_refusal
from tapeline.base.rules import Refused
from tapeline.client.alarms import Alarms
from tapeline.client.bus import EventBus
from tapeline.client.device import Device
from tapeline.client.faults import as_error
from tapeline.client.leafcheck import parse_leaf, require_leaf_of, require_not_backdated
from tapeline.client.proofs import Proofs
from tapeline.client.send.lane import Lane, Places
from tapeline.client.send.outgoing import Outgoing, Receipt
from tapeline.client.session.opener import SessionOpener
from tapeline.client.store import history, leaves, outbox
from tapeline.client.store.history import MessageRow
from tapeline.client.store.leaves import PendingLeaf
from tapeline.client.verdicts import SharedVerdicts
from tapeline.wire.v1.objects_pb2 import Ack, Leaf, LeafType
from tapeline.wire.v1.relay_pb2 import Answer, Submission

RESEND_SECONDS = 0.25


@dataclass(frozen=True, slots=True)
class _Ticket:
    """What was submitted, in which session: after a refusal the same message goes out again in another."""

    lane: Lane
    outgoing: Outgoing
    record_hash: bytes

    @property
    def is_current(self) -> bool:
        """Tell whether an answer still concerns the message as it stands."""
        return self.outgoing.row.record_hash == self.record_hash and self.outgoing in self.lane.in_flight


@dataclass(frozen=True, slots=True)
class _Acked:
    lane: Lane
    outgoing: Outgoing
    ack: Ack
    leaf: Leaf


class Sender:
    """Gives messages to their lanes, and acknowledgements to those who wait."""

    def __init__(
        self,
        device: Device,
        opener: SessionOpener,
        places: Places,
        verdicts: SharedVerdicts,
        proofs: Proofs,
        alarms: Alarms,
        bus: EventBus,
        submit: Callable[[Iterable[Submission]], None],
        prelude: Callable[[bytes], Awaitable[Outgoing | None]],
    ) -> None:
        """Args: `prelude` returns what a lane says before its first message of this run, if anything."""
        self._device = device
        self._opener = opener
        self._places = places
        self._verdicts = verdicts
        self._proofs = proofs
        self._alarms = alarms
        self._bus = bus
        self._link_submit = submit
        self._prelude = prelude
        self._lanes: dict[bytes, Lane] = {}
        self._tasks: dict[bytes, asyncio.Task[None]] = {}
        self._resending: set[asyncio.Task[None]] = set()
        self._tickets: dict[int, _Ticket] = {}
        self._next_ticket = count(1)

    async def restore(self) -> None:
        """Take up the outbox of an earlier run."""
        for row in await self._device.database.run(outbox.load_all):
            self.lane(row.conversation).restore(Outgoing(row))

    def lane(self, conversation: bytes) -> Lane:
        """Return the conversation's lane, which is started when first asked for."""
        if conversation not in self._lanes:
            lane = Lane(
                conversation,
                self._device,
                self._opener,
                self._places,
                self._bus,
                lambda items: self._submit(self._lanes[conversation], items),
                self._prelude,
            )
            self._lanes[conversation] = lane
            self._tasks[conversation] = asyncio.create_task(lane.run())
        return self._lanes[conversation]

    def wake_all(self) -> None:
        """Let every lane look again."""
        for lane in self._lanes.values():
            lane.wake()

    def unanswered(self) -> list[Submission]:
        """Return everything in flight, in order and byte for byte, under new tickets."""
        self._tickets.clear()
        lanes = list(self._lanes.values())
        return [self._ticketed(lane, one) for lane in lanes for one in lane.in_flight if one.stored]

    async def close(self) -> None:
        """Stop sending; what is in the outbox is sent when the client is opened again."""
        for task in [*self._tasks.values(), *self._resending]:
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    async def on_answers(self, answers: Sequence[Answer]) -> None:
        """Take the relay's answers: what is acknowledged leaves the outbox and enters history in one transaction."""
        acked: list[_Acked] = []
        refused: list[tuple[_Ticket, TapelineError]] = []
        for answer in answers:
            ticket = self._tickets.pop(answer.ticket, None)
            if ticket is None or not ticket.is_current:
                continue
            if answer.WhichOneof("result") == "ack":
                await self._check(ticket, answer.ack, acked)
            else:
                refused.append((ticket, from_refusal(answer.refusal)))
        # Acknowledgements first: a refused session takes everything along that is still in flight.
        if acked:
            await self._finish(acked)
        for ticket, error in refused:
            await self._on_refusal(ticket, error)

    async def _check(self, ticket: _Ticket, ack: Ack, acked: list[_Acked]) -> None:
        lane, outgoing = ticket.lane, ticket.outgoing
        try:
            acked.append(_Acked(lane, outgoing, ack, self._verified_leaf(outgoing, ack)))
        except Exception as fault:
            # It stays in the outbox: an acknowledgement that does not verify is none.
            error = as_error("Verifying an acknowledgement", fault)
            await self._alarms.raise_now(error, lane.conversation, outgoing.row.record_hash)

    def _verified_leaf(self, outgoing: Outgoing, ack: Ack) -> Leaf:
        state, row = self._device.directory.state, outgoing.row
        self._verdicts.ack(state.relay_key, state.roster().archive_origin, ack)
        leaf = parse_leaf(ack.leaf)
        kind = LeafType.LEAF_TYPE_SESSION if row.is_record else LeafType.LEAF_TYPE_MESSAGE
        tag = state.membership(row.conversation).tag
        require_leaf_of(leaf, kind, tag, row.record_hash if row.is_record else row.message_hash)
        require_not_backdated(ack.index, leaf, self._device.directory.shared.notes.newest)
        return leaf

    async def _on_refusal(self, ticket: _Ticket, error: TapelineError) -> None:
        if not ticket.is_current:
            return
        if isinstance(error, Refused) or not error.retryable:
            await ticket.lane.refuse_session(ticket.record_hash, error, ticket.outgoing)
            return
        # Not about what was sent, such as a relay with too much to do: the same bytes again, and all behind them.
        task = asyncio.create_task(self._resend_later(ticket.lane, ticket.record_hash))
        self._resending.add(task)
        task.add_done_callback(self._resending.discard)

    async def _resend_later(self, lane: Lane, record_hash: bytes) -> None:
        await asyncio.sleep(RESEND_SECONDS)
        ticketed = {id(one.outgoing) for one in self._tickets.values()}
        mine = [one for one in lane.in_flight if one.row.record_hash == record_hash and one.stored]
        again = [one for one in mine if id(one) not in ticketed]
        self._submit(lane, again)

    async def _finish(self, acked: list[_Acked]) -> None:
        now = self._device.clock()
        pending = [PendingLeaf(one.ack.index, one.ack.leaf, one.ack.signature, now) for one in acked]
        messages = [self._history(one) for one in acked if not one.outgoing.row.is_record]
        positions = [one.outgoing.row.position for one in acked]
        await self._device.database.run(partial(_store_acked, positions=positions, messages=messages, pending=pending))
        await self._proofs.add(pending)
        for one in acked:
            one.lane.acknowledged(one.outgoing)
            future = one.outgoing.accepted
            if future is not None and not future.done():
                future.set_result(self._receipt(one))

    def _history(self, acked: _Acked) -> MessageRow:
        row, (firm, user) = acked.outgoing.row, self._device.person
        return MessageRow(
            conversation=row.conversation,
            sequence=acked.leaf.conversation_sequence,
            record_hash=row.record_hash,
            message_index=row.message_index,
            message_hash=row.message_hash,
            firm=firm,
            user=user,
            device=self._device.entry.entry_hash,
            message_id=row.message_id,
            content=row.content,
            leaf_index=acked.ack.index,
            relay_time_ms=acked.leaf.relay_time_ms,
            client_time_ms=self._device.clock(),
        )

    def _receipt(self, acked: _Acked) -> Receipt:
        row = acked.outgoing.row
        return Receipt(
            conversation=row.conversation,
            message_id=row.message_id,
            message_hash=row.message_hash,
            record_hash=row.record_hash,
            index=acked.ack.index,
            sequence=acked.leaf.conversation_sequence,
            relay_time_ms=acked.leaf.relay_time_ms,
            _leaf=acked.ack.leaf,
            _proofs=self._proofs,
        )

    def _submit(self, lane: Lane, items: Iterable[Outgoing]) -> None:
        self._link_submit([self._ticketed(lane, one) for one in items])

    def _ticketed(self, lane: Lane, outgoing: Outgoing) -> Submission:
        ticket = next(self._next_ticket)
        self._tickets[ticket] = _Ticket(lane, outgoing, outgoing.row.record_hash)
        if outgoing.row.is_record:
            return Submission(ticket=ticket, record=outgoing.row.sealed)
        return Submission(ticket=ticket, message=outgoing.row.sealed)


def _store_acked(db: Connection, positions: list[int], messages: list[MessageRow], pending: list[PendingLeaf]) -> None:
    outbox.remove(db, positions)
    for message in messages:
        history.add(db, message)
    leaves.add_pending(db, pending)
