"""Clients that talk through a real relay process: kinds of content, groups, disclosures, membership."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from client_kit import bodies, event, texts, until

from tapeline.base.errors import NotFound
from tapeline.base.rules import Refused, Rule
from tapeline.client import Client, ClientOptions
from tapeline.client.content import Delete, DisclosureAck, Edit, Reaction, ReadReceipt, RecordingDisclosure, Reply, Text
from tapeline.client.directory.shared import SharedDirectory
from tapeline.client.events import Disclosure, MembershipChanged
from tapeline.client.transport.channels import Transport
from tapeline.client.verdicts import SharedVerdicts
from tapeline.testing.background import BackgroundDeployment
from tapeline.testing.founding import CLASS, FIRM


@pytest.fixture
async def clients(tapeline_deployment: BackgroundDeployment, tmp_path: Path):
    """Makes clients by name; they are closed at the end."""
    async with AsyncExitStack() as stack:

        async def make(user: str, options: ClientOptions | None = None) -> Client:
            name = f"{user}-{tmp_path.name}"[:60]
            client = await tapeline_deployment.client(name, tmp_path / user, options=options)
            return await stack.enter_async_context(client)

        yield make


async def test_every_kind_of_content_both_ways(clients) -> None:
    alice, bob = await asyncio.gather(clients("alice"), clients("bob"))
    conversation = await alice.create_conversation([bob.user])
    sent = await conversation.send("hello", labels={"line": "1"})
    first = (await texts(bob, 1))[0]
    assert (first.text, first.sender, first.firm, dict(first.labels)) == ("hello", alice.user, FIRM, {"line": "1"})
    assert (first.message_hash, first.sequence, first.leaf_index) == (sent.message_hash, sent.sequence, sent.index)

    back = bob.conversation(first.conversation)
    await back.reply(first, "hi")
    await back.react(first, "👍")
    await back.mark_read([first])
    await conversation.edit(sent, "hello!")
    await conversation.delete(sent)
    heard = [message.body for message in await bodies(alice, 4)]
    said = [Reply(sent.message_hash, "hi"), Reaction(sent.message_hash, "👍"), ReadReceipt((sent.message_hash,))]
    assert [body for body in heard if not isinstance(body, DisclosureAck)] == said
    assert [message.body for message in await bodies(bob, 2)] == [
        Edit(sent.message_hash, "hello!"),
        Delete(sent.message_hash),
    ]


async def test_the_line_is_disclosed_first_and_acknowledged(clients) -> None:
    alice, bob = await asyncio.gather(clients("alice"), clients("bob"))
    conversation = await alice.create_conversation([bob.user])
    await conversation.send("after the disclosure")
    told = await event(bob, Disclosure)
    assert isinstance(told, Disclosure)
    assert (told.by, told.firm, told.retention_class) == (alice.user, FIRM, CLASS)
    first, second = await bodies(bob, 2)
    assert isinstance(first.body, RecordingDisclosure)
    assert second.text == "after the disclosure"
    assert (await bodies(alice, 1))[0].body == DisclosureAck(first.message_hash)


async def test_a_group_that_shares_directory_verdicts_and_transport(clients) -> None:
    async with AsyncExitStack() as stack:
        transport = Transport()
        stack.push_async_callback(transport.close)
        options = ClientOptions(transport=transport, verdicts=SharedVerdicts(), directory=SharedDirectory())
        group = await asyncio.gather(*(clients(name, options) for name in ("ann", "ben", "cid", "dot")))
        conversation = await group[0].create_conversation([one.user for one in group[1:]])
        await conversation.send("to all")
        for one in group[1:]:
            assert [message.text for message in await texts(one, 1)] == ["to all"]
        for number, one in enumerate(group):
            await one.conversation(conversation.id).send(f"from {number}")
        for number, one in enumerate(group):
            heard = {message.text for message in await texts(one, 3)}
            assert heard == {f"from {other}" for other in range(4)} - {f"from {number}"}
        for one in group:
            await one.close()


async def test_members_come_and_go(clients) -> None:
    alice, bob, carol = await asyncio.gather(clients("alice"), clients("bob"), clients("carol"))
    conversation = await alice.create_conversation([bob.user])
    await conversation.send("before carol")
    await conversation.add([carol.user])
    await conversation.send("with carol")
    assert [message.text for message in await texts(carol, 1)] == ["with carol"]
    assert {member.user for member in carol.membership(conversation.id).members} == {alice.user, bob.user, carol.user}
    with pytest.raises(Refused) as refused:
        await bob.conversation(conversation.id).remove([carol.user])
    assert refused.value.rule is Rule.MEMBERSHIP_SIGNER
    await conversation.remove([bob.user])
    await conversation.send("without bob")
    assert [message.text for message in await texts(carol, 1)] == ["without bob"]
    assert [message.text for message in await texts(bob, 2)] == ["before carol", "with carol"]

    async def told() -> bool:
        return len(carol.membership(conversation.id).members) == 2

    await until(told)


async def test_history_holds_both_sides_in_order(clients) -> None:
    alice, bob = await asyncio.gather(clients("alice"), clients("bob"))
    conversation = await alice.create_conversation([bob.user])
    await conversation.send("one")
    await texts(bob, 1)
    await bob.conversation(conversation.id).send("two")
    await texts(alice, 1)
    kept = [message for message in await conversation.history() if isinstance(message.body, Text)]
    assert [(message.text, message.sender) for message in kept] == [("one", alice.user), ("two", bob.user)]
    assert [message.sequence for message in kept] == sorted(message.sequence for message in kept)


async def test_membership_events_tell_verified_members(clients) -> None:
    alice, bob = await asyncio.gather(clients("alice"), clients("bob"))
    conversation = await alice.create_conversation([bob.user])
    told = await event(bob, MembershipChanged)
    assert isinstance(told, MembershipChanged)
    assert (told.conversation, {member.user for member in told.members}) == (conversation.id, {alice.user, bob.user})


async def test_nobody_is_added_who_is_not_enrolled(clients) -> None:
    alice = await clients("alice")
    with pytest.raises(NotFound):
        await alice.create_conversation(["nobody-at-all"])


async def test_300_messages_cross_a_session_boundary_in_order(clients) -> None:
    alice, bob = await asyncio.gather(clients("alice"), clients("bob"))
    conversation = await alice.create_conversation([bob.user])
    receipts = await asyncio.gather(*(conversation.send(str(number)) for number in range(300)))
    heard = await texts(bob, 300)
    assert [message.text for message in heard] == [str(number) for number in range(300)]
    assert len({receipt.record_hash for receipt in receipts}) == 2
    logged = await asyncio.wait_for(receipts[-1].logged(), 30)
    assert logged.note_size > receipts[-1].index
