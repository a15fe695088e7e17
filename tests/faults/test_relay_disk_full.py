"""A full disk: the relay refuses cleanly, keeps answering, and goes on when there is room."""

from __future__ import annotations

import asyncio
import resource
from pathlib import Path

import pytest
from relay_device_kit import pair
from relay_kit import RunningRelay, deployment

from tapeline.base.errors import Unavailable
from tapeline.wire.v1.objects_pb2 import Leaf

pytestmark = pytest.mark.timeout(120)


def limit_file_size(relay: RunningRelay, size: int) -> None:
    """Let no file of the relay's process grow beyond `size`: writes then fail as on a full disk."""
    assert isinstance(relay.relay, asyncio.subprocess.Process)
    resource.prlimit(relay.relay.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


async def test_a_full_disk_is_refused_cleanly_and_survived(tmp_path: Path) -> None:
    async with deployment(tmp_path / "relay") as town, town.process() as relay:
        ann, ben, conversation = await pair(relay)
        async with ann.line() as mine, ben.line() as theirs:
            chain = await ann.open(mine, conversation)
            first = await mine.send("message", ann.message(chain))
            largest = max(path.stat().st_size for path in town.folder.iterdir())
            limit_file_size(relay, largest + 64 * 1024)
            messages = [ann.message(chain, "x" * 20_000) for _ in range(60)]
            acked, refused = await _send_until_refused(mine, messages)
            assert isinstance(refused, Unavailable)
            assert refused.retryable
            assert not mine.ended.is_set()
            with pytest.raises(Unavailable):
                await ann.renew()
            limit_file_size(relay, resource.RLIM_INFINITY)
            again = [await mine.send("message", message) for message in messages]
            assert again[: len(acked)] == acked
            indices = [ack.index for ack in (first, *again)]
            assert indices == sorted(set(indices))
            got = await theirs.delivered(3 + len(messages))
            sequences = [Leaf.FromString(delivery.ack.leaf).conversation_sequence for delivery in got]
            assert sequences == list(range(3 + len(messages)))
        await ann.sync(again[-1].index)
        assert isinstance(relay.relay, asyncio.subprocess.Process)
        relay.relay.terminate()
        assert await asyncio.wait_for(relay.relay.wait(), 20) == 0
    async with town.process() as relay:
        ann.relay = relay
        await ann.again()
        async with ann.line() as mine:
            assert await mine.send("message", messages[0]) == again[0]


async def _send_until_refused(line, messages):  # type: ignore[no-untyped-def]
    acked = []
    for message in messages:
        try:
            acked.append(await line.send("message", message))
        except Unavailable as error:
            return acked, error
    raise AssertionError("the disk was never full")
