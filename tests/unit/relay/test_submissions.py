"""The writer's queue is bounded and drains."""

from __future__ import annotations

import asyncio

import pytest

from tapeline.base.errors import LimitExceeded, NotFound, Unavailable
from tapeline.relay.services.outcomes import Outcome, Rejected
from tapeline.relay.services.submissions import IntakeLimits, SubmissionQueue, Submitted

LIMITS = IntakeLimits(batch=2, queued=3, queued_bytes=100)


def item(size: int = 1, replies: list[Outcome] | None = None) -> Submitted:
    return Submitted(b"device", bytes(size), is_record=False, reply=([] if replies is None else replies).append)


async def test_a_batch_is_what_is_queued_up_to_its_size() -> None:
    queue, items = SubmissionQueue(LIMITS), [item() for _ in range(3)]
    for one in items:
        queue.put(one)
    assert (await queue.take(), await queue.take()) == (items[:2], items[2:])


@pytest.mark.parametrize(("count", "size"), [(3, 1), (1, 100)])
async def test_number_and_bytes_are_bounded_until_a_batch_is_done(count: int, size: int) -> None:
    queue = SubmissionQueue(LIMITS)
    for _ in range(count):
        queue.put(item(size))
    with pytest.raises(LimitExceeded):
        queue.put(item())
    for _ in range(2):
        if count:
            batch = await queue.take()
            count -= len(batch)
            queue.done(batch)
    queue.put(item(100))


async def test_draining_waits_for_the_last_batch_and_takes_nothing_more() -> None:
    queue = SubmissionQueue(LIMITS)
    queue.put(item())
    batch = await queue.take()
    draining = asyncio.create_task(queue.drain())
    await asyncio.sleep(0)
    assert not draining.done()
    with pytest.raises(Unavailable):
        queue.put(item())
    queue.done(batch)
    await asyncio.wait_for(draining, 5)


def test_an_item_is_answered_once() -> None:
    replies: list[Outcome] = []
    one, first = item(replies=replies), Rejected(NotFound("first"))
    one.answer(first)
    one.answer(Rejected(NotFound("second")))
    assert replies == [first]
