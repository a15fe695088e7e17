"""Real witness processes, a real publisher, a real database: what an operator runs."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from tlog_kit import LOG, ORIGIN, leaves
from tlog_server_kit import TABLES, append, engine_at

from tapeline.base.seam import system_clock
from tapeline.tlog.publisher import LogPublisher, PublisherSettings
from tapeline.tlog.trust import Trust
from tapeline.tlog.witnessing import WitnessEndpoint
from tapeline.transparency.cosigned import verify_cosigned
from tapeline.transparency.merkle import leaf_hash, verify_consistency, verify_inclusion
from tapeline.transparency.policy import Policy, parse_policy

COMMAND = [sys.executable, "-c", "from tapeline.cli.witness import app; app()"]
pytestmark = pytest.mark.timeout(90)


@dataclass
class Running:
    process: asyncio.subprocess.Process
    url: str
    vkey: str


async def command(*arguments: str) -> tuple[int, str, str]:
    process = await asyncio.create_subprocess_exec(*COMMAND, *arguments, stdout=-1, stderr=-1)
    out, err = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


async def make_witness(folder: Path, name: str) -> None:
    status, out, err = await command("key", "--data", str(folder), "--name", name, "--json")
    assert (status, err) == (0, "")
    assert json.loads(out)["name"] == name


@asynccontextmanager
async def witness(folder: Path, logs: Path, port: int = 0) -> AsyncIterator[Running]:
    process = await asyncio.create_subprocess_exec(
        *COMMAND, "serve", "--data", str(folder), "--logs", str(logs), "--port", str(port), "--json", stdout=-1
    )
    assert process.stdout is not None
    try:
        line = await asyncio.wait_for(process.stdout.readline(), 30)
        where = json.loads(line)
        yield Running(process, where["url"], where["vkey"])
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


def policy_of(running: list[Running]) -> Policy:
    names = [f"w{number}" for number in range(len(running))]
    lines = [f"witness {name} {one.vkey}" for name, one in zip(names, running, strict=True)]
    text = [f"log {LOG.key.encode()}", *lines, f"group q 2 {' '.join(names)}", "quorum q", ""]
    return parse_policy("\n".join(text).encode())


async def test_a_log_is_witnessed_through_crashes_and_restarts(tmp_path: Path) -> None:
    logs = tmp_path / "logs"
    logs.write_text(LOG.key.encode() + "\n")
    folders = [tmp_path / f"witness-{number}" for number in range(3)]
    await asyncio.gather(*(make_witness(folder, f"w{n}.example/w") for n, folder in enumerate(folders)))
    async with AsyncExitStack() as stack:
        running = [await stack.enter_async_context(witness(folder, logs)) for folder in folders]
        policy = policy_of(running)
        asked = [
            WitnessEndpoint(one.name, where.url, one.key) for one, where in zip(policy.witnesses, running, strict=True)
        ]
        engine = await stack.enter_async_context(engine_at(tmp_path / "log.db"))
        publisher = LogPublisher(
            engine,
            TABLES,
            LOG,
            ORIGIN,
            Trust(lambda note: verify_cosigned(note, policy, log_origin=ORIGIN), lambda _: asked),
            system_clock,
            asyncio.Lock(),
            settings=PublisherSettings(interval_ms=50),
        )
        await publisher.start()
        publishing = asyncio.create_task(publisher.run())
        stack.push_async_callback(asyncio.wait_for, publishing, 30)
        stack.push_async_callback(publisher.close)

        await append(engine, leaves(5))
        first = await publisher.wait_for(5, timeout_s=30)
        assert abs(system_clock() - first.median_time_ms) < 60_000

        # One witness dies without a word: two of three suffice.
        running[0].process.kill()
        await running[0].process.wait()
        await append(engine, leaves(300)[5:])
        second = await publisher.wait_for(300, timeout_s=30)
        assert verify_cosigned(second.raw, policy, log_origin=ORIGIN).witness_times.keys() == {"w1", "w2"}
        verify_consistency(5, first.root, 300, second.root, await publisher.consistency(5, 300))
        verify_inclusion(leaf_hash(b"leaf 299"), 299, 300, await publisher.proof(299, 300), second.root)

        # It comes back on its port, remembers size 5, and catches up by a consistency proof.
        port = int(running[0].url.rpartition(":")[2])
        again = await stack.enter_async_context(witness(folders[0], logs, port))
        assert again.vkey == running[0].vkey
        await append(engine, [b"one more"])
        third = await publisher.wait_for(301, timeout_s=30)
        assert third.witness_times.keys() == {"w0", "w1", "w2"}

        async with httpx.AsyncClient(trust_env=False) as client:
            assert (await client.get(again.url)).json()["vkey"] == again.vkey

        # SIGTERM drains and ends with 0, SIGINT too.
        again.process.send_signal(signal.SIGTERM)
        running[1].process.send_signal(signal.SIGINT)
        assert await asyncio.wait_for(again.process.wait(), 30) == 0
        assert await asyncio.wait_for(running[1].process.wait(), 30) == 0


async def test_errors_are_readable(tmp_path: Path) -> None:
    status, out, err = await command("serve", "--data", str(tmp_path), "--logs", str(tmp_path / "none"))
    assert (status != 0, out) == (True, "")
    assert "tapeline witness key" in err
    assert "Traceback" not in err
    await make_witness(tmp_path / "w", "w.example")
    status, _, err = await command("serve", "--data", str(tmp_path / "w"), "--logs", str(tmp_path / "none"), "--json")
    assert status != 0
    assert "known logs" in json.loads(err)["error"]["cause"]
