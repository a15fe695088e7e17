"""An adversary wants the relay to stop serving the others: with one device, one reviewer's key, or no login at all."""

from __future__ import annotations

import asyncio
import json
import resource
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from junk_kit import junk_package, junk_record
from relay_device_kit import Device, enrol, pair
from relay_kit import RunningRelay, deployment, login

from tapeline.wire.v1.relay_pb2 import Delivery

ATTACKER = Path(__file__).parents[1] / "support" / "attacker.py"
MESSAGE_S = 5.0
"""Nobody waits longer for an acknowledgement; measured is far less (see the soak test)."""
GROWTH_MIB = 200
"""By how much the relay may grow under attack: frames of four streams (8 MiB and what they decode to), one device's
line, one package of 7 MiB at a time and what it decodes to, and what the allocator keeps."""
FILES = 512
"""The relay's file limit: half-open connections must not use it up."""


@dataclass
class Scene:
    """A relay process, an honest pair, and what the attackers hold."""

    relay: RunningRelay
    ann: Device
    ben: Device
    conversation: bytes
    told: dict[str, object]
    waits_ms: list[float] = field(default_factory=list)

    def rss_mib(self) -> float:
        lines = Path(f"/proc/{self.relay.where['pid']}/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024

    @asynccontextmanager
    async def attack(self, seconds: float) -> AsyncIterator[asyncio.subprocess.Process]:
        """Run the attackers while inside."""
        process = await asyncio.create_subprocess_exec(sys.executable, str(ATTACKER), stdin=-1, stdout=-1)
        assert process.stdin is not None
        process.stdin.write(json.dumps({**self.told, "seconds": seconds}).encode())
        process.stdin.close()
        try:
            yield process
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()

    async def talk_until(self, ended: asyncio.Event) -> int:
        """Send a message every 50 ms, each acknowledged in time and delivered; return the last leaf's index."""
        async with self.ann.line() as mine, self.ben.line() as theirs:
            await theirs.caught_up.wait()
            before, sent = len(theirs.deliveries), 0
            chain = await self.ann.open(mine, self.conversation)
            while not ended.is_set() and sent < 250:
                began = time.monotonic()
                async with asyncio.timeout(MESSAGE_S):
                    ack = await mine.send("message", self.ann.message(chain, f"line {sent}"))
                self.waits_ms.append((time.monotonic() - began) * 1e3)
                sent += 1
                await asyncio.sleep(0.05)
            await theirs.delivered(before + sent + 1)
            assert all(isinstance(one, Delivery) for one in theirs.deliveries)
        return ack.index

    def percentile(self, share: float) -> float:
        ordered = sorted(self.waits_ms)
        return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


@asynccontextmanager
async def scene(folder: Path) -> AsyncIterator[Scene]:
    def few_files() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (FILES, FILES))

    async with deployment(folder / "relay") as town, town.process(preexec=few_files) as relay:
        ann, ben, conversation = await pair(relay)
        mallory = await enrol(relay, "mallory")
        own = await mallory.converse(("acme", "ben"))
        rita = await relay.person("rita")
        (folder / "record").write_bytes(junk_record(mallory, own))
        (folder / "package").write_bytes(junk_package(town.roster_files[0].read_bytes(), ann.note))
        told = {
            "grpc": relay.where["grpc"], "http": relay.where["http"], "victim": ben.key.public.hex(),
            "attackers": ["device", "reviewer", "nobody"],
            "record": str(folder / "record"), "package": str(folder / "package"),
            "tokens": {"device": mallory.metadata[0][1], "reviewer": rita[0][1]},
        }  # fmt: skip
        yield Scene(relay, ann, ben, conversation, told)


async def under_attack(here: Scene, seconds: float) -> dict[str, int]:
    """Talk while the attack lasts; hold the log, logins, HTTP and memory against what must hold; return what it did."""
    ended, before = asyncio.Event(), here.rss_mib()
    peak = before
    async with here.attack(seconds) as process:
        talking = asyncio.create_task(here.talk_until(ended))
        began = time.monotonic()
        async with httpx.AsyncClient(trust_env=False, timeout=MESSAGE_S) as client:
            while time.monotonic() - began < seconds and not talking.done():
                peak = max(peak, here.rss_mib())
                assert (await client.get(f"{here.relay.where['http']}/checkpoint")).status_code == 200
                await login(here.relay.channel, here.ben.key)
                await asyncio.sleep(0.5)
        # While the attack lasts, too, the witnesses have cosigned what was sent.
        ended.set()
        await here.ann.sync(await talking)
        assert process.stdout is not None
        async with asyncio.timeout(30):
            did = json.loads(await process.stdout.read())
    print(json.dumps({**did, "p50 ms": here.percentile(0.5), "p99 ms": here.percentile(0.99),
                      "max ms": max(here.waits_ms), "rss MiB": [round(before), round(peak)]}))  # fmt: skip
    assert peak - before < GROWTH_MIB
    return dict(did)


async def test_three_attackers_at_once_stop_nobody(tmp_path: Path) -> None:
    async with scene(tmp_path) as here:
        did = await under_attack(here, 6)
        assert len(here.waits_ms) > 20
        # The attack was one: all of it reached the relay.
        assert did["records sent"] > 0
        assert did["packages FAILED_PRECONDITION"] + did.get("packages RESOURCE_EXHAUSTED", 0) > 1
        assert did["challenges OK"] > 100
        assert did["watches UNAUTHENTICATED"] > 0
        assert did["half-open"] >= 100


@pytest.mark.soak
async def test_p99_stays_below_a_quarter_of_a_second(tmp_path: Path) -> None:
    """On two cores with nothing else to do."""
    async with scene(tmp_path) as here:
        await under_attack(here, 20)
        assert here.percentile(0.99) < 250
