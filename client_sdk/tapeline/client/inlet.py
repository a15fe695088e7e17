"""From stored messages to the application: in order, each once, with a cursor that survives the process.

A message counts as handled when the application asks for the next one. The cursor is committed before the next one
is given out, so after a crash at any moment (SIGKILL included) exactly the message is given again whose handling had
not ended: the application alone knows whether it did its work. One that keeps `Message.position` in its own
transaction passes it as `after` and so handles each message exactly once.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from functools import partial

from tapeline.client.message import Message
from tapeline.client.store import history
from tapeline.client.store.database import Database

CHUNK = 64


class Inlet:
    """Gives out what others sent."""

    def __init__(self, database: Database, own_device: bytes) -> None:
        self._database = database
        self._own = own_device
        self._news = asyncio.Event()
        self._closed = False
        self._failure: BaseException | None = None

    def notify(self) -> None:
        """Say that something was stored."""
        self._news.set()

    def close(self, failure: BaseException | None = None) -> None:
        """End every iteration, with an error where the client failed."""
        self._closed, self._failure = True, failure
        self._news.set()

    async def messages(self, after: int | None = None) -> AsyncIterator[Message]:
        """Yield messages one by one; see the module for what counts as handled."""
        async for chunk in self._chunks(after):
            for message in chunk:
                yield message
                if after is None:
                    await self._handled(message)

    async def batches(self, after: int | None = None) -> AsyncIterator[list[Message]]:
        """Yield messages in lists of up to 64, each list handled as a whole: one commit for all of them."""
        async for chunk in self._chunks(after):
            yield chunk
            if after is None:
                await self._handled(chunk[-1])

    async def _handled(self, message: Message) -> None:
        await self._database.run(partial(history.set_handled, position=message.position))

    async def _chunks(self, after: int | None) -> AsyncIterator[list[Message]]:
        place = await self._database.run(history.handled) if after is None else after
        while True:
            self._news.clear()
            rows = await self._database.run(partial(history.after, position=place, limit=CHUNK))
            chunk = [Message.of(row) for row in rows if row.device != self._own]
            if rows:
                place = rows[-1].position
            if chunk:
                yield chunk
            if not rows:
                if self._closed:
                    if self._failure is not None:
                        raise self._failure
                    return
                await self._news.wait()
