"""A relay that lies: every frame really comes from a relay, then one thing in it is altered on the way in."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from client_kit import altering, event, texts, until

from tapeline.base.remote import to_refusal
from tapeline.base.rules import Refused, Rule
from tapeline.client import Client, ClientOptions
from tapeline.client.events import Alarm
from tapeline.client.store import alarms
from tapeline.testing.background import BackgroundDeployment
from tapeline.testing.clock import ManualClock
from tapeline.wire.v1 import objects_pb2 as pb
from tapeline.wire.v1.objects_pb2 import LEAF_TYPE_MESSAGE, Leaf, RecordView
from tapeline.wire.v1.relay_pb2 import ServerFrame


@pytest.fixture
async def pair(tapeline_deployment: BackgroundDeployment, tmp_path: Path):
    """Alice, and Bob who runs on a clock that can be moved."""
    async with AsyncExitStack() as stack:
        clock = ManualClock()

        async def make(user: str, options: ClientOptions | None = None) -> Client:
            name = f"{user}-{tmp_path.name}"[:60]
            return await stack.enter_async_context(
                await tapeline_deployment.client(name, tmp_path / user, options=options)
            )

        alice, bob = await asyncio.gather(make("alice"), make("bob", ClientOptions(clock=clock)))
        yield alice, bob, clock


def is_message(leaf: bytes) -> bool:
    return Leaf.FromString(leaf).type == LEAF_TYPE_MESSAGE


async def unfiled(client: Client) -> bool:
    rows = await client._device.database.run(lambda db: alarms.load_all(db, unfinished=True))
    return any(row.filed < alarms.FILED for row in rows)


async def alarm_of(client: Client) -> Alarm:
    told = await event(client, Alarm)
    assert isinstance(told, Alarm)
    return told


async def test_an_unsigned_acknowledgement_halts_the_conversation(pair) -> None:
    alice, bob, _ = pair
    conversation = await alice.create_conversation([bob.user])
    await conversation.send("before")
    await texts(bob, 1)

    def alter(frame: ServerFrame) -> None:
        for delivery in frame.deliveries:
            delivery.ack.signature = bytes([delivery.ack.signature[0] ^ 1]) + delivery.ack.signature[1:]

    async with altering(bob, alter):
        await conversation.send("never shown")
        assert (await alarm_of(bob)).rule == Rule.ACK_SIGNATURE.id
    await conversation.send("nor this: the cursor stays before the gap")
    assert [message.text for message in await conversation_texts(bob, conversation.id)] == ["before"]


async def test_a_withheld_leaf_is_a_gap(pair) -> None:
    alice, bob, _ = pair
    conversation = await alice.create_conversation([bob.user])
    await conversation.send("before")
    await texts(bob, 1)

    def alter(frame: ServerFrame) -> None:
        del frame.deliveries[:]

    async with altering(bob, alter):
        await conversation.send("withheld")
        await until(lambda: seen(alice, conversation.id, "withheld"))
        await asyncio.sleep(0.3)
    await conversation.send("after the gap")
    assert (await alarm_of(bob)).rule == Rule.LEAF_SEQUENCE.id
    assert [message.text for message in await conversation_texts(bob, conversation.id)] == ["before"]


async def test_an_altered_message_is_told_and_complained_about(pair) -> None:
    alice, bob, _ = pair
    conversation = await alice.create_conversation([bob.user])
    await conversation.send("before")
    await texts(bob, 1)

    def alter(frame: ServerFrame) -> None:
        for delivery in frame.deliveries:
            if is_message(delivery.ack.leaf):
                message = pb.Message.FromString(delivery.message)
                message.signature = bytes([message.signature[0] ^ 1]) + message.signature[1:]
                delivery.message = message.SerializeToString(deterministic=True)

    async with altering(bob, alter):
        receipt = await conversation.send("altered")
        told = await alarm_of(bob)
    assert (told.rule, told.message_hash) == (Rule.MSG_SIGNATURE.id, receipt.message_hash)
    await conversation.send("of the dropped session")
    assert [message.text for message in await conversation_texts(bob, conversation.id)] == ["before"]


async def test_another_message_than_the_leaf_names_is_none(pair) -> None:
    alice, bob, _ = pair
    conversation = await alice.create_conversation([bob.user])
    await conversation.send("before")
    await texts(bob, 1)

    def alter(frame: ServerFrame) -> None:
        for delivery in frame.deliveries:
            if is_message(delivery.ack.leaf):
                message = pb.Message.FromString(delivery.message)
                message.ciphertext = message.ciphertext[:-1] + bytes([message.ciphertext[-1] ^ 1])
                delivery.message = message.SerializeToString(deterministic=True)

    async with altering(bob, alter):
        await conversation.send("altered")
        assert (await alarm_of(bob)).rule == Rule.LEAF_TAG.id
    assert [message.text for message in await conversation_texts(bob, conversation.id)] == ["before"]


async def test_a_record_that_does_not_open_drops_its_session_and_is_complained_about(pair) -> None:
    alice, bob, _ = pair

    def alter(frame: ServerFrame) -> None:
        for delivery in frame.deliveries:
            if delivery.record_view:
                view = RecordView.FromString(delivery.record_view)
                view.device_slot = view.device_slot[:-1] + bytes([view.device_slot[-1] ^ 1])
                delivery.record_view = view.SerializeToString(deterministic=True)

    async with altering(bob, alter):
        conversation = await alice.create_conversation([bob.user])
        receipt = await conversation.send("sealed for ever")
        told = await alarm_of(bob)
    assert (told.rule, told.record_hash) == (Rule.REC_SHARD_HASH.id, receipt.record_hash)
    assert await conversation_texts(bob, conversation.id) == []

    async def filed() -> bool:
        return not await unfiled(bob)

    await until(filed)  # the real relay took the complaint


async def test_refused_messages_are_sealed_again_and_shown_once(pair) -> None:
    alice, bob, _ = pair
    conversation = await alice.create_conversation([bob.user])
    await conversation.send("before")
    refused = to_refusal(Refused(Rule.MSG_SESSION, "The session is over."))
    altered = 0

    def alter(frame: ServerFrame) -> None:
        # The relay stored these messages, and says that it refused them: they are sealed again elsewhere.
        nonlocal altered
        for answer in frame.answers:
            if altered < 3 and answer.WhichOneof("result") == "ack":
                answer.refusal.CopyFrom(refused)
                altered += 1

    async with altering(alice, alter):
        receipts = await asyncio.gather(*(conversation.send(str(number)) for number in range(10)))
    assert altered == 3
    await conversation.send("end")
    assert [message.text for message in await texts(bob, 12)] == ["before", *map(str, range(10)), "end"]
    assert len({receipt.message_id for receipt in receipts}) == 10


async def test_a_leaf_that_no_note_covers_in_time_is_an_alarm(pair) -> None:
    alice, bob, clock = pair
    conversation = await alice.create_conversation([bob.user])
    await conversation.send("before")
    await texts(bob, 1)

    def alter(frame: ServerFrame) -> None:
        frame.ClearField("note")

    async with altering(bob, alter):
        await conversation.send("under no note that Bob sees")
        await texts(bob, 1)
        clock.advance(120_000)
        told = await alarm_of(bob)
    assert told.rule == Rule.REC_INCLUSION.id


async def seen(client: Client, conversation: bytes, text: str) -> bool:
    return any(message.text == text for message in await client.history(conversation, 0, 256))


async def conversation_texts(client: Client, conversation: bytes):
    return [message for message in await client.history(conversation, 0, 256) if message.text]
