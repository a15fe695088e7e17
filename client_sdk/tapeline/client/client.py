"""The SDK's front door."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

from tapeline.client.alarms import OwnComplaint
from tapeline.client.content import Body, RecordingDisclosure, encode_content
from tapeline.client.conversation import Conversation
from tapeline.client.device import Device, own_entry
from tapeline.client.directory.bootstrap import Pins, bootstrap
from tapeline.client.directory.sync import DirectorySync
from tapeline.client.engine import Engine
from tapeline.client.enrolment import complete, prepare
from tapeline.client.errors import ClientClosed
from tapeline.client.events import Event
from tapeline.client.membership import MembershipMaker, PersonName
from tapeline.client.message import Message
from tapeline.client.options import ClientOptions
from tapeline.client.recording import Recording
from tapeline.client.send.outgoing import Outgoing, Receipt
from tapeline.client.store import alarms, history
from tapeline.client.store.alarms import AlarmRow
from tapeline.client.store.database import Database
from tapeline.client.store.folder import open_store
from tapeline.client.store.identity import Identity
from tapeline.client.store.keys import StoreKey
from tapeline.client.store.outbox import OutboxRow
from tapeline.client.transport.calls import Caller
from tapeline.client.transport.channels import Transport
from tapeline.crypto.membership import VerifiedMembership
from tapeline.crypto.signing import SigningKey

__all__ = ["Client", "ClientOptions", "PersonName"]


class Client:
    """One enrolled device: sends, receives, and verifies everything in between.

    Use it in `async with`; clients of one process share transport, verdicts and directory through `ClientOptions`.
    """

    def __init__(self, engine: Engine, options: ClientOptions, transport: Transport | None, relay: str = "") -> None:
        self._engine = engine
        self._device = engine.device
        self._options = options
        self._own_transport = transport
        self.relay = relay
        """The relay's address, `host:port`."""
        self._members = MembershipMaker(engine.device)
        self._pending: set[asyncio.Future[Receipt]] = set()
        self._recording = Recording(
            engine.device,
            options,
            engine.bus,
            make=lambda conversation, body: self._outgoing(conversation, body, {})[0],
            put=lambda outgoing: engine.sender.lane(outgoing.row.conversation).put(outgoing),
            aside=engine.aside,
        )
        engine.prelude = self._recording.prelude
        engine.on_batch = self._recording.heard
        engine.on_failure = self._fail_pending

    # --- life --------------------------------------------------------------------------------------------------------

    @classmethod
    async def enrol(
        cls,
        code: str,
        *,
        relay: str,
        enroller: str,
        store: str | Path,
        passphrase: str | StoreKey,
        device_name: str = "device",
        options: ClientOptions | None = None,
    ) -> Self:
        """Enrol a new device and return its running client.

        Args:
            code: from the enroller; it pins the deployment, so nothing is trusted on first use.
            relay, enroller: `host:port`.
            store: folder of the encrypted store, absent or empty; an interrupted enrolment is taken up again.
            passphrase: the store is encrypted under it (Argon2id); or a key derived before.
            device_name: shown to others.
            options: see `ClientOptions`.

        Raises:
            MalformedInput: a mistyped code, or a relay of another deployment.
            StoreProblem: the folder holds something else.
            RelayUnreachable: relay or enroller do not answer.
            TapelineError: the enroller's refusal.
        """
        chosen = options or ClientOptions()
        database = await prepare(
            code,
            relay=relay,
            enroller=enroller,
            store=Path(store),
            secret=passphrase,
            device_name=device_name,
            options=chosen,
        )
        return await cls._run(database, chosen, first=True)

    @classmethod
    async def open(cls, store: str | Path, passphrase: str | StoreKey, *, options: ClientOptions | None = None) -> Self:
        """Open an enrolled device; the relay may be away, then it connects when it is back.

        Raises:
            StoreProblem: no store there, wrong passphrase, or an altered file.
            NotEnrolled: enrolment was never begun here.
        """
        database = await open_store(Path(store), passphrase)
        return await cls._run(database, options or ClientOptions(), first=False)

    @classmethod
    async def _run(cls, database: Database, options: ClientOptions, *, first: bool) -> Self:
        own_transport = None if options.transport is not None else Transport()
        transport = options.transport or own_transport or Transport()
        try:
            who = await complete(database, transport)
            device = await _assemble(who, database, transport, options)
            engine = Engine(device, options)
            client = cls(engine, options, own_transport, who.relay)
            if first or device.directory.next == 0:
                await client._become_known()
            await engine.start()
        except BaseException:
            await database.close()
            if own_transport is not None:
                await own_transport.close()
            raise
        return client

    async def _become_known(self) -> None:
        """Wait until the own entry is logged, then publish the first prekey: from then on others can write to us."""
        directory, prekeys = self._device.directory, self._engine.prekeys
        await prekeys.restore()
        await directory.ensure(1)
        while self._device.entry.entry_hash not in {
            fact.device.entry_hash for fact in directory.state.devices_of(*self._device.person)
        }:
            await asyncio.sleep(0.1)
            await directory.refresh()
        if prekeys.is_due:
            await directory.ensure(1 + await prekeys.publish())

    async def close(self) -> None:
        """Stop; what is not acknowledged stays in the outbox and is sent when the store is opened again."""
        await self._engine.close()
        self._fail_pending(ClientClosed("The client was closed.", "The message is sent when it is opened again."))
        await self._device.database.close()
        if self._own_transport is not None:
            await self._own_transport.close()

    def _fail_pending(self, error: BaseException) -> None:
        for future in self._pending:
            if not future.done():
                future.set_exception(error)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    # --- who ---------------------------------------------------------------------------------------------------------

    @property
    def firm(self) -> str:
        """The user's firm."""
        return self._device.entry.firm

    @property
    def user(self) -> str:
        """The user's name."""
        return self._device.entry.user

    # --- conversations -----------------------------------------------------------------------------------------------

    async def create_conversation(self, people: Sequence[PersonName]) -> Conversation:
        """Begin a conversation with these people; its first message discloses that it is recorded.

        Args:
            people: users of the own firm by name, or (firm, user).

        Raises:
            NotFound: somebody is not enrolled.
            RelayUnreachable: no answer; ask again.
            Refused: the relay refuses it.
        """
        identifier = await self._members.create(people)
        self._recording.begun(identifier)
        await self.send(identifier, self._recording.disclosure(identifier), {})
        return Conversation(self, identifier)

    def conversation(self, identifier: bytes) -> Conversation:
        """Return a conversation by its id, such as `Message.conversation`.

        Raises:
            NotFound: not known here.
        """
        self.membership(identifier)
        return Conversation(self, identifier)

    def conversations(self) -> list[Conversation]:
        """Return all conversations that the user is a member of."""
        found = self._device.directory.state.conversations_of(*self._device.person)
        return [Conversation(self, identifier) for identifier in found]

    async def refresh(self) -> None:
        """Fetch what the directory has new: conversations that one was added to, people, devices.

        Raises:
            RelayUnreachable: no answer.
        """
        await self._device.directory.refresh()

    def membership(self, conversation: bytes) -> VerifiedMembership:
        """Return a conversation's newest verified statement."""
        return self._device.directory.state.membership(conversation)

    async def change_members(
        self, conversation: bytes, *, add: Sequence[PersonName], remove: Sequence[PersonName]
    ) -> None:
        """Publish the conversation's next membership statement; who is added hears that the line is recorded."""
        await self._device.directory.refresh()
        await self._members.change(self.membership(conversation), add, remove)
        if add:
            await self.send(conversation, self._recording.disclosure(conversation), {})

    # --- messages ----------------------------------------------------------------------------------------------------

    async def send(self, conversation: bytes, body: Body, labels: Mapping[str, str]) -> Receipt:
        """Send any content; see `Conversation.send`."""
        outgoing, accepted = self._outgoing(conversation, body, labels)
        self._engine.sender.lane(conversation).put(outgoing)
        return await accepted

    def _outgoing(
        self, conversation: bytes, body: Body, labels: Mapping[str, str]
    ) -> tuple[Outgoing, asyncio.Future[Receipt]]:
        message_id, content = encode_content(body, labels, self._options.rng)
        future: asyncio.Future[Receipt] = asyncio.get_running_loop().create_future()
        self._pending.add(future)
        future.add_done_callback(self._pending.discard)
        return Outgoing(OutboxRow(conversation, message_id=message_id, content=content), future), future

    def messages(self, *, after: int | None = None) -> AsyncIterator[Message]:
        """Iterate over what others sent, old and new, each once; ends when the client is closed.

        A message counts as handled when the next one is asked for: after a crash, exactly the one is given again
        whose handling had not ended. With `after` (a `Message.position` that the application keeps in a transaction
        of its own) the client's own cursor is neither read nor moved.
        """
        return self._engine.inlet.messages(after)

    def batches(self, *, after: int | None = None) -> AsyncIterator[list[Message]]:
        """As `messages`, in lists that are handled as a whole."""
        return self._engine.inlet.batches(after)

    def events(self) -> AsyncIterator[Event]:
        """Iterate over what happens beside messages: disclosures, memberships, alarms, the connection."""
        return self._engine.bus.listen()

    async def history(self, conversation: bytes, since: int, limit: int) -> list[Message]:
        """Return stored messages of a conversation; see `Conversation.history`."""
        job = partial(history.of_conversation, conversation=conversation, since=since, limit=limit)
        return [Message.of(row) for row in await self._device.database.run(job)]

    async def alarms(self) -> list[AlarmRow]:
        """Return every failed verification that this store keeps, oldest first."""
        return await self._device.database.run(alarms.load_all)

    async def complaints(self) -> list[OwnComplaint]:
        """Return every complaint of this device; one that is not logged for long can be handed to an auditor."""
        return await self._engine.alarms.own_complaints()

    async def own_disclosure(self, message: Message) -> RecordingDisclosure | None:
        """Return what to show before a message: that the line is recorded, in this client's own words.


        None where it is not the first message of others that this store got of its conversation, or is itself such a
        disclosure.
        """
        return await self._recording.own_disclosure(message.conversation, message.position)


async def _assemble(who: Identity, database: Database, transport: Transport, options: ClientOptions) -> Device:
    """Return the device with its replayed directory; only a new one needs the relay for that."""
    key = SigningKey.from_seed(who.seed)
    pins = Pins(who.roster_pin, who.log_pin)
    channel = transport.channel(who.relay)
    shared = options.directory
    shared.join(who.firm, pins)
    caller = Caller(channel, key, who.origin, options.clock)
    directory = DirectorySync(shared, database, caller, pins, options.clock)
    await directory.restore()
    if not shared.has_roster:
        shared.use_bootstrap(await bootstrap(channel, pins))
    return Device(key, own_entry(who.entry), database, directory, caller, options.clock, options.rng)
