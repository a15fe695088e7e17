"""An enroller wants to enrol a device in the name of a user, and read on, without anybody noticing."""

from __future__ import annotations

from contextlib import AsyncExitStack
from pathlib import Path

from client_kit import event, texts

from tapeline.client import Client
from tapeline.client.events import DeviceJoined
from tapeline.testing.background import BackgroundDeployment


async def test_colleagues_and_the_user_are_told_of_a_ghost(
    tapeline_deployment: BackgroundDeployment, tmp_path: Path
) -> None:
    async with AsyncExitStack() as stack:

        async def make(user: str, store: str, name: str = "test device") -> Client:
            full = f"{user}-{tmp_path.name}"[:60]
            client = await tapeline_deployment.client(full, tmp_path / store, device_name=name)
            return await stack.enter_async_context(client)

        alice, bob, eve = [await make(user, user) for user in ("alice", "bob", "eve")]
        conversation = await alice.create_conversation([bob.user])
        await conversation.send("before")
        await texts(bob, 1)
        await make("bob", "ghost", "ghost")
        for client in (alice, bob, eve):
            await client._engine.device.directory.refresh()
        for client, is_own in ((alice, False), (bob, True)):
            told = await event(client, DeviceJoined)
            assert isinstance(told, DeviceJoined)
            assert (told.user, told.device_name, told.by_enroller, told.is_own) == (bob.user, "ghost", True, is_own)
            (alarm,) = await client.alarms()
            assert alarm.rule == "NewDevice"
            assert "'ghost'" in alarm.cause
        assert await eve.alarms() == []  # she talks with neither
