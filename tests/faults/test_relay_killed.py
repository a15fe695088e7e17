"""The relay under SIGKILL in the midst of traffic: nothing acknowledged is lost, nothing is stored twice."""

from __future__ import annotations

import asyncio
import random
import signal
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from relay_device_kit import Device, Line, enrol
from relay_kit import Deployment, RunningRelay, deployment

from tapeline.crypto.message.verify import parse_message
from tapeline.transparency.merkle import leaf_hash, root_of, verify_consistency
from tapeline.wire.v1 import objects_pb2 as pb
from tapeline.wire.v1.common_pb2 import ConsistencyRequest
from tapeline.wire.v1.relay_pb2 import ArchivedObject, SyncRequest
from tapeline.wire.v1.relay_pb2_grpc import DirectoryStub, ReviewStub

PAIRS, KILLS, MESSAGES = 3, 4, 200
pytestmark = pytest.mark.timeout(180)


@dataclass
class Talker:
    """A sender with its outbox: bytes are made once, and sent again until they are acknowledged."""

    device: Device
    record: bytes
    messages: list[bytes]
    acks: dict[bytes, pb.Ack] = field(default_factory=dict)

    @property
    def outbox(self) -> list[tuple[str, bytes]]:
        items = [("record", self.record), *(("message", message) for message in self.messages)]
        return [item for item in items if item[1] not in self.acks]

    async def talk(self) -> None:
        """Send all that is not acknowledged until the line breaks, or nothing is left."""
        async with self.device.line(subscribe=False) as line:
            while self.outbox and not line.ended.is_set():
                await self._send(line, self.outbox[:16])

    async def _send(self, line: Line, items: Sequence[tuple[str, bytes]]) -> None:
        futures = await line.post(*items)
        pending: set[asyncio.Future[object]] = {asyncio.gather(*futures), asyncio.ensure_future(line.ended.wait())}
        await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
        for (_, data), future in zip(items, futures, strict=True):
            if future.done():
                self._keep(data, future.result())
        for one in pending:
            one.cancel()

    def _keep(self, data: bytes, ack: pb.Ack) -> None:
        assert self.acks.setdefault(data, ack) == ack


async def make_talkers(relay: RunningRelay) -> list[Talker]:
    await relay.certify()
    talkers = []
    for number in range(PAIRS):
        device = await enrol(relay, f"sender{number}")
        await enrol(relay, f"reader{number}")
        conversation = await device.converse(("acme", f"reader{number}"))
        created, chain = device.seal(conversation)
        talkers.append(Talker(device, created.record, [device.message(chain, f"{n}") for n in range(MESSAGES)]))
    return talkers


async def test_nothing_acknowledged_is_lost_and_nothing_is_stored_twice(tmp_path: Path) -> None:
    dice = random.Random(7)
    async with deployment(tmp_path / "relay") as town:
        async with town.process() as relay:
            talkers = await make_talkers(relay)
            before = talkers[-1].device.note
            await _talk_until_killed(relay, talkers, dice)
        for _ in range(KILLS - 1):
            async with _resumed(town, talkers) as relay:
                await _talk_until_killed(relay, talkers, dice)
        async with _resumed(town, talkers) as relay:
            await asyncio.gather(*(talker.talk() for talker in talkers))
            assert all(talker.outbox == [] for talker in talkers)
            await _check_archive(relay, talkers, before)


def _resumed(town: Deployment, talkers: Sequence[Talker]):  # type: ignore[no-untyped-def]
    """Start the relay again on what the kill left, and log everybody in."""
    from contextlib import asynccontextmanager

    @asynccontextmanager
    async def start():  # type: ignore[no-untyped-def]
        async with town.process() as relay:
            for talker in talkers:
                talker.device.relay = relay
                await talker.device.again()
            yield relay

    return start()


async def _talk_until_killed(relay: RunningRelay, talkers: Sequence[Talker], dice: random.Random) -> None:
    tasks = [asyncio.create_task(talker.talk()) for talker in talkers]
    goal = sum(len(talker.acks) for talker in talkers) + dice.randint(20, 120)
    async with asyncio.timeout(60):
        while sum(len(talker.acks) for talker in talkers) < goal:  # noqa: ASYNC110
            await asyncio.sleep(0.001)
    assert isinstance(relay.relay, asyncio.subprocess.Process)
    relay.relay.send_signal(signal.SIGKILL)
    await relay.relay.wait()
    for task in tasks:
        await asyncio.wait_for(task, 30)


async def _check_archive(relay: RunningRelay, talkers: Sequence[Talker], before: bytes) -> None:
    device = talkers[0].device
    last = max(ack.index for talker in talkers for ack in talker.acks.values())
    await device.sync(last)
    exported = await _export(relay, last)
    by_index = {one.index: one for one in exported}
    assert sorted(by_index) == list(range(len(exported)))
    for talker in talkers:
        assert len(talker.acks) == MESSAGES + 1
        for data, ack in talker.acks.items():
            assert (by_index[ack.index].leaf, by_index[ack.index].object) == (ack.leaf, data)
    _check_no_doubles(exported, talkers)
    old, new = device.state.verify_archive_note(before), device.state.verify_archive_note(device.note)
    assert root_of(leaf_hash(one.leaf) for one in exported[: new.size]) == new.root
    request = ConsistencyRequest(old_size=old.size, new_size=new.size)
    proof = await DirectoryStub(relay.channel).ProveConsistency(request, metadata=device.metadata)
    verify_consistency(old.size, old.root, new.size, new.root, list(proof.hashes))


def _check_no_doubles(exported: Sequence[ArchivedObject], talkers: Sequence[Talker]) -> None:
    leaves = [pb.Leaf.FromString(one.leaf) for one in exported]
    hashes = [leaf.object_hash for leaf in leaves]
    assert len(set(hashes)) == len(hashes)
    times = [leaf.relay_time_ms for leaf in leaves]
    assert times == sorted(times)
    messages = [one.object for one, leaf in zip(exported, leaves, strict=True) if leaf.type == pb.LEAF_TYPE_MESSAGE]
    assert len(messages) == PAIRS * MESSAGES
    places = [(parsed.record_hash, parsed.index) for parsed in map(parse_message, messages)]
    for talker in talkers:
        session = parse_message(talker.messages[0]).record_hash
        assert [index for record_hash, index in places if record_hash == session] == list(range(MESSAGES))


async def _export(relay: RunningRelay, last: int) -> list[ArchivedObject]:
    metadata = await relay.person("aura")
    stream = ReviewStub(relay.channel).ExportArchive(SyncRequest(), metadata=metadata)
    exported = [one async for one in stream]
    assert exported[-1].index >= last
    return exported
