"""Helpers for tests of clients: collect messages and events, poll with deadlines, alter what a relay sends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from weakref import WeakKeyDictionary

from tapeline.client import Client, Message
from tapeline.client.content import Text
from tapeline.client.events import Event
from tapeline.client.transport.methods import SYNC
from tapeline.wire.v1.relay_pb2 import ServerFrame, SyncPage, SyncRequest

SECONDS = 30.0


_PLACES: WeakKeyDictionary[Client, int] = WeakKeyDictionary()


async def take(client: Client, count: int, *, only_text: bool) -> list[Message]:
    """The next messages after those taken before, as an application with a cursor of its own reads."""
    found: list[Message] = []
    async with asyncio.timeout(SECONDS):
        async for message in client.messages(after=_PLACES.get(client, 0)):
            _PLACES[client] = message.position
            if isinstance(message.body, Text) or not only_text:
                found.append(message)
            if len(found) == count:
                break
    return found


async def texts(client: Client, count: int) -> list[Message]:
    """The next `count` messages that are text."""
    return await take(client, count, only_text=True)


async def bodies(client: Client, count: int) -> list[Message]:
    """The next `count` messages of any kind."""
    return await take(client, count, only_text=False)


async def event(client: Client, kind: type[Event]) -> Event:
    """The next event of a kind."""
    async with asyncio.timeout(SECONDS):
        async for one in client.events():
            if isinstance(one, kind):
                return one
    raise AssertionError("the events ended")


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    """Poll until the condition holds."""
    async with asyncio.timeout(SECONDS):
        while not await condition():  # noqa: ASYNC110 - nothing announces it
            await asyncio.sleep(0.02)


@asynccontextmanager
async def altering(client: Client, alter: Callable[[ServerFrame], None]) -> AsyncIterator[None]:
    """Let every frame from the relay pass through `alter`, as a relay that lies would send it."""
    link = client._engine.link
    original = link._on_frame

    async def altered(frame: ServerFrame) -> None:
        alter(frame)
        await original(frame)

    link._on_frame = altered
    try:
        yield
    finally:
        link._on_frame = original


class _LyingCaller:
    """Calls of a client whose directory pages pass through `alter` first; everything else is as it was."""

    def __init__(self, caller: object, alter: Callable[[SyncRequest, SyncPage], None]) -> None:
        self._caller, self._alter = caller, alter

    def __getattr__(self, name: str) -> object:
        return getattr(self._caller, name)

    async def call(self, method: object, request: object) -> object:
        answer = await self._caller.call(method, request)  # type: ignore[attr-defined]
        if method is SYNC:
            self._alter(request, answer)  # type: ignore[arg-type]
        return answer


@contextmanager
def altering_pages(client: Client, alter: Callable[[SyncRequest, SyncPage], None]) -> Iterator[None]:
    """Let every page of the directory pass through `alter`, as a relay that lies would send it."""
    directory = client._engine.device.directory
    original = directory._caller
    directory._caller = _LyingCaller(original, alter)  # type: ignore[assignment]
    try:
        yield
    finally:
        directory._caller = original
