"""What waits for the writer: a turn for each device, bounds in number and bytes, and an end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from tapeline.base.errors import NotFound, Unavailable
from tapeline.relay.services.allowance import AllowanceLimits, Allowances
from tapeline.relay.services.outcomes import Outcome, Rejected
from tapeline.relay.services.submissions import IntakeLimits, SubmissionQueue, Submitted

LIMITS = IntakeLimits(batch=2, queued=12, queued_bytes=1000, of_device=3, bytes_of_device=400)


def item(
    size: int = 1, device: bytes = b"ann", replies: list[Outcome] | None = None, *, is_record: bool = False
) -> Submitted:
    return Submitted(device, bytes(size), is_record, reply=([] if replies is None else replies).append)


def queue_of(limits: IntakeLimits = LIMITS, prepare: Callable[[Submitted], None] = lambda one: None) -> SubmissionQueue:
    async def ready(one: Submitted) -> None:
        await asyncio.sleep(0)
        prepare(one)
        one.record = one.record or object()  # type: ignore[assignment]

    return SubmissionQueue(limits, ready)


async def settled() -> None:
    """Let every task that can run do so."""
    for _ in range(20):
        await asyncio.sleep(0)


async def test_a_batch_is_what_is_queued_up_to_its_size() -> None:
    queue, items = queue_of(), [item() for _ in range(3)]
    for one in items:
        await queue.put(one)
    assert (await queue.take(), await queue.take()) == (items[:2], items[2:])


async def test_each_device_has_its_turn_and_its_order() -> None:
    queue = queue_of(IntakeLimits(batch=4))
    flood, honest = [item(device=b"flood") for _ in range(6)], [item(device=b"ben") for _ in range(2)]
    for one in (*flood, *honest):
        await queue.put(one)
    assert await queue.take() == [flood[0], honest[0], flood[1], honest[1]]
    assert await queue.take() == flood[2:6]


@pytest.mark.parametrize(("count", "size"), [(3, 1), (2, 200)])
async def test_a_device_that_has_too_much_waiting_waits_and_the_others_do_not(count: int, size: int) -> None:
    queue = queue_of()
    for _ in range(count):
        await queue.put(item(size))
    one_more = asyncio.create_task(queue.put(item(size)))
    await settled()
    assert not one_more.done()
    await asyncio.wait_for(queue.put(item(size, b"ben")), 5)
    while not one_more.done():
        queue.done(await queue.take())
        await settled()


async def test_bytes_of_all_are_bounded_and_shares_shrink_with_the_number_of_devices() -> None:
    queue = queue_of()
    greedy = [asyncio.create_task(queue.put(item(100, b"greedy"))) for _ in range(3)]
    await settled()
    others = [asyncio.create_task(queue.put(item(100, bytes([number])))) for number in range(20)]
    await settled()
    taken: list[Submitted] = []
    while not all(one.done() for one in (*greedy, *others)):
        assert queue._bytes <= LIMITS.queued_bytes
        assert queue._items <= LIMITS.queued
        batch = await queue.take()
        taken += batch
        queue.done(batch)
        await settled()
    assert {bytes([number]) for number in range(20)} <= {one.device for one in taken} | set(queue._lines)


async def test_a_record_that_is_being_prepared_holds_up_its_own_device_only() -> None:
    is_prepared = asyncio.Event()

    async def slow(one: Submitted) -> None:
        await is_prepared.wait()
        one.record = object()  # type: ignore[assignment]

    queue = SubmissionQueue(IntakeLimits(), slow)
    heavy, after, other = item(is_record=True), item(), item(device=b"ben")
    for one in (heavy, after, other):
        await queue.put(one)
    assert await queue.take() == [other]
    is_prepared.set()
    await settled()
    assert await queue.take() == [heavy, after]


async def test_a_record_that_is_refused_while_it_is_prepared_leaves_the_line() -> None:
    queue = queue_of(prepare=lambda one: one.answer(Rejected(NotFound("no"))))
    await queue.put(item(is_record=True))
    await queue.put(after := item())
    await settled()
    assert await queue.take() == [after]
    queue.done([after])
    assert (queue._items, queue._bytes, queue._lines) == (0, 0, {})


async def test_a_stream_that_ends_while_it_waits_leaves_nothing_behind() -> None:
    queue = queue_of()
    for _ in range(3):
        await queue.put(item())
    waiting = asyncio.create_task(queue.put(item()))
    await settled()
    waiting.cancel()
    for _ in range(2):
        queue.done(await queue.take())
    await asyncio.wait([waiting])
    assert (queue._items, queue._lines) == (0, {})


async def test_draining_waits_for_the_last_batch_and_takes_nothing_more() -> None:
    queue = queue_of()
    for _ in range(3):
        await queue.put(item())
    waiting = asyncio.create_task(queue.put(item()))
    batches = [await queue.take(), await queue.take()]
    draining = asyncio.create_task(queue.drain())
    await settled()
    assert not draining.done()
    for refused in (queue.put(item()), waiting):
        with pytest.raises(Unavailable):
            await refused
    for batch in batches:
        queue.done(batch)
    await asyncio.wait_for(draining, 5)


def test_an_item_is_answered_once() -> None:
    replies: list[Outcome] = []
    one, first = item(replies=replies), Rejected(NotFound("first"))
    one.answer(first)
    one.answer(Rejected(NotFound("second")))
    assert replies == [first]


class Now:
    """A clock that a test moves."""

    seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


BUCKET = AllowanceLimits(bytes_a_second=100, burst_bytes=1000, item_bytes=10, refused_times=8)


def test_a_device_has_a_burst_and_then_its_rate() -> None:
    now = Now()
    allowances = Allowances(BUCKET, now)
    assert [allowances.take(b"ann", 90) for _ in range(11)] == [0.0] * 10 + [1.0]
    now.seconds = 2.0
    assert allowances.take(b"ann", 90) == 0.0
    assert allowances.take(b"ann", 90) == 1.0
    assert allowances.take(b"ben", 90) == 0.0


def test_what_was_refused_costs_many_times_as_much() -> None:
    now = Now()
    allowances = Allowances(BUCKET, now)
    assert allowances.take(b"ann", 90) == 0.0
    allowances.refused(b"ann", 90)
    assert allowances.take(b"ann", 190) == 0.0  # 800 were taken, and these 200
    assert allowances.take(b"ann", 90) == 1.0


def test_a_debt_is_bounded_and_paid_with_time() -> None:
    now = Now()
    allowances = Allowances(BUCKET, now)
    for _ in range(100):
        allowances.refused(b"ann", 990)
    assert allowances.take(b"ann", 1) == 10.0
    now.seconds = 20.0
    assert allowances.take(b"ann", 1) == 0.0


async def test_a_device_without_an_allowance_waits_for_it() -> None:
    bucket = AllowanceLimits(bytes_a_second=1000, burst_bytes=100, item_bytes=0)
    queue = queue_of(IntakeLimits(allowance=bucket))
    await queue.put(item(100))
    began = asyncio.get_running_loop().time()
    await asyncio.gather(*(queue.put(item(100)) for _ in range(3)))  # as from three streams
    assert asyncio.get_running_loop().time() - began >= 0.29
