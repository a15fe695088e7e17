"""One conversation's way out: seal in order, store, submit; after a refusal, seal again in a new session.

  put ─▶ waiting ──seal, store──▶ in flight ──ack──▶ done
            ▲                         │
            └──── session refused ────┘

A new session is opened only when nothing is in flight, so a refusal can never put older messages behind newer ones.

After a refusal it waits, longer each time, until a message is acknowledged again. A refusal that fresher facts would
help against (members, devices, keys have changed) costs time and never a message; a definitive one gives up what was
refused, and only that, when it has been so for a minute.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from sqlite3 import Connection
from typing import Protocol

from tapeline.base.errors import TapelineError
from tapeline.client.bus import EventBus
from tapeline.client.device import Device
from tapeline.client.errors import SendFailed
from tapeline.client.events import NotSent, SendDelayed, StaleDevices
from tapeline.client.faults import as_error
from tapeline.client.send import storing
from tapeline.client.send.outgoing import Outgoing
from tapeline.client.session.opener import SessionOpener
from tapeline.client.session.sending import SendingSession
from tapeline.client.store import outbox
from tapeline.client.store.outbox import OutboxRow
from tapeline.client.transport.backoff import Backoff
from tapeline.crypto.limits import BATCH, SESSION_MESSAGES

WINDOW = 2 * SESSION_MESSAGES


class Places(Protocol):
    """Where the conversation stands, as the receiving side knows."""

    def newest_leaf(self, conversation: bytes) -> int:
        """Return the highest leaf index seen in the conversation."""

    def sequence(self, conversation: bytes) -> int | None:
        """Return the highest conversation sequence seen."""

    def add_own_session(
        self, conversation: bytes, record_hash: bytes, not_after_ms: int
    ) -> Callable[[Connection], None]:
        """Take note of a session that this device opened; return the job that stores it."""


class Lane:
    """Sends one conversation's messages in order."""

    def __init__(
        self,
        conversation: bytes,
        device: Device,
        opener: SessionOpener,
        places: Places,
        bus: EventBus,
        submit: Callable[[Iterable[Outgoing]], None],
        prelude: Callable[[bytes], Awaitable[Outgoing | None]],
    ) -> None:
        self.conversation = conversation
        self.in_flight: deque[Outgoing] = deque()
        self._waiting: deque[Outgoing] = deque()
        self._device = device
        self._opener = opener
        self._places = places
        self._bus = bus
        self._submit = submit
        self._prelude = prelude
        self._begun = False
        self._session: SendingSession | None = None
        self._refresh = False
        self._was_refused = False
        self._backoff = Backoff(device.rng)
        self._wake = asyncio.Event()

    def put(self, outgoing: Outgoing) -> None:
        """Take a message to send."""
        self._waiting.append(outgoing)
        self._wake.set()

    def restore(self, outgoing: Outgoing) -> None:
        """Take a row of an earlier run: finished ciphertexts are only repeated, byte for byte."""
        outgoing.stored = bool(outgoing.row.sealed)
        (self.in_flight if outgoing.stored else self._waiting).append(outgoing)
        self._wake.set()

    def wake(self) -> None:
        """Look again: an acknowledgement made room, or the relay is back."""
        self._wake.set()

    def acknowledged(self, outgoing: Outgoing) -> None:
        """Take out of flight what the relay acknowledged."""
        self.in_flight.remove(outgoing)
        if not outgoing.row.is_record:  # a record alone does not show that sessions hold
            self._was_refused = False
            self._backoff.reset()
        self._wake.set()

    async def run(self) -> None:
        """Send until cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._waiting and len(self.in_flight) < WINDOW:
                try:
                    if not await self._send_some():
                        break
                except Exception as fault:  # of this message: the lane, and the other conversations', go on
                    await self._after_failure(as_error("Sending a message", fault))

    async def refuse_session(self, record_hash: bytes, error: TapelineError, named: Outgoing) -> None:
        """The relay refused a session's record, or a message in it: seal what it did not take in a new one.

        Args:
            record_hash: of the session.
            error: why.
            named: the record or message that it refused; those behind it went down with it.
        """
        if self._session is not None and self._session.record_hash == record_hash:
            self._session = None
        refused = [one for one in self.in_flight if one.row.record_hash == record_hash]
        self.in_flight = deque(one for one in self.in_flight if one.row.record_hash != record_hash)
        records = [one for one in refused if one.row.is_record]
        messages = [one for one in refused if not one.row.is_record]
        blamed = [] if error.retryable else messages if named.row.is_record else [named]
        now_s = _now_s()
        for one in blamed:
            one.count(now_s)
        hopeless = [one for one in blamed if one.is_hopeless(now_s)]
        for one in messages:
            one.stored = False
            storing.unseal(one.row)
        self._waiting.extendleft(one for one in reversed(messages) if one not in hopeless)
        if self._was_refused:  # once is an everyday matter; twice, with nothing sent between, is a delay
            self._bus.publish(SendDelayed(self.conversation, error))
        self._refresh = self._was_refused = True
        await self._device.database.run(partial(storing.undo, records=records, messages=messages))
        await self._give_up(hopeless, error)
        self._wake.set()

    async def _give_up(self, hopeless: list[Outgoing], error: TapelineError) -> None:
        if not hopeless:
            return
        self._waiting = deque(one for one in self._waiting if one not in hopeless)
        await self._device.database.run(lambda db: outbox.remove(db, [one.row.position for one in hopeless]))
        cause = f"The message can not be sent: {error.cause}"
        failed = error if isinstance(error, SendFailed) else SendFailed(cause, error.remedy)
        for one in hopeless:
            one.fail(failed)
            self._bus.publish(NotSent(self.conversation, one.row.message_id, failed))

    async def _after_failure(self, error: TapelineError) -> None:
        """Wait and try again; without hope for what waits, tell those who wait for it."""
        self._refresh = True
        self._bus.publish(SendDelayed(self.conversation, error))
        if isinstance(error, SendFailed):  # final by this device's own judgement
            await self._give_up(list(self._waiting), error)
            return
        if not error.retryable:
            now_s = _now_s()
            for one in self._waiting:
                one.count(now_s)
            await self._give_up([one for one in self._waiting if one.is_hopeless(now_s)], error)
        await asyncio.sleep(self._backoff.next_delay())

    async def _send_some(self) -> bool:
        """Seal and submit what fits; False where something in flight must come back first."""
        if not self._begun:
            first = await self._prelude(self.conversation)
            self._begun = True
            if first is not None:
                self._waiting.appendleft(first)
        session = self._session
        if session is None or not await self._opener.still_fits(session, self.conversation):
            self._session = None
            if self.in_flight:
                return False
            await self._keep_waiting()
            session = await self._open()
        count = min(BATCH, SESSION_MESSAGES - session.chain.next_index, len(self._waiting))
        batch = [self._waiting.popleft() for _ in range(count)]
        for one in batch:
            self._seal(session, one.row)
        self.in_flight.extend(batch)
        # Stored before sent: a ciphertext that left once is the one that every retry repeats.
        await self._device.database.run(partial(storing.store, rows=[one.row for one in batch]))
        ready = [one for one in batch if one.row.record_hash == session.record_hash]
        for one in ready:
            one.stored = True
        self._submit(ready)
        return True

    def _seal(self, session: SendingSession, row: OutboxRow) -> None:
        sealed = session.chain.seal(
            row.content,
            client_time_ms=self._device.clock(),
            newest_leaf=self._places.newest_leaf(self.conversation),
            conversation_sequence=self._places.sequence(self.conversation),
        )
        row.sealed, row.message_hash, row.message_index = sealed.message, sealed.message_hash, sealed.index
        row.record_hash = session.record_hash

    async def _keep_waiting(self) -> None:
        """Store what waits before anything that may take long: a message given to send survives this process."""
        fresh = [one.row for one in self._waiting if not one.row.position]
        if fresh:
            await self._device.database.run(partial(storing.store, rows=fresh))

    async def _open(self) -> SendingSession:
        if self._was_refused:
            await asyncio.sleep(self._backoff.next_delay())
        opened = await self._opener.open(self.conversation, refresh=self._refresh)
        self._refresh = False
        record = Outgoing(OutboxRow(self.conversation, sealed=opened.record, record_hash=opened.session.record_hash))
        own = self._places.add_own_session(self.conversation, opened.session.record_hash, opened.session.not_after_ms)
        self.in_flight.append(record)
        await self._device.database.run(partial(storing.store_record, row=record.row, opened=opened, own=own))
        self._session = opened.session
        record.stored = True
        self._submit([record])
        if opened.stale:
            self._bus.publish(StaleDevices(self.conversation, opened.stale))
        return opened.session


def _now_s() -> float:
    return asyncio.get_running_loop().time()
