"""Messages through a real relay: 20 senders to 20 receivers, bodies of 300 bytes.

Everything is on: signed, verified by the relay, durable (SQLite, WAL, FULL) before its acknowledgement, delivered,
verified and opened by the receiver, stored in its encrypted history. The relay is a process of its own; all forty
devices share one other process, so that two cores do the work of what would be forty machines.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.harness import Figure, figure, percentile
from tapeline.client import Client, ClientOptions, Conversation
from tapeline.client.transport.channels import Transport
from tapeline.testing.deployment import Deployment

PAIRS = 20
BODY = "x" * 300
BURST = 150
ROUNDS = 3
PACED_RATE = 200
PACED_SECONDS = 10
DEADLINE = 300


@dataclass
class Pair:
    """A sender, its conversation, and the receiver's count and latencies."""

    conversation: Conversation
    receiver: Client
    received: int = 0
    seen: asyncio.Event = field(default_factory=asyncio.Event)
    expected: int = 0
    latencies_ms: list[float] = field(default_factory=list)

    async def receive(self) -> None:
        """Count the sender's texts; a paced one carries the time it was handed to the SDK."""
        async for message in self.receiver.messages():
            if message.text is None or not message.text.endswith(BODY):
                continue
            self.received += 1
            stamp = message.text.removesuffix(BODY)
            if stamp:
                self.latencies_ms.append((time.monotonic() - float(stamp)) * 1e3)
            if self.received >= self.expected:
                self.seen.set()

    def expect(self, count: int) -> None:
        """Expect that many more."""
        self.expected = self.received + count
        self.seen.clear()


@asynccontextmanager
async def running_pairs() -> AsyncIterator[list[Pair]]:
    """Found a deployment, enrol forty devices, open twenty sessions, and keep receiving."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        deployment = await Deployment.start(folder / "deployment")
        stack.push_async_callback(deployment.stop)
        transport = Transport()
        stack.push_async_callback(transport.close)
        options = ClientOptions(transport=transport, acknowledge_disclosures=False)

        async def enrol(name: str) -> Client:
            return await Client.enrol(
                await deployment.code(name), relay=deployment.relay, enroller=deployment.enroller,
                store=folder / name, passphrase="a long passphrase", options=options,
            )  # fmt: skip

        names = [f"{kind}-{number:02}" for kind in ("receiver", "sender") for number in range(PAIRS)]
        clients = dict(zip(names, await asyncio.gather(*(enrol(name) for name in names)), strict=True))
        for client in clients.values():
            stack.push_async_callback(client.close)
        pairs = []
        for number in range(PAIRS):
            receiver, sender = clients[f"receiver-{number:02}"], clients[f"sender-{number:02}"]
            pairs.append(Pair(await sender.create_conversation([receiver.user]), receiver))
        tasks = [asyncio.create_task(pair.receive()) for pair in pairs]
        try:
            await _burst(pairs, 1)
            yield pairs
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


async def _burst(pairs: list[Pair], count: int) -> float:
    """Send `count` from each sender at once; return the seconds until the last was received and acknowledged."""
    for pair in pairs:
        pair.expect(count)
    begun = time.perf_counter()
    sends = [pair.conversation.send(BODY) for pair in pairs for _ in range(count)]
    async with asyncio.timeout(DEADLINE):
        await asyncio.gather(*sends)
        await asyncio.gather(*(pair.seen.wait() for pair in pairs))
    return time.perf_counter() - begun


async def _paced(pairs: list[Pair]) -> list[float]:
    """Send at the paced rate over all pairs in turn; return the latencies from hand-over to the application."""
    per_pair = PACED_RATE * PACED_SECONDS // PAIRS
    for pair in pairs:
        pair.expect(per_pair)
    begun, sends = time.monotonic(), []
    for number in range(per_pair * PAIRS):
        await asyncio.sleep(max(0.0, begun + number / PACED_RATE - time.monotonic()))
        pair = pairs[number % PAIRS]
        sends.append(asyncio.create_task(pair.conversation.send(f"{time.monotonic()}{BODY}")))
    async with asyncio.timeout(DEADLINE):
        await asyncio.gather(*sends, *(pair.seen.wait() for pair in pairs))
    return [latency for pair in pairs for latency in pair.latencies_ms]


async def _measure() -> list[Figure]:
    async with running_pairs() as pairs:
        rates = [PAIRS * BURST / await _burst(pairs, BURST) for _ in range(ROUNDS)]
        latencies = await _paced(pairs)
    return [
        figure("messages end to end, 20 to 20", "1/s", rates),
        figure(f"latency at {PACED_RATE}/s: p50", "ms", [percentile(latencies, 50)]),
        figure(f"latency at {PACED_RATE}/s: p99", "ms", [percentile(latencies, 99)]),
    ]


def measure() -> list[Figure]:
    """Return messages per second end to end, and p50 and p99 at 200 messages per second."""
    return asyncio.run(_measure())
