"""The floor of the message path on this machine: what no design of this kind can be cheaper than.

For each message: one Ed25519 sign, two verifies, one row of SQLite (WAL, FULL) in a batch of 64, and two hops over
batched gRPC streams. Each part is measured by itself in the same run as the relay, and the parts are added up.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
import sys
import tempfile
import time
from multiprocessing.connection import Connection
from pathlib import Path

import grpc
from nacl.signing import SigningKey

from benchmarks.harness import Figure, figure

BATCH = 64
BODY = 450
ROUNDS = 5


def signing_seconds(count: int = 2_000) -> float:
    """Return the seconds that one sign and two verifies take."""
    key = SigningKey.generate()
    digest = os.urandom(64)
    begun = time.perf_counter()
    for _ in range(count):
        signed = key.sign(digest)
        key.verify_key.verify(signed)
        key.verify_key.verify(signed)
    return (time.perf_counter() - begun) / count


def sqlite_seconds(batches: int = 60) -> float:
    """Return the seconds that one durable row takes in batches of 64."""
    with tempfile.TemporaryDirectory() as folder:
        database = sqlite3.connect(Path(folder) / "floor.db", isolation_level=None)
        database.execute("pragma journal_mode=wal")
        database.execute("pragma synchronous=full")
        database.execute("create table message (seq integer primary key, sealed blob)")
        sealed = os.urandom(BODY)
        begun = time.perf_counter()
        for _ in range(batches):
            database.execute("begin immediate")
            database.executemany("insert into message (sealed) values (?)", [(sealed,)] * BATCH)
            database.execute("commit")
        spent = time.perf_counter() - begun
        database.close()
    return spent / (batches * BATCH)


async def _echo_server(ready: Connection) -> None:
    async def echo(frames: grpc.aio.ServicerContext, context: grpc.aio.ServicerContext) -> None:  # noqa: ARG001
        while (frame := await context.read()) is not grpc.aio.EOF:
            await context.write(frame)

    server = grpc.aio.server()
    handler = grpc.stream_stream_rpc_method_handler(echo)
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("floor.Echo", {"Many": handler}),))
    ready.send(server.add_insecure_port("127.0.0.1:0"))
    await server.start()
    await asyncio.get_running_loop().run_in_executor(None, ready.recv)
    await server.stop(None)


def echo_process(ready: Connection) -> None:
    """Run the echo server until the parent says something."""
    asyncio.run(_echo_server(ready))


async def hop_seconds(port: int, frames: int = 150) -> float:
    """Return the seconds that one hop of one message takes in frames of 64 (half of there and back)."""
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        call = channel.stream_stream("/floor.Echo/Many")()
        body = os.urandom(BODY * BATCH)
        begun = time.perf_counter()

        async def write() -> None:
            for _ in range(frames):
                await call.write(body)
            await call.done_writing()

        writer = asyncio.create_task(write())
        while (await call.read()) is not grpc.aio.EOF:
            pass
        await writer
    return (time.perf_counter() - begun) / (2 * frames * BATCH)


def measure() -> list[Figure]:
    """Return each part of the floor in microseconds a message, and the messages per second they add up to."""
    from multiprocessing import get_context

    spawn = get_context("spawn")
    ours, theirs = spawn.Pipe()
    server = spawn.Process(target=echo_process, args=(theirs,), daemon=True)
    server.start()
    port = ours.recv()
    try:
        rounds = [(signing_seconds(), sqlite_seconds(), asyncio.run(hop_seconds(port))) for _ in range(ROUNDS)]
    finally:
        ours.send("stop")
        server.join(10)
    signing, rows, hops = zip(*rounds, strict=True)
    totals = [one + row + 2 * hop for one, row, hop in rounds]
    return [
        figure("floor: sign and two verifies", "µs", [s * 1e6 for s in signing]),
        figure("floor: durable row at batch 64", "µs", [s * 1e6 for s in rows]),
        figure("floor: stream hop at batch 64", "µs", [s * 1e6 for s in hops]),
        figure("floor: messages on one core", "1/s", [1 / t for t in totals]),
    ]


if __name__ == "__main__":
    for one in measure():
        sys.stdout.write(f"{one.name}: {one.median:.1f} {one.unit} ({one.low:.1f} to {one.high:.1f})\n")
