"""What a client does when the relay refuses what it sends: wait, seal anew, give up only what stays refused."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from client_kit import altering, event, texts

from tapeline.base.errors import TapelineError
from tapeline.base.remote import to_refusal
from tapeline.base.rules import Refused, Rule
from tapeline.client import Client
from tapeline.client.errors import SendFailed
from tapeline.client.events import NotSent, SendDelayed
from tapeline.client.send import outgoing
from tapeline.client.store import outbox
from tapeline.testing.background import BackgroundDeployment
from tapeline.wire.v1.relay_pb2 import ServerFrame

CHANGED = Refused(Rule.MSG_SESSION, "The session is over: the members' devices have changed.")
BAD = Refused(Rule.MSG_SIGNATURE, "The message is not signed by its session's device.")


@pytest.fixture
async def clients(tapeline_deployment: BackgroundDeployment, tmp_path: Path):
    async with AsyncExitStack() as stack:

        async def make(user: str) -> Client:
            made = await tapeline_deployment.client(f"{user}-{tmp_path.name}"[:60], tmp_path / user)
            return await stack.enter_async_context(made)

        yield make


def refusing(client: Client, error: TapelineError, when: Callable[[bytes, int], bool]) -> Callable[[ServerFrame], None]:
    """Answer a message with a refusal while `when(content, refusals so far)` holds; records are acknowledged."""
    counts: dict[bytes, int] = {}

    def alter(frame: ServerFrame) -> None:
        for answer in frame.answers:
            ticket = client._engine.sender._tickets.get(answer.ticket)
            row = None if ticket is None else ticket.outgoing.row
            if row is not None and not row.is_record and when(row.content, counts.get(row.message_id, 0)):
                counts[row.message_id] = counts.get(row.message_id, 0) + 1
                answer.refusal.CopyFrom(to_refusal(error))

    return alter


async def test_many_refusals_that_fresher_facts_help_against_delay_a_message_and_lose_none(clients) -> None:
    alice, bob = await asyncio.gather(clients("alice"), clients("bob"))
    room = await alice.create_conversation([bob.user])
    async with altering(alice, refusing(alice, CHANGED, lambda _, count: count < 7)), asyncio.timeout(45):
        receipts = await asyncio.gather(*(room.send(text) for text in ("one", "two", "three")))
    assert len(receipts) == 3
    assert [message.text for message in await texts(bob, 3)] == ["one", "two", "three"]
    delayed = await event(alice, SendDelayed)
    assert isinstance(delayed, SendDelayed)
    assert "devices have changed" in delayed.cause.cause


def test_the_refusals_of_these_tests_are_of_both_kinds() -> None:
    assert (CHANGED.retryable, BAD.retryable) == (True, False)


async def test_a_burst_of_definitive_refusals_is_not_the_end_of_a_message(clients) -> None:
    alice, bob = await asyncio.gather(clients("alice"), clients("bob"))
    room = await alice.create_conversation([bob.user])
    async with altering(alice, refusing(alice, BAD, lambda _, count: count < 7)), asyncio.timeout(45):
        await room.send("after all")
    assert [message.text for message in await texts(bob, 1)] == ["after all"]


async def test_a_message_that_stays_refused_is_given_up_alone_and_told(
    clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outgoing, "PATIENCE_SECONDS", 0.5)
    alice, bob = await asyncio.gather(clients("alice"), clients("bob"))
    room = await alice.create_conversation([bob.user])
    async with altering(alice, refusing(alice, BAD, lambda content, _: b"poison" in content)), asyncio.timeout(45):
        sent = await asyncio.gather(
            *(room.send(text) for text in ("before", "poison", "behind", "last")), return_exceptions=True
        )
    assert [isinstance(one, SendFailed) for one in sent] == [False, True, False, False]
    told = await event(alice, NotSent)
    assert isinstance(told, NotSent)
    assert (told.conversation, "is not signed" in told.cause.cause) == (room.id, True)
    assert await alice._device.database.run(outbox.load_all) == []
    heard = [message.text for message in await texts(bob, 4)]
    # The relay of this test took the poison that it said it had refused; what matters is that nothing else is missing.
    assert [text for text in heard if text != "poison"] == ["before", "behind", "last"]


async def test_who_was_removed_is_told_at_once(clients) -> None:
    alice, bob = await asyncio.gather(clients("alice"), clients("bob"))
    room = await alice.create_conversation([bob.user])
    await room.send("hello")
    await texts(bob, 1)
    theirs = bob.conversation(room.id)
    await theirs.send("hello too")
    await room.remove([bob.user])
    async with asyncio.timeout(10):
        with pytest.raises(SendFailed, match="no longer a member"):
            await theirs.send("still here?")


def test_a_sleep_between_two_refusals_decides_nothing() -> None:
    message = outgoing.Outgoing(row=None)  # type: ignore[arg-type]
    message.count(0.0)
    message.count(86_400.0)
    assert not message.is_hopeless(86_400.0)
    for second in range(4):
        message.count(86_401.0 + second)
    assert message.is_hopeless(86_405.0)
