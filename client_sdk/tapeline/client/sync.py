"""The synchronous facade: the same client, its loop in a thread of its own.

with SyncClient.open("alice-store", passphrase) as alice:
    conversation = alice.create_conversation(["bob"])
    conversation.send("hello")
    for message in alice.messages():
        print(printable(message.text))
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Coroutine, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from tapeline.client.alarms import OwnComplaint
from tapeline.client.client import Client, PersonName
from tapeline.client.content import Body
from tapeline.client.conversation import NO_LABELS, Conversation
from tapeline.client.events import Event
from tapeline.client.message import Message
from tapeline.client.options import ClientOptions
from tapeline.client.proofs import Logged
from tapeline.client.send.outgoing import Receipt
from tapeline.client.store.alarms import AlarmRow
from tapeline.client.store.keys import StoreKey
from tapeline.crypto.membership import Member

T = TypeVar("T")


class LoopThread:
    """An event loop in a daemon thread."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="tapeline-client", daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, T], timeout: float | None = None) -> T:
        """Return what the coroutine returns.

        Raises:
            TimeoutError: it did not end in so many seconds; it is cancelled.
        """
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result(timeout)
        except (TimeoutError, KeyboardInterrupt):
            future.cancel()
            raise

    def stop(self) -> None:
        """End the loop."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


class SyncConversation:
    """A conversation; see `Conversation` for what each call does and raises."""

    def __init__(self, loop: LoopThread, conversation: Conversation) -> None:
        self._loop = loop
        self._conversation = conversation

    @property
    def id(self) -> bytes:
        """The conversation's id, 64 bytes."""
        return self._conversation.id

    @property
    def members(self) -> tuple[Member, ...]:
        """The members by the newest verified statement."""
        return self._conversation.members

    def send(self, text: str, *, labels: Mapping[str, str] = NO_LABELS, timeout: float | None = None) -> Receipt:
        """Send text; where time runs out, the message stays in the outbox."""
        return self._loop.run(self._conversation.send(text, labels=labels), timeout)

    def say(self, body: Body, *, labels: Mapping[str, str] = NO_LABELS, timeout: float | None = None) -> Receipt:
        """Send any content."""
        return self._loop.run(self._conversation.say(body, labels=labels), timeout)

    def history(self, since: int = 0, limit: int = 256) -> list[Message]:
        """Return stored messages, own ones too."""
        return self._loop.run(self._conversation.history(since, limit))

    def add(self, people: Sequence[PersonName]) -> None:
        """Add members."""
        self._loop.run(self._conversation.add(people))

    def remove(self, people: Sequence[PersonName]) -> None:
        """Remove members."""
        self._loop.run(self._conversation.remove(people))


class SyncClient:
    """One enrolled device; see `Client`."""

    def __init__(self, loop: LoopThread, client: Client) -> None:
        self._loop = loop
        self._client = client

    @classmethod
    def enrol(
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
        """Enrol a new device and return its running client."""
        return cls._start(
            Client.enrol(
                code,
                relay=relay,
                enroller=enroller,
                store=store,
                passphrase=passphrase,
                device_name=device_name,
                options=options,
            )
        )

    @classmethod
    def open(cls, store: str | Path, passphrase: str | StoreKey, *, options: ClientOptions | None = None) -> Self:
        """Open an enrolled device."""
        return cls._start(Client.open(store, passphrase, options=options))

    @classmethod
    def _start(cls, work: Coroutine[Any, Any, Client]) -> Self:
        loop = LoopThread()
        try:
            return cls(loop, loop.run(work))
        except BaseException:
            loop.stop()
            raise

    def close(self) -> None:
        """Stop; what is not acknowledged stays in the outbox."""
        self._loop.run(self._client.close())
        self._loop.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def user(self) -> str:
        """The user's name."""
        return self._client.user

    @property
    def firm(self) -> str:
        """The user's firm."""
        return self._client.firm

    def create_conversation(self, people: Sequence[PersonName]) -> SyncConversation:
        """Begin a conversation."""
        return SyncConversation(self._loop, self._loop.run(self._client.create_conversation(people)))

    def conversation(self, identifier: bytes) -> SyncConversation:
        """Return a conversation by its id."""
        return SyncConversation(self._loop, self._client.conversation(identifier))

    def conversations(self) -> list[SyncConversation]:
        """Return all conversations."""
        return [SyncConversation(self._loop, one) for one in self._client.conversations()]

    def messages(self, *, after: int | None = None, timeout: float | None = None) -> Iterator[Message]:
        """Yield messages; ends when nothing comes for `timeout` seconds. See `Client.messages` for the cursor."""
        return self._pull(self._client.messages(after=after), timeout)

    def events(self, *, timeout: float | None = None) -> Iterator[Event]:
        """Yield events; ends when nothing comes for `timeout` seconds."""
        return self._pull(self._client.events(), timeout)

    def logged(self, receipt: Receipt, timeout: float | None = None) -> Logged:
        """Wait until a message is proven under a cosigned checkpoint."""
        return self._loop.run(receipt.logged(), timeout)

    def complaints(self) -> list[OwnComplaint]:
        """Return every complaint of this device; see `Client.complaints`."""
        return self._loop.run(self._client.complaints())

    def alarms(self) -> list[AlarmRow]:
        """Return every failed verification that the store keeps."""
        return self._loop.run(self._client.alarms())

    def _pull(self, source: AsyncIterator[T], timeout: float | None) -> Iterator[T]:
        while True:
            try:
                item = self._loop.run(_next(source), timeout)
            except TimeoutError:
                return
            if item is None:
                return
            yield item


async def _next(source: AsyncIterator[T]) -> T | None:
    return await anext(source, None)
