"""A conversation as the application holds it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from tapeline.client.content import Body, Delete, Edit, Reaction, ReadReceipt, Reply, Text
from tapeline.client.message import Message
from tapeline.client.send.outgoing import Receipt
from tapeline.crypto.membership import Member

if TYPE_CHECKING:
    from tapeline.client.client import Client, PersonName

NO_LABELS: Mapping[str, str] = {}


class Conversation:
    """Sends to one conversation. Each call returns when the relay's signed acknowledgement was verified.

    A call that is cancelled, or whose process ends, does not take its message back: it is in the outbox.
    """

    def __init__(self, client: Client, identifier: bytes) -> None:
        self._client = client
        self.id = identifier

    @property
    def members(self) -> tuple[Member, ...]:
        """The members by the newest verified statement."""
        return self._client.membership(self.id).members

    async def send(self, text: str, *, labels: Mapping[str, str] = NO_LABELS) -> Receipt:
        """Send text.

        Args:
            text: with the rest of the message at most 64 KiB.
            labels: for the application, at most 32 of at most 256 bytes each.

        Raises:
            MalformedInput: too long.
            SendFailed: definitively refused, also in new sessions.
            ClientClosed: the client was closed; the message is sent when it is opened again.
        """
        return await self.say(Text(text), labels=labels)

    async def reply(self, to: Message | bytes, text: str, *, labels: Mapping[str, str] = NO_LABELS) -> Receipt:
        """Answer a message, given itself or its hash."""
        return await self.say(Reply(_hash(to), text), labels=labels)

    async def edit(self, of: Receipt | Message | bytes, text: str) -> Receipt:
        """Give an own message a new wording; the old one stays in the record."""
        return await self.say(Edit(_hash(of), text))

    async def delete(self, of: Receipt | Message | bytes) -> Receipt:
        """Withdraw an own message; it stays in the record."""
        return await self.say(Delete(_hash(of)))

    async def react(self, to: Message | bytes, emoji: str) -> Receipt:
        """React to a message."""
        return await self.say(Reaction(_hash(to), emoji))

    async def mark_read(self, messages: Sequence[Message | bytes]) -> Receipt:
        """Send a read receipt."""
        return await self.say(ReadReceipt(tuple(_hash(one) for one in messages)))

    async def say(self, body: Body, *, labels: Mapping[str, str] = NO_LABELS) -> Receipt:
        """Send any content that this version knows."""
        return await self._client.send(self.id, body, labels)

    async def history(self, since: int = 0, limit: int = 256) -> list[Message]:
        """Return stored messages, own ones too, in the conversation's order from sequence `since` on."""
        return await self._client.history(self.id, since, limit)

    async def add(self, people: Sequence[PersonName]) -> None:
        """Add members; needs the right to change the conversation. They read from now on."""
        await self._client.change_members(self.id, add=people, remove=())

    async def remove(self, people: Sequence[PersonName]) -> None:
        """Remove members; needs the right to change the conversation."""
        await self._client.change_members(self.id, add=(), remove=people)


def _hash(of: Receipt | Message | bytes) -> bytes:
    return of if isinstance(of, bytes) else of.message_hash
