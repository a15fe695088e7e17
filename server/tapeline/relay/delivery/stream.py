"""One device's stream: submissions in, answers and deliveries out."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import suppress

from tapeline.base.errors import StateError, TapelineError, Unauthenticated, Unavailable
from tapeline.base.times import MINUTE, SECOND, Clock
from tapeline.relay.delivery.hub import Hub
from tapeline.relay.delivery.source import Source
from tapeline.relay.delivery.subscription import Subscription
from tapeline.relay.metrics import Metrics
from tapeline.relay.services.intake import Intake
from tapeline.relay.services.ledger import Ledger
from tapeline.relay.services.outcomes import Outcome, Rejected, to_answer
from tapeline.relay.services.submissions import Submitted
from tapeline.rpc.principal import Principal, WhoIs
from tapeline.wire.v1.relay_pb2 import Answer, ClientFrame, ServerFrame, Submission, Subscribe

IN_FLIGHT = 512
"""Submissions of one stream that are not answered yet; the stream is not read on before."""
FRAME_ANSWERS = 256
LOOK_MS = MINUTE
"""A stream looks at the time at least so often, so that a clock that was set ends it too."""


class StreamParts:
    """What all streams of one relay share."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        intake: Intake,
        hub: Hub,
        source: Source,
        metrics: Metrics,
        who_is: WhoIs,
        latest_note: Callable[[], bytes],
        clock: Clock,
    ) -> None:
        self.ledger, self.intake, self.hub, self.source = ledger, intake, hub, source
        self.metrics, self.who_is, self.latest_note = metrics, who_is, latest_note
        self.clock = clock
        self.is_stopping = False

    def stop(self) -> None:
        """Let every stream send what it owes, then end."""
        self.is_stopping = True
        self.hub.wake_all()


class Stream:
    """Runs one call of Connect."""

    def __init__(self, parts: StreamParts, caller: Principal, device: bytes) -> None:
        self._parts = parts
        self._caller, self._device = caller, device
        self._wake = asyncio.Event()
        person = (caller.firm, caller.name)
        self._subscription = Subscription(parts.ledger, parts.source, person, device, self._wake)
        self._is_subscribed = self._told_caught_up = False
        self._answers: list[Answer] = []
        self._in_flight = 0
        self._room = asyncio.Event()
        self._note = b""
        self._told_size = 0
        self._generation = parts.ledger.generation
        self._ends_ms = parts.ledger.directory.device(device).device.not_after_ms

    async def frames(self, requests: AsyncIterator[ClientFrame]) -> AsyncGenerator[ServerFrame]:
        """Yield frames until the client has closed its side and every submission is answered."""
        reader = asyncio.create_task(self._read(requests))
        reader.add_done_callback(lambda _: self._wake.set())
        self._wake.set()
        try:
            with self._parts.hub.stream(self._wake):
                while not (reader.done() and not self._in_flight):
                    await self._news()
                    while (frame := await self._next_frame()) is not None:
                        yield frame
                    self._require_running()
                reader.result()
        finally:
            reader.cancel()
            with suppress(asyncio.CancelledError, Exception):  # told already, where it ended the stream
                await reader
            self._parts.hub.remove(self._subscription)

    async def _news(self) -> None:
        """Return when there may be something to tell, or the device's time may be over."""
        left_ms = max(0, self._ends_ms - self._parts.clock())
        with suppress(TimeoutError):
            async with asyncio.timeout(min(left_ms, LOOK_MS) / SECOND):
                await self._wake.wait()
        self._wake.clear()

    async def _read(self, requests: AsyncIterator[ClientFrame]) -> None:
        async for frame in requests:
            if frame.WhichOneof("frame") == "subscribe":
                self._subscribe(frame.subscribe)
                continue
            for submission in frame.submit.items:
                await self._submit(submission)

    def _subscribe(self, wanted: Subscribe) -> None:
        if self._is_subscribed:
            raise StateError("The stream is subscribed already.", "Open another stream to subscribe anew.")
        self._is_subscribed = True
        cursors = {cursor.conversation: cursor.next_sequence for cursor in wanted.cursors}
        self._parts.hub.add(self._subscription, cursors)

    async def _submit(self, submission: Submission) -> None:
        while self._in_flight >= IN_FLIGHT:
            self._room.clear()
            await self._room.wait()
        self._in_flight += 1
        is_record = submission.WhichOneof("item") == "record"
        data = submission.record if is_record else submission.message
        reply = functools.partial(self._replied, submission.ticket)
        try:
            await self._parts.intake.submit(Submitted(self._device, data, is_record, reply))
        except TapelineError as error:
            reply(Rejected(error))

    def _replied(self, ticket: int, outcome: Outcome) -> None:
        self._answers.append(to_answer(ticket, outcome))
        self._wake.set()

    async def _next_frame(self) -> ServerFrame | None:
        """Return the next frame, None where there is nothing to tell for now."""
        self._require_device()
        deliveries = await self._subscription.take() if self._is_subscribed else []
        frame = ServerFrame(answers=self._answers[:FRAME_ANSWERS], deliveries=deliveries)
        del self._answers[:FRAME_ANSWERS]
        if frame.answers:
            self._in_flight -= len(frame.answers)
            self._room.set()
        if self._is_subscribed and not self._told_caught_up and self._subscription.is_caught_up:
            frame.caught_up = self._told_caught_up = True
        note = self._parts.latest_note()
        if note != self._note:
            frame.note = self._note = note
        if self._subscription.directory_size > self._told_size:
            frame.directory_size = self._told_size = self._subscription.directory_size
        self._parts.metrics.delivered.inc(len(deliveries))
        return frame if frame.ListFields() else None

    def _require_device(self) -> None:
        """End the stream of a device that was revoked, or has expired, since."""
        if self._generation != self._parts.ledger.generation or self._parts.clock() >= self._ends_ms:
            self._generation = self._parts.ledger.generation
            if self._parts.who_is(self._caller.key) != self._caller:
                raise Unauthenticated("The device is no longer in the directory.", "Enrol the device again.")

    def _require_running(self) -> None:
        if self._parts.is_stopping and not self._in_flight:
            raise Unavailable("The relay is stopping.", "Connect again in a moment.")
