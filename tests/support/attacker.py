"""Three attackers at once, as a process of their own: a device on four streams, a reviewer's key, and nobody at all.

Run with one JSON object on standard input: addresses, tokens, files of junk, seconds. It prints what it did.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
from grpc_health.v1 import health_pb2, health_pb2_grpc

from tapeline.wire.v1.common_pb2 import ChallengeRequest
from tapeline.wire.v1.common_pb2_grpc import LoginStub
from tapeline.wire.v1.relay_pb2 import CiphertextRequest, ClientFrame, Submission, SubmitBatch
from tapeline.wire.v1.relay_pb2_grpc import MessagingStub, ReviewStub

STREAMS = 4
ITEMS = 4
HALF_OPEN = 320


class Attack:
    """What all three share: where, until when, and how it went."""

    def __init__(self, told: dict[str, Any]) -> None:
        self.told = told
        self.record, self.package = (Path(told[name]).read_bytes() for name in ("record", "package"))
        self.until = time.monotonic() + told["seconds"]
        self.count: Counter[str] = Counter()

    @property
    def goes_on(self) -> bool:
        return time.monotonic() < self.until

    def channel(self) -> grpc.aio.Channel:
        return grpc.aio.insecure_channel(self.told["grpc"], options=[("grpc.use_local_subchannel_pool", 1)])

    def metadata(self, who: str) -> list[tuple[str, str]]:
        return [("authorization", self.told["tokens"][who])]

    def saw(self, what: str, error: grpc.aio.AioRpcError) -> None:
        self.count[f"{what} {error.code().name}"] += 1

    async def junk_records(self) -> None:
        """Fill one stream, without waiting for answers."""
        frame = ClientFrame(
            submit=SubmitBatch(items=[Submission(ticket=n + 1, record=self.record) for n in range(ITEMS)])
        )
        async with self.channel() as channel:
            call = MessagingStub(channel).Connect(metadata=self.metadata("device"))

            async def read() -> None:
                with suppress(grpc.aio.AioRpcError, asyncio.CancelledError):
                    async for answer in call:
                        self.count["records refused"] += sum(one.HasField("refusal") for one in answer.answers)

            reader = asyncio.create_task(read())
            with suppress(TimeoutError, grpc.aio.AioRpcError, asyncio.InvalidStateError):
                async with asyncio.timeout(max(0.1, self.until - time.monotonic())):
                    while True:
                        await call.write(frame)
                        self.count["records sent"] += ITEMS
            call.cancel()
            await reader

    async def junk_packages(self) -> None:
        """Ask for ciphertext with packages as large as they may be."""
        request = CiphertextRequest(warrant_package=self.package)
        async with self.channel() as channel:
            while self.goes_on:
                try:
                    await ReviewStub(channel).GetCiphertext(request, metadata=self.metadata("reviewer")).read()
                except grpc.aio.AioRpcError as error:
                    self.saw("packages", error)

    async def challenges(self) -> None:
        """Ask for challenges in the victim's name, and open watches, without a login."""
        key = bytes.fromhex(self.told["victim"])
        async with self.channel() as channel:
            while self.goes_on:
                for _ in range(50):
                    try:
                        await LoginStub(channel).GetChallenge(ChallengeRequest(key=key))
                        self.count["challenges OK"] += 1
                    except grpc.aio.AioRpcError as error:
                        self.saw("challenges", error)
                try:
                    await health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest()).read()
                except grpc.aio.AioRpcError as error:
                    self.saw("watches", error)

    async def half_open(self) -> None:
        """Hold as many HTTP connections as the relay takes, each with half a request."""
        host, port = self.told["http"].removeprefix("http://").split(":")
        held: list[asyncio.StreamWriter] = []
        while self.goes_on:
            held = [writer for writer in held if not writer.is_closing()]
            if len(held) < HALF_OPEN:
                with suppress(OSError):
                    _, writer = await asyncio.open_connection(host, int(port))
                    writer.write(b"GET /checkpoint HTTP/1.1\r\nHost:")
                    held.append(writer)
                    self.count["half-open"] += 1
            else:
                await asyncio.sleep(0.05)
        for writer in held:
            writer.close()

    async def run(self) -> None:
        parts = {
            "device": [self.junk_records] * STREAMS,
            "reviewer": [self.junk_packages],
            "nobody": [self.challenges, self.half_open],
        }
        await asyncio.gather(*(part() for name in self.told["attackers"] for part in parts[name]))
        print(json.dumps(self.count), flush=True)


if __name__ == "__main__":
    asyncio.run(Attack(json.loads(sys.stdin.read())).run())
