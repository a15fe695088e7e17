"""The running parts of one client: built from its store, kept going by a few background tasks."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress

from tapeline.base.errors import TapelineError
from tapeline.base.rules import Refused, Rule, require
from tapeline.base.times import MINUTE
from tapeline.client.alarms import Alarms
from tapeline.client.bus import EventBus
from tapeline.client.device import Device
from tapeline.client.errors import RelayUnreachable, StoreIsOlder
from tapeline.client.events import CaughtUp, Connected, Disconnected, MembershipChanged
from tapeline.client.faults import as_error
from tapeline.client.inlet import Inlet
from tapeline.client.options import ClientOptions
from tapeline.client.proofs import Proofs
from tapeline.client.receive.batch import Batch
from tapeline.client.receive.memory import Inbox
from tapeline.client.receive.receiver import Receiver
from tapeline.client.receive.records import RecordReader
from tapeline.client.receive.settling import Settler
from tapeline.client.reminders import Reminders
from tapeline.client.send.outgoing import Outgoing
from tapeline.client.send.sender import Sender
from tapeline.client.session.opener import SessionOpener
from tapeline.client.session.prekeys import PrekeyKeeper
from tapeline.client.session.stock import ReceiptStock
from tapeline.client.transport.backoff import Backoff
from tapeline.client.transport.link import Link
from tapeline.client.watch import DirectoryWatch
from tapeline.transparency.cosigned import CosignedCheckpoint
from tapeline.wire.v1.relay_pb2 import Delivery, ServerFrame

FRAMES = 32
HOUSEKEEPING_SECONDS = 5.0
LOOK_MS = 10 * MINUTE


class Engine:
    """Runs one enrolled device."""

    def __init__(self, device: Device, options: ClientOptions) -> None:
        self.device = device
        self.bus = EventBus()
        self.alarms = Alarms(device, self.bus)
        device.directory.watcher = DirectoryWatch(device, self.alarms, self.bus)
        self.proofs = Proofs(device, self.alarms)
        self.reminders = Reminders(device, self.bus)
        self.prekeys = PrekeyKeeper(device)
        self.stock = ReceiptStock(device)
        self.inlet = Inlet(device.database, device.entry.entry_hash)
        self.prelude: Callable[[bytes], Awaitable[Outgoing | None]] = _nothing
        self.on_failure: Callable[[BaseException], None] = lambda _: None
        self.on_batch: Callable[[Batch], None] = lambda _: None
        verdicts = options.verdicts
        records = RecordReader(device, self.prekeys, verdicts)
        self.inbox = Inbox(device)
        self.receiver = Receiver(
            device, self.inbox, records, verdicts, self.proofs, self.alarms, self.bus, self._stored
        )
        self.settler = Settler(device, self.inbox, records, self.alarms)
        opener = SessionOpener(device, self.stock)
        self.sender = Sender(
            device,
            opener,
            self.inbox,
            verdicts,
            self.proofs,
            self.alarms,
            self.bus,
            lambda items: self.link.submit(items),
            lambda conversation: self.prelude(conversation),
        )
        self.link = Link(
            device.caller,
            device.rng,
            opening=lambda: (self.inbox.subscription(), self.sender.unanswered()),
            on_frame=self._on_frame,
            on_state=self._on_state,
        )
        self._frames: asyncio.Queue[tuple[list[Delivery], bool]] = asyncio.Queue(FRAMES)
        self._note = b""
        self._wanted_size = 0
        self._note_news = asyncio.Event()
        self._caught_up = False
        self._closed = False
        self._connected = False
        self._tasks: list[asyncio.Task[None]] = []
        self._side: set[asyncio.Task[None]] = set()
        self._faults: set[str] = set()

    async def start(self) -> None:
        """Take up what the store holds, then run; nothing here waits for the relay."""
        await self.prekeys.restore()
        await self.stock.restore()
        await self.proofs.restore()
        await self.receiver.restore()
        await self.sender.restore()
        await self.reminders.look()
        for task in (self.link.run(), self._receive(), self._follow_notes(), self._keep_house()):
            self._spawn(task)

    async def close(self) -> None:
        """Stop everything; what is in the outbox stays there."""
        await self._stop()
        self.inlet.close()
        self.bus.close()

    async def _stop(self) -> None:
        self._closed = True
        self.stock.close()
        tasks = [*self._tasks, *self._side]
        for task in tasks:
            if task is not asyncio.current_task():
                task.cancel()
        await asyncio.gather(*(task for task in tasks if task is not asyncio.current_task()), return_exceptions=True)
        await self.sender.close()

    def aside(self, work: Coroutine[None, None, None]) -> None:
        """Do something beside the rest; its failure is not the client's."""
        if self._closed:
            work.close()
            return
        task = asyncio.create_task(self._guard("A task beside the rest", work))
        self._side.add(task)
        task.add_done_callback(self._side.discard)
        task.add_done_callback(lambda _: work.close())  # where the client closed before it began

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        task.add_done_callback(self._ended)
        self._tasks.append(task)

    def _ended(self, task: asyncio.Task[None]) -> None:
        """A part that died takes the client with it: half a client would lose messages silently."""
        if not task.cancelled() and (error := task.exception()) is not None:
            for other in self._tasks:
                other.cancel()
            self.inlet.close(error)
            self.bus.close()
            self.on_failure(error)

    # --- what comes from the relay -----------------------------------------------------------------------------------

    async def _on_frame(self, frame: ServerFrame) -> None:
        if frame.note:
            self._note = frame.note
            self._note_news.set()
        if frame.directory_size > self._wanted_size:
            self._wanted_size = frame.directory_size
            self._note_news.set()
        if frame.answers:
            await self.sender.on_answers(frame.answers)
        if frame.deliveries or frame.caught_up:
            await self._frames.put((list(frame.deliveries), frame.caught_up))

    def _on_state(self, cause: TapelineError | None) -> None:
        self.bus.publish(Connected() if cause is None else Disconnected(cause))
        self._connected = cause is None
        if cause is None:
            self.proofs.connected()
            self.sender.wake_all()
            self.aside(self.alarms.file_complaints())
        else:
            self._caught_up = False

    async def _receive(self) -> None:
        backoff = Backoff(self.device.rng)
        while True:
            deliveries, caught_up = await self._frames.get()
            while True:
                try:
                    await self.receiver.process(deliveries)
                except RelayUnreachable as error:
                    self.bus.publish(Disconnected(error))
                    await asyncio.sleep(backoff.next_delay())
                else:
                    backoff.reset()
                    break
            if caught_up:
                self._caught_up = True
                self.bus.publish(CaughtUp())

    def _stored(self, batch: Batch) -> None:
        if batch.messages:
            self.inlet.notify()
        for conversation, index in batch.memberships:
            self.aside(self._confirm_membership(conversation, index))
        if batch.alarms:
            self.aside(self.alarms.file_complaints())
        self.on_batch(batch)

    async def _confirm_membership(self, conversation: bytes, index: int) -> None:
        """Tell of a membership when its statement is verified and its leaf proven."""
        await self.device.directory.ensure(index + 1)
        found = self.device.directory.state.memberships.newest(conversation, below=index + 1)
        # Whoever delivers a statement that the directory lacks could make us believe that we were away meanwhile.
        if found[0] != index:
            lacking = Refused(Rule.LEAF_TAG, "A membership statement was delivered that the directory does not show.")
            await self.alarms.raise_now(lacking, conversation)
            return
        statement = found[1]
        shown = self.inbox.tag(conversation)
        if shown not in {None, statement.tag}:
            wrong = Refused(Rule.LEAF_TAG, "The conversation's leaves carry another tag than its salt gives.")
            await self.alarms.raise_now(wrong, conversation)
        self.bus.publish(MembershipChanged(conversation, statement.members, statement.sequence))

    # --- faults ------------------------------------------------------------------------------------------------------

    async def _guard(self, what: str, work: Coroutine[None, None, None]) -> None:
        """Do one job; what fails on purpose is tried again by its own means, and a fault ends nothing but the job."""
        try:
            await work
        except TapelineError:
            pass
        except Exception as fault:
            await self._tell_fault(what, fault)

    async def _tell_fault(self, what: str, fault: Exception) -> None:
        """Log a fault, and raise an alarm about it once a run, as a job may fail every few seconds."""
        error = as_error(what, fault)
        if error.cause not in self._faults:
            self._faults.add(error.cause)
            with suppress(Exception):
                await self.alarms.raise_now(error)

    # --- notes -------------------------------------------------------------------------------------------------------

    async def _follow_notes(self) -> None:
        while True:
            await self._note_news.wait()
            self._note_news.clear()
            try:
                note = await self.device.directory.take_note(self._note)
                await self.settler.settle(await self.proofs.on_note(note))
                await self._follow_devices(note)
            except Refused as refused:
                await self.alarms.raise_now(refused)
                # A forked log is no log to go on with (promise P7).
                require(refused.rule is not Rule.LOG_CONSISTENCY, refused.rule, refused.cause)
            except TapelineError:
                continue  # the next note tries again
            except Exception as fault:
                await self._tell_fault("Following the log", fault)

    async def _follow_devices(self, note: CosignedCheckpoint) -> None:
        """Learn of devices that joined or were revoked as soon as a note covers them: the next session fits them."""
        directory = self.device.directory
        if directory.next < self._wanted_size <= note.size:
            await directory.refresh()

    async def _keep_house(self) -> None:
        while True:
            if self.device.directory.shared.has_roster:
                await self._guard("Reminding of ends", self.reminders.look())
                await self._guard("Renewing the prekey", self._renew_prekey())
                if self._connected:
                    # Without talking too: a device that somebody enrols as this user must be noticed.
                    await self._guard("Looking at the directory", self._look())
                    await self._guard("Looking for overdue leaves", self.proofs.check_overdue())
                    await self._guard("Following complaints", self.alarms.chase_complaints())
            await asyncio.sleep(HOUSEKEEPING_SECONDS)

    async def _look(self) -> None:
        await self.device.directory.fresh_note(LOOK_MS)

    async def _renew_prekey(self) -> None:
        newest = self.device.directory.shared.notes.newest
        if self.prekeys.is_due or self.prekeys.is_unconfirmed:
            await self.device.directory.refresh()
            await self.prekeys.publish_unlogged()
        if self.prekeys.is_behind:
            older = StoreIsOlder(
                "The log holds a newer prekey of this device than its store: the store is an older copy.",
                "What was sealed to it meanwhile stays sealed here: ask for it again. Restore no older copies.",
            )
            if older.cause not in self._faults:  # once a run, as publishing may fail for long
                self._faults.add(older.cause)
                await self.alarms.raise_now(older)
        if self.prekeys.is_due:
            await self.prekeys.publish()
        is_through = self._caught_up and self._frames.empty() and self.receiver.is_whole
        if is_through and newest is not None:
            await self.prekeys.forget_old(newest.median_time_ms)
            await self.inbox.forget_ended(newest.median_time_ms)


async def _nothing(_: bytes) -> None:
    return None
