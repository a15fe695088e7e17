"""What waits for the writer: a line for each device, each with its turn, bounded in all, answered once.

A device's items keep their order. A record waits at the head of its device's line until it is prepared, which takes
time and a thread; meanwhile the others' items pass.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from tapeline.base.errors import Unavailable
from tapeline.crypto.record.parse import ParsedRecord
from tapeline.relay.services.allowance import AllowanceLimits, Allowances
from tapeline.relay.services.outcomes import Outcome


@dataclass(slots=True, eq=False)
class Submitted:
    """One item of a stream: the logged-in device's entry hash, the bytes, and where the outcome goes.

    `record` is what preparing made of a record.
    """

    device: bytes
    data: bytes
    is_record: bool
    reply: Callable[[Outcome], None]
    record: ParsedRecord | None = None
    is_proven: bool = False
    is_answered: bool = False

    def answer(self, outcome: Outcome) -> None:
        """Reply once; what fails after an answer changes nothing for the sender."""
        if not self.is_answered:
            self.is_answered = True
            self.reply(outcome)


@dataclass(frozen=True, slots=True)
class IntakeLimits:
    """How many items one transaction takes; how many items and bytes may wait, in all and of one device."""

    batch: int = 64
    queued: int = 8192
    queued_bytes: int = 128 * 1024 * 1024
    of_device: int = 512
    bytes_of_device: int = 8 * 1024 * 1024
    allowance: AllowanceLimits = field(default_factory=AllowanceLimits)


@dataclass(slots=True)
class _Line:
    """One device's items: those that wait, and the bytes of all that are not done yet."""

    waiting: deque[Submitted] = field(default_factory=deque)
    items: int = 0
    bytes: int = 0
    admission: asyncio.Lock = field(default_factory=asyncio.Lock)
    admitting: int = 0


Prepare = Callable[[Submitted], Awaitable[None]]
"""Makes a record ready for the writer, or answers it."""


class SubmissionQueue:
    """The writer's queue.

    Args:
        limits: bounds.
        prepare: called for each record that comes to the head of its device's line.
    """

    def __init__(self, limits: IntakeLimits, prepare: Prepare) -> None:
        self._limits, self._prepare = limits, prepare
        self._lines: dict[bytes, _Line] = {}
        self._ready: OrderedDict[bytes, None] = OrderedDict()
        self._preparing: set[asyncio.Task[None]] = set()
        self._items = self._bytes = 0
        self._changed = asyncio.Event()
        self._freed = asyncio.Event()
        self._closing = asyncio.Event()
        self._allowances = Allowances(limits.allowance, asyncio.get_running_loop().time)

    async def put(self, item: Submitted) -> None:
        """Queue an item once its device has an allowance for it and there is room; the device's streams queue up.

        Raises:
            Unavailable: the relay is stopping.
        """
        line = self._lines.setdefault(item.device, _Line())
        line.admitting += 1
        try:
            async with line.admission:
                self._require_running()
                await self._pause(self._allowances.take(item.device, len(item.data)))
                while not self._has_room(line, len(item.data)):
                    self._freed.clear()
                    await self._freed.wait()
                    self._require_running()
                self._add(line, item)
        finally:
            line.admitting -= 1
            self._forget(item.device)

    def refused(self, item: Submitted) -> None:
        """Charge the device for an item that was refused."""
        self._allowances.refused(item.device, len(item.data))

    async def take(self) -> list[Submitted]:
        """Wait for an item and return it with what else is ready, up to a batch: one of each device in turn."""
        while not self._ready:
            self._changed.clear()
            await self._changed.wait()
        batch: list[Submitted] = []
        while self._ready and len(batch) < self._limits.batch:
            device, _ = self._ready.popitem(last=False)
            batch.append(self._lines[device].waiting.popleft())
            self._advance(device)
        return batch

    def done(self, batch: list[Submitted]) -> None:
        """Tell that a batch was processed."""
        for item in batch:
            self._items -= 1
            self._bytes -= len(item.data)
            line = self._lines[item.device]
            line.items -= 1
            line.bytes -= len(item.data)
            self._forget(item.device)
        self._freed.set()

    async def drain(self) -> None:
        """Take nothing more and wait until all that is queued was processed."""
        self._closing.set()
        self._freed.set()
        while self._items:
            self._freed.clear()
            await self._freed.wait()

    def _add(self, line: _Line, item: Submitted) -> None:
        self._items += 1
        self._bytes += len(item.data)
        line.items += 1
        line.bytes += len(item.data)
        line.waiting.append(item)
        if len(line.waiting) == 1:
            self._advance(item.device)

    def _advance(self, device: bytes) -> None:
        """Give a device its turn where its next item is ready; have it prepared where it is a record."""
        waiting = self._lines[device].waiting
        if not waiting:
            return
        if waiting[0].is_record and waiting[0].record is None:
            task = asyncio.create_task(self._prepare_head(device))
            self._preparing.add(task)
            task.add_done_callback(self._preparing.discard)
            return
        self._ready[device] = None
        self._changed.set()

    async def _prepare_head(self, device: bytes) -> None:
        head = self._lines[device].waiting[0]
        try:
            await self._prepare(head)
        finally:
            if head.is_answered:
                self._lines[device].waiting.popleft()
                self.done([head])
            if device in self._lines:
                self._advance(device)

    def _has_room(self, line: _Line, size: int) -> bool:
        """Tell whether an item fits: the first of a device always does but where all is full."""
        limits = self._limits
        if line.items and (line.items >= limits.of_device or line.bytes + size > self._share()):
            return False
        return self._items < limits.queued and self._bytes + size <= limits.queued_bytes

    def _share(self) -> int:
        """Return how many bytes a device may have waiting: the fewer, the more devices there are."""
        return min(self._limits.bytes_of_device, self._limits.queued_bytes // (1 + len(self._lines)))

    def _forget(self, device: bytes) -> None:
        line = self._lines.get(device)
        if line is not None and not line.items and not line.admitting:
            del self._lines[device]

    async def _pause(self, seconds: float) -> None:
        if seconds > 0:
            try:
                async with asyncio.timeout(seconds):
                    await self._closing.wait()
            except TimeoutError:
                return
        self._require_running()

    def _require_running(self) -> None:
        if self._closing.is_set():
            raise Unavailable("The relay is stopping.", "Connect again in a moment.")
