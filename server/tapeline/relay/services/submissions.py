"""What waits for the writer: bounded by number and by bytes, taken in batches, answered once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from tapeline.base.errors import LimitExceeded, Unavailable
from tapeline.relay.services.outcomes import Outcome


@dataclass(slots=True, eq=False)
class Submitted:
    """One item of a stream: the logged-in device's entry hash, the bytes, and where the outcome goes."""

    device: bytes
    data: bytes
    is_record: bool
    reply: Callable[[Outcome], None]
    _is_answered: bool = False

    def answer(self, outcome: Outcome) -> None:
        """Reply once; what fails after an answer changes nothing for the sender."""
        if not self._is_answered:
            self._is_answered = True
            self.reply(outcome)


@dataclass(frozen=True, slots=True)
class IntakeLimits:
    """How many items one transaction takes; how many items and bytes may wait."""

    batch: int = 64
    queued: int = 8192
    queued_bytes: int = 128 * 1024 * 1024


class SubmissionQueue:
    """The writer's queue."""

    def __init__(self, limits: IntakeLimits) -> None:
        self._limits = limits
        self._items: asyncio.Queue[Submitted] = asyncio.Queue()
        self._bytes = 0
        self._closed = False

    def put(self, item: Submitted) -> None:
        """Queue an item.

        Raises:
            Unavailable: the relay is stopping.
            LimitExceeded: too much is waiting.
        """
        if self._closed:
            raise Unavailable("The relay is stopping.", "Connect again in a moment.")
        too_many = self._items.qsize() >= self._limits.queued
        if too_many or self._bytes + len(item.data) > self._limits.queued_bytes:
            raise LimitExceeded("The relay has too much to do.", "Send again in a moment.")
        self._bytes += len(item.data)
        self._items.put_nowait(item)

    async def take(self) -> list[Submitted]:
        """Wait for an item and return it with what else is queued, up to a batch."""
        batch = [await self._items.get()]
        while len(batch) < self._limits.batch and not self._items.empty():
            batch.append(self._items.get_nowait())
        return batch

    def done(self, batch: list[Submitted]) -> None:
        """Tell that a batch was processed."""
        for item in batch:
            self._bytes -= len(item.data)
            self._items.task_done()

    async def drain(self) -> None:
        """Take nothing more and wait until all that is queued was processed."""
        self._closed = True
        await self._items.join()
