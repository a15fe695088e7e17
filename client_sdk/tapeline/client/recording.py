"""Everybody knows that a line is recorded: who begins or widens a conversation says so, who reads acknowledges once.

What another client or the relay could leave out, this client says to its own user itself, from the verified statement.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

from tapeline.client.bus import EventBus
from tapeline.client.content import Body, DisclosureAck, RecordingDisclosure, decode_content
from tapeline.client.device import Device
from tapeline.client.events import Disclosure
from tapeline.client.options import ClientOptions
from tapeline.client.receive.batch import Batch
from tapeline.client.send.outgoing import Outgoing
from tapeline.client.store import disclosures, history
from tapeline.client.store.history import MessageRow

AT_ONCE_MEMBERS = 32
"""In a larger conversation each acknowledgement waits for its member's own first message: by itself it would need a
session of its own, with a row for everybody."""
JITTER_SECONDS = 0.01
"""For each member: they all hear a disclosure at one time."""


class Recording:
    """The recording disclosures of one client's conversations."""

    def __init__(
        self,
        device: Device,
        options: ClientOptions,
        bus: EventBus,
        make: Callable[[bytes, Body], Outgoing],
        put: Callable[[Outgoing], None],
        aside: Callable[[Coroutine[Any, Any, None]], None],
    ) -> None:
        """Args: `make` prepares a message, `put` sends it, `aside` runs work beside the rest."""
        self._device = device
        self._options = options
        self._bus = bus
        self._make, self._put, self._aside = make, put, aside
        self._disclosed: set[bytes] = set()
        self._answering: set[bytes] = set()
        self._told: set[bytes] = set()
        self._spoke: set[bytes] = set()

    def disclosure(self, conversation: bytes) -> RecordingDisclosure:
        """Return what there is to say of a conversation, by its newest verified statement."""
        firm = self._device.entry.firm
        chosen = dict(self._device.directory.state.membership(conversation).firms)[firm]
        return RecordingDisclosure(firm, self._options.disclosure.format(firm=firm, retention_class=chosen), chosen)

    def begun(self, conversation: bytes) -> None:
        """Note that this device discloses a conversation that it begins."""
        self._disclosed.add(conversation)

    # --- saying it ---------------------------------------------------------------------------------------------------

    async def prelude(self, conversation: bytes) -> Outgoing | None:
        """Return what this device says before its first message of each run.

        1. The disclosure, where it began the conversation and has said nothing in it yet: so a crash after the genesis
           leaves no line undisclosed.
        2. The acknowledgement that it owes.
        """
        self._spoke.add(conversation)
        if await self._must_disclose(conversation):  # 1
            return self._make(conversation, self.disclosure(conversation))
        if self._options.acknowledge_disclosures and conversation not in self._answering:  # 2
            of = await self._device.database.run(partial(disclosures.owed, conversation=conversation))
            return None if of is None else self._answer(conversation, of)
        return None

    async def _must_disclose(self, conversation: bytes) -> bool:
        statement = self._device.directory.state.membership(conversation)
        if statement.sequence > 0 or statement.signer != self._device.entry.entry_hash:
            return False
        spoken = partial(history.has_spoken, conversation=conversation, device=self._device.entry.entry_hash)
        return conversation not in self._disclosed and not await self._device.database.run(spoken)

    # --- hearing it --------------------------------------------------------------------------------------------------

    def heard(self, batch: Batch) -> None:
        """Take what was stored: acknowledge a first disclosure, tell the user where none came first."""
        fresh = [row for row in batch.messages if row.position]
        for row in (one for one in fresh if (one.firm, one.user) == self._device.person):
            if isinstance(decode_content(row.content).body, DisclosureAck):
                self._aside(self._settle(row.conversation))  # another device of the user has answered
        if self._options.acknowledge_disclosures:
            for row in {row.conversation: row for row, _ in batch.disclosures if row.position}.values():
                self._aside(self._acknowledge(row))
        for row in {row.conversation: row for row in fresh}.values():
            if row.conversation not in self._told:
                self._told.add(row.conversation)
                self._aside(self._tell(row, {one.position for one in fresh}))

    async def own_disclosure(self, conversation: bytes, position: int) -> RecordingDisclosure | None:
        """Return this client's own word where the message at that position is the first of others, and says nothing."""
        first = await self._first(conversation)
        if first is None or first.position != position:
            return None
        if isinstance(decode_content(first.content).body, RecordingDisclosure):
            return None
        return self.disclosure(conversation)

    async def _first(self, conversation: bytes) -> MessageRow | None:
        device = self._device.entry.entry_hash
        return await self._device.database.run(partial(history.first_heard, conversation=conversation, device=device))

    async def _tell(self, newest: MessageRow, fresh: set[int]) -> None:
        conversation = newest.conversation
        await self._device.directory.ensure(newest.leaf_index)
        first = await self._first(conversation)
        own = None if first is None else await self.own_disclosure(conversation, first.position)
        if first is not None and own is not None and first.position in fresh:
            by = self._device.entry.user
            self._bus.publish(Disclosure(conversation, by, own.firm, own.text, own.retention_class, b""))

    # --- acknowledging it --------------------------------------------------------------------------------------------

    async def _acknowledge(self, disclosing: MessageRow) -> None:
        """Acknowledge once in a conversation, whatever is disclosed how often; in large ones when speaking anyway."""
        conversation = disclosing.conversation
        await self._device.directory.ensure(disclosing.leaf_index)
        of = await self._device.database.run(partial(disclosures.owed, conversation=conversation))
        if of is None or conversation in self._answering:
            return
        members = len(self._device.directory.state.membership(conversation).members)
        if members > AT_ONCE_MEMBERS and conversation not in self._spoke:
            return
        self._answering.add(conversation)
        share = int.from_bytes(self._device.rng(4), "little") / 2**32
        await asyncio.sleep(share * JITTER_SECONDS * members)
        if await self._device.database.run(partial(disclosures.owed, conversation=conversation)) is not None:
            self._put(self._answer(conversation, of))

    def _answer(self, conversation: bytes, of: bytes) -> Outgoing:
        self._answering.add(conversation)
        outgoing = self._make(conversation, DisclosureAck(of))
        if outgoing.accepted is not None:
            outgoing.accepted.add_done_callback(partial(self._answered, conversation))
        return outgoing

    def _answered(self, conversation: bytes, accepted: asyncio.Future[Any]) -> None:
        if not accepted.cancelled() and accepted.exception() is None:
            self._aside(self._settle(conversation))

    async def _settle(self, conversation: bytes) -> None:
        await self._device.database.run(partial(disclosures.settle, conversation=conversation))
