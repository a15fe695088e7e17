"""The relay alone wants a message to be read, and acknowledged, that the archive never holds.

It signs two leaves for one index: one that is in the log, one that is not. Both devices are unmodified.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from client_kit import altering, event, texts, until

from tapeline.base.rules import Refused, Rule
from tapeline.client import Client
from tapeline.client.events import Alarm
from tapeline.client.store import alarms
from tapeline.crypto.ack import sign_ack, verify_ack
from tapeline.relay.keys import load_keys
from tapeline.testing.background import BackgroundDeployment
from tapeline.wire.v1.objects_pb2 import LEAF_TYPE_MESSAGE, Ack, Leaf
from tapeline.wire.v1.relay_pb2 import ServerFrame

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
async def pair(
    tapeline_deployment: BackgroundDeployment, tmp_path: Path
) -> AsyncIterator[tuple[Client, Client, BackgroundDeployment]]:
    async with AsyncExitStack() as stack:
        made = [
            await stack.enter_async_context(
                await tapeline_deployment.client(f"{user}-{tmp_path.name}"[:60], tmp_path / user)
            )
            for user in ("alice", "bob")
        ]
        yield made[0], made[1], tapeline_deployment


class TwoFaced:
    """Moves the acknowledgement of one message to the index of another, signed with the relay's real key."""

    def __init__(self, deployment: BackgroundDeployment, client: Client) -> None:
        self._key = load_keys(deployment.deployment._data("relay")).relay
        self._origin = client._device.directory.state.roster().archive_origin
        self._first: int | None = None

    def __call__(self, frame: ServerFrame) -> None:
        for answer in frame.answers:
            if answer.WhichOneof("result") == "ack":
                self._move(answer.ack)
        for delivery in frame.deliveries:
            self._move(delivery.ack)

    def _move(self, ack: Ack) -> None:
        if Leaf.FromString(ack.leaf).type != LEAF_TYPE_MESSAGE:
            return
        if self._first is None:
            self._first = ack.index
            return
        ack.index = self._first
        ack.signature = sign_ack(self._key, self._origin, ack.index, ack.leaf)


async def test_a_second_leaf_at_a_known_index_is_told_and_both_signed_words_are_kept(pair) -> None:  # type: ignore[no-untyped-def]
    alice, bob, deployment = pair
    conversation = await alice.create_conversation([bob.user])
    await conversation.send("before")
    await texts(bob, 1)
    async with altering(alice, TwoFaced(deployment, alice)):
        kept, lost = await asyncio.gather(conversation.send("ordinary"), conversation.send("off the record"))
    assert kept.index == lost.index
    told = await event(alice, Alarm)
    assert isinstance(told, Alarm)
    assert told.rule == Rule.LOG_CONSISTENCY.id
    (row, *_) = [one for one in await alice._device.database.run(alarms.load_all) if len(one.acks) == 2]
    roster = alice._device.directory.state.roster()
    for ack in row.acks:
        verify_ack(roster.relay_key, roster.archive_origin, ack)
    assert row.acks[0].index == row.acks[1].index
    assert row.acks[0].leaf != row.acks[1].leaf
    # What is in the log is proven; what is not never is.
    assert (await kept.logged()).leaf_index == kept.index
    with pytest.raises(Refused) as refusal:
        await asyncio.wait_for(lost.logged(), 30)
    assert refusal.value.rule is Rule.REC_INCLUSION


async def test_a_restart_forgets_no_signed_word(pair, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    alice, bob, deployment = pair
    conversation = await alice.create_conversation([bob.user])
    await conversation.send("before")
    async with altering(alice, TwoFaced(deployment, alice)):
        await asyncio.gather(conversation.send("ordinary"), conversation.send("off the record"))

    async def both_complaints_are_with_the_relay() -> bool:
        rows = await alice._device.database.run(alarms.load_all)
        return sum(row.filed for row in rows if row.acks) >= 2

    await until(both_complaints_are_with_the_relay)
    rows = await alice._device.database.run(alarms.load_all)
    complaint = [alice._engine.alarms.complaint(row) for row in rows]
    assert complaint == [alice._engine.alarms.complaint(row) for row in rows]  # the same bytes whenever asked
    assert {row.rule for row in rows if row.acks} == {Rule.LOG_CONSISTENCY.id, Rule.REC_INCLUSION.id}
