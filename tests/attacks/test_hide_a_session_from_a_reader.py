"""The relay alone wants a reader to miss whole sessions, and to think that they were not sealed to this device."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from client_kit import altering, event, texts, until

from tapeline.base.rules import Rule
from tapeline.client import Client
from tapeline.client.events import Alarm, Withheld
from tapeline.client.store import alarms
from tapeline.testing.background import BackgroundDeployment
from tapeline.wire.v1.objects_pb2 import RecordView
from tapeline.wire.v1.relay_pb2 import ServerFrame

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
async def pair(tapeline_deployment: BackgroundDeployment, tmp_path: Path) -> AsyncIterator[tuple[Client, Client]]:
    async with AsyncExitStack() as stack:
        made = [
            await stack.enter_async_context(
                await tapeline_deployment.client(f"{user}-{tmp_path.name}"[:60], tmp_path / user)
            )
            for user in ("alice", "bob")
        ]
        yield made[0], made[1]


def hide(frame: ServerFrame) -> None:
    for delivery in frame.deliveries:
        if delivery.record_view:
            delivery.withheld = RecordView.FromString(delivery.record_view).header


async def test_a_session_that_must_have_a_row_for_this_device_is_no_withheld_one(pair) -> None:  # type: ignore[no-untyped-def]
    alice, bob = pair
    async with altering(bob, hide):
        conversation = await alice.create_conversation([bob.user])
        receipt = await conversation.send("for nobody's eyes")
        told = await event(bob, Alarm)
    assert isinstance(told, Alarm)
    assert (told.rule, told.record_hash) == (Rule.REC_OWN_ROW.id, receipt.record_hash)

    async def is_filed() -> bool:
        rows = await bob._device.database.run(alarms.load_all)
        return any(row.filed and row.record_hash == receipt.record_hash for row in rows)

    await until(is_filed)
    # The client goes on: the next session is read.
    index = await alice._engine.prekeys.publish()
    await alice._device.directory.ensure(index + 1)
    await conversation.send("in a new session")
    assert [message.text for message in await texts(bob, 1)] == ["in a new session"]


async def test_another_sessions_header_is_no_answer(pair) -> None:  # type: ignore[no-untyped-def]
    alice, bob = pair
    headers: list[bytes] = []

    def swap(frame: ServerFrame) -> None:
        for delivery in frame.deliveries:
            if delivery.record_view:
                headers.append(RecordView.FromString(delivery.record_view).header)
                if len(headers) > 1:
                    delivery.withheld = headers[0]

    async with altering(bob, swap):
        conversation = await alice.create_conversation([bob.user])
        await conversation.send("read")
        await texts(bob, 1)
        index = await alice._engine.prekeys.publish()
        await alice._device.directory.ensure(index + 1)
        receipt = await conversation.send("hidden behind another header")
        told = await event(bob, Alarm)
    assert isinstance(told, Alarm)
    assert (told.rule, told.record_hash) == (Rule.LEAF_TAG.id, receipt.record_hash)


async def test_a_device_that_joined_later_is_rightly_without_a_row(
    pair,  # type: ignore[no-untyped-def]
    tapeline_deployment: BackgroundDeployment,
    tmp_path: Path,
) -> None:
    alice, bob = pair
    conversation = await alice.create_conversation([bob.user])
    receipt = await conversation.send("before the phone")
    await texts(bob, 1)
    phone = await tapeline_deployment.client(bob.user, tmp_path / "phone", device_name="phone")
    async with phone:
        told = await event(phone, Withheld)
        assert isinstance(told, Withheld)
        assert told.record_hash == receipt.record_hash
        assert await phone.alarms() == []
