"""When something inside the writer fails, memory and database stay one, and every sender hears once."""

from __future__ import annotations

import asyncio
from unittest.mock import AsyncMock

import pytest
from relay_device_kit import Line, pair
from relay_kit import RunningRelay
from sqlalchemy import event
from sqlalchemy.exc import OperationalError

from tapeline.base.errors import TapelineError, Unavailable
from tapeline.relay.app import Relay


async def outcomes(line: Line, *items: tuple[str, bytes]) -> list[object]:
    return await asyncio.gather(*await line.post(*items), return_exceptions=True)


def relay_of(relay: RunningRelay) -> Relay:
    assert isinstance(relay.relay, Relay)
    return relay.relay


async def test_a_failed_commit_is_undone_in_memory_too(relay: RunningRelay) -> None:
    ann, _, conversation = await pair(relay)
    engine = relay_of(relay)._engine.sync_engine

    def fail(*arguments: object) -> None:
        if "INSERT INTO message" in str(arguments[2]):
            raise OperationalError("injected", {}, Exception("disk I/O error"))

    async with ann.line() as line:
        chain = await ann.open(line, conversation)
        first, second, third = (("message", ann.message(chain)) for _ in range(3))
        ack = await line.send(*first)
        event.listen(engine, "before_cursor_execute", fail)
        refused = await outcomes(line, second, third)
        assert [type(one) for one in refused] == [Unavailable, Unavailable]
        event.remove(engine, "before_cursor_execute", fail)
        again = await outcomes(line, first, second, third)
        assert [one.index for one in again] == [ack.index, ack.index + 1, ack.index + 2]  # type: ignore[attr-defined]


async def test_a_fault_in_judging_is_undone_in_memory_too(relay: RunningRelay, monkeypatch: pytest.MonkeyPatch) -> None:
    ann, _, conversation = await pair(relay)
    intake = relay_of(relay)._intake
    async with ann.line() as line:
        chain = await ann.open(line, conversation)
        good, gap = ("message", ann.message(chain)), ("message", (ann.message(chain), ann.message(chain))[1])
        with monkeypatch.context() as patched:
            patched.setattr(intake, "_newer", AsyncMock(side_effect=RuntimeError("injected")))
            refused = await outcomes(line, good, gap)
            assert [type(one) for one in refused] == [Unavailable, Unavailable]
        accepted, still = await outcomes(line, good, gap)
        assert accepted.index > 0  # type: ignore[attr-defined]
        assert isinstance(still, TapelineError)


async def test_a_stopping_relay_takes_nothing_more(relay: RunningRelay) -> None:
    ann, _, conversation = await pair(relay)
    async with ann.line() as line:
        chain = await ann.open(line, conversation)
        await relay_of(relay)._intake.drain()
        with pytest.raises(Unavailable):
            await line.send("message", ann.message(chain))


async def test_every_conversation_gets_its_turn(relay: RunningRelay) -> None:
    ann, ben, _ = await pair(relay)
    conversations = [await ann.converse(("acme", "ben")) for _ in range(3)]
    async with ann.line() as mine:
        chains = [await ann.open(mine, conversation) for conversation in conversations]
        for chain in chains:
            await asyncio.gather(*await mine.post(*(("message", ann.message(chain)) for _ in range(64))))
    async with ben.line() as theirs:
        await theirs.delivered(1 + 3 * 66)
        order = [one.conversation for one in theirs.deliveries]
        first = {one: order.index(one) for one in conversations}
        last = {one: len(order) - order[::-1].index(one) for one in conversations}
        # A frame holds 64, a conversation 66: what is left of each waits until the others had their turn.
        assert max(first.values()) < min(last.values())
