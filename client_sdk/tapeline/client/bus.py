"""Hands events to whoever listens; a slow listener loses the oldest, never the sender's time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from tapeline.client.events import Event

_KEPT = 1024


class EventBus:
    """Keeps the newest events for each listener; those before the first listener wait for it."""

    def __init__(self) -> None:
        self._early: list[Event] = []
        self._queues: list[asyncio.Queue[Event | None]] = []
        self._closed = False

    def publish(self, event: Event) -> None:
        """Tell every listener."""
        if not self._queues:
            self._early = [*self._early, event][-_KEPT:]
        for queue in self._queues:
            if queue.full():
                queue.get_nowait()
            queue.put_nowait(event)

    async def listen(self) -> AsyncIterator[Event]:
        """Yield events until the client is closed."""
        queue: asyncio.Queue[Event | None] = asyncio.Queue(_KEPT)
        early, self._early = self._early, []
        for event in early:
            queue.put_nowait(event)
        if self._closed:
            queue.put_nowait(None)
        self._queues.append(queue)
        try:
            while (event_or_end := await queue.get()) is not None:
                yield event_or_end
        finally:
            self._queues.remove(queue)

    def close(self) -> None:
        """End every listener."""
        self._closed = True
        for queue in self._queues:
            if queue.full():
                queue.get_nowait()
            queue.put_nowait(None)
