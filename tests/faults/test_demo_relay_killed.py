"""The demo's chat under random SIGKILLs of the relay: nothing acknowledged is lost, nothing is delivered twice."""

from __future__ import annotations

import asyncio
import random
import signal
import time
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from tapeline.demo.folder import DataFolder
from tapeline.demo.narration import Narrator
from tapeline.demo.outcome import Outcome
from tapeline.demo.processes import Supervisor
from tapeline.demo.replay import Post
from tapeline.demo.stage import Stage
from tapeline.demo.step1_founding import found
from tapeline.demo.step2_chat import Talk, _enrol, collect, converse, say, settle
from tapeline.demo.step6_audit import AUDITOR

USERS = [f"trader-{number}" for number in range(1, 7)]
SEED = 20_240_601
CHECKPOINT_SECONDS = 60.0


async def restart_relay(stage: Stage) -> None:
    """Kill the relay as a power cut would, and start it again where clients look for it."""
    relay = stage.parties["relay"]
    relay.signal_group(signal.SIGKILL)
    await relay.wait(30)
    port = stage.addresses["relay"].rpartition(":")[2]
    http_port = stage.addresses["relay http"].rpartition(":")[2]
    words = ["relay", "serve", "--data", str(stage.service("relay")), "--roster", str(stage.roster)]
    vault = f"Example Bank={stage.addresses['vault']}"
    await stage.serve("relay", *words, "--vault", vault, "--port", port, "--http-port", http_port)


async def kill_again_and_again(stage: Stage, kills: int, dice: random.Random) -> None:
    for _ in range(kills):
        await asyncio.sleep(dice.uniform(0.2, 2.0))  # the random moment is the point
        await restart_relay(stage)


async def talk_until(stage: Stage, talk: Talk, group: bytes, killer: asyncio.Task[None]) -> int:
    """Say runs of 12 messages, every user in turn, until the last kill is over; return how many were acknowledged."""
    said = 0
    while not killer.done():
        posts = [_post(said + number, group) for number in range(12)]
        await say(stage, talk, posts)
        said += len(posts)
    return said


def _post(number: int, group: bytes) -> Post:
    return Post(USERS[number % len(USERS)], group, "message", "", f"quote number {number}", number)


async def audit_when_checkpointed(stage: Stage, data: DataFolder, messages: int) -> dict[str, Any]:
    """Audit copies of the logs until a checkpoint holds all messages or the deadline passes; return the last report."""
    where = ["--relay-url", stage.addresses["relay http"], "--escrow-url", stage.addresses["escrow http"]]
    until = time.monotonic() + CHECKPOINT_SECONDS
    for attempt in count():
        copy = data.part("copies") / str(attempt)
        await stage.run("audit-copy", "audit", "copy", str(copy), *stage.desk(AUDITOR, relay=True), *where, within=120)
        words = ["audit", "verify", str(copy), "--roster", str(stage.roster)]
        report = await stage.run("audit-verify", *words, within=120, statuses=(0, 1))
        if report["messages"] >= messages or time.monotonic() > until:
            break
    return report


async def storm(folder: Path, kills: int) -> None:
    outcome = Outcome()
    data = DataFolder(folder, keep=True)
    async with Supervisor(data.part("logs")) as supervisor:
        stage = Stage(data, supervisor, Narrator(for_program=True), outcome)
        await found(stage)
        talk = Talk()
        await _enrol(stage, talk, USERS, acknowledge=False)
        group = (await converse(stage, talk, [(USERS[0], USERS[1:])]))[0]
        killer = asyncio.create_task(kill_again_and_again(stage, kills, random.Random(SEED)))
        said = await talk_until(stage, talk, group, killer)
        await killer
        await settle(stage, talk, within=120)
        await collect(stage, talk)
        texts = [one["content"] for one in talk.sent.values()]
        assert len(talk.sent) == said + 1  # each acknowledged once, and the disclosure
        assert len(set(texts)) == len(texts)
        for host in stage.hosts:
            received = await host.ask({"do": "received"}, 60)
            assert received["twice"] == 0
            assert received["alarms"] == []
            for user, given in received["given"].items():
                own = sum(one["user"] == user for one in talk.sent.values())
                assert given == len(talk.sent) - own, user
        report = await audit_when_checkpointed(stage, data, len(talk.sent))
        assert report["findings"] == []
        assert report["messages"] == len(talk.sent)
    assert not any(outcome.checks[sentence] is False for sentence in outcome.checks)


@pytest.mark.timeout(420)
async def test_five_kills_lose_and_double_nothing(tmp_path: Path) -> None:
    await storm(tmp_path / "data", 5)


@pytest.mark.soak
@pytest.mark.timeout(1800)
async def test_fifty_kills_lose_and_double_nothing(tmp_path: Path) -> None:
    await storm(tmp_path / "data", 50)
