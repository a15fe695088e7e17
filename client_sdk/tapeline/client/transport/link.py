"""The one stream between a client and the relay: it reconnects by itself and repeats what was not answered.

        connect ── opening frames: subscription, then everything unanswered, byte for byte
down ──────────────▶ up ── submit: queued, batched ──▶ relay
  ▲                   │ ◀── answers, deliveries, notes
  └── error, backoff ─┘
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from typing import TYPE_CHECKING

import grpc.aio
from google.protobuf.message import Message

from tapeline.base.errors import TapelineError
from tapeline.base.times import Rng
from tapeline.client.errors import RelayUnreachable
from tapeline.client.faults import as_error
from tapeline.client.transport.backoff import Backoff
from tapeline.client.transport.calls import Caller, from_rpc_error
from tapeline.client.transport.methods import CONNECT
from tapeline.crypto.limits import BATCH
from tapeline.wire.v1.relay_pb2 import ClientFrame, ServerFrame, Submission, SubmitBatch, Subscribe

if TYPE_CHECKING:
    _Call = grpc.aio.StreamStreamCall[Message, ServerFrame]

_BATCH_BYTES = 3 * 1024 * 1024


async def write_frame(stream: _Call, frame: ClientFrame) -> None:
    """Write a frame, or say that the stream has ended: grpc.aio raises InvalidStateError where that was just before.

    Raises:
        RelayUnreachable: the stream has ended.
    """
    try:
        await stream.write(frame)
    except asyncio.InvalidStateError:
        raise RelayUnreachable("The relay ended the stream.", "It is opened again by itself.") from None


class Link:
    """Keeps one stream up.

    Args:
        caller: whose login the stream carries.
        rng: jitter of the waiting times.
        opening: returns, without waiting, the subscription and the submissions to repeat.
        on_frame: takes each frame in order; while it waits, the relay waits (gRPC's flow control).
        on_state: told of each change: None when the stream is up, the cause when it went down.
    """

    def __init__(
        self,
        caller: Caller,
        rng: Rng,
        *,
        opening: Callable[[], tuple[Subscribe, list[Submission]]],
        on_frame: Callable[[ServerFrame], Awaitable[None]],
        on_state: Callable[[TapelineError | None], None],
    ) -> None:
        self._caller = caller
        self._backoff = Backoff(rng)
        self._opening = opening
        self._on_frame = on_frame
        self._on_state = on_state
        self._queue: deque[Submission] = deque()
        self._wake = asyncio.Event()
        self._up = False

    def submit(self, items: Iterable[Submission]) -> None:
        """Send items in order; while the stream is down nothing is queued, as the opening repeats all."""
        if self._up:
            self._queue.extend(items)
            self._wake.set()

    async def run(self) -> None:
        """Keep the stream up until cancelled."""
        while True:
            try:
                await self._connect_once()
                cause: TapelineError = RelayUnreachable("The relay ended the stream.", "It is opened again by itself.")
            except grpc.aio.AioRpcError as error:
                cause = from_rpc_error(error)
                self._caller.forget_login()
            except Exception as fault:
                cause = as_error("Carrying the stream", fault)
                self._caller.forget_login()
            self._go_down(cause)
            await asyncio.sleep(self._backoff.next_delay())

    def _go_down(self, cause: TapelineError) -> None:
        self._up = False
        self._queue.clear()
        self._on_state(cause)

    async def _connect_once(self) -> None:
        stub = self._caller.channel.stream_stream(
            CONNECT.path,
            request_serializer=ClientFrame.SerializeToString,
            response_deserializer=ServerFrame.FromString,
        )
        stream: _Call = stub(metadata=await self._caller.metadata())
        try:
            # No await between reading what is unanswered and being up: nothing is sent twice, nothing is missed.
            subscribe, unanswered = self._opening()
            self._queue.extend(unanswered)
            self._up = True
            self._wake.set()
            await write_frame(stream, ClientFrame(subscribe=subscribe))
            await self._carry(stream)
        finally:
            stream.cancel()

    async def _carry(self, stream: _Call) -> None:
        """Read and write until either ends."""
        tasks = [asyncio.create_task(self._read(stream)), asyncio.create_task(self._write(stream))]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            for task in tasks:
                with suppress(asyncio.CancelledError, Exception):
                    await task

    async def _read(self, stream: _Call) -> None:
        first = True
        while isinstance(frame := await stream.read(), ServerFrame):
            if first:
                first = False
                self._backoff.reset()
                self._on_state(None)
            await self._on_frame(frame)

    async def _write(self, stream: _Call) -> None:
        while True:
            await self._wake.wait()
            while self._queue:
                await write_frame(stream, ClientFrame(submit=SubmitBatch(items=self._take_batch())))
            self._wake.clear()

    def _take_batch(self) -> list[Submission]:
        """Take up to 64 items, and never more bytes than a server takes in one frame."""
        batch: list[Submission] = []
        size = 0
        while self._queue and len(batch) < BATCH:
            size += self._queue[0].ByteSize()
            if batch and size > _BATCH_BYTES:
                break
            batch.append(self._queue.popleft())
        return batch
