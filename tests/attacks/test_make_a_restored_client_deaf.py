"""Nobody attacks: a store is restored from an older copy than its newest prekey, and must not be deaf."""

from __future__ import annotations

import shutil
from contextlib import AsyncExitStack
from pathlib import Path

from client_kit import texts, until

from tapeline.client import Client
from tapeline.testing.background import PASSPHRASE, BackgroundDeployment


async def test_a_restored_store_says_so_and_works_on(tapeline_deployment: BackgroundDeployment, tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        alice_name, bob_name = (f"{user}-{tmp_path.name}"[:60] for user in ("alice", "bob"))
        alice = await stack.enter_async_context(await tapeline_deployment.client(alice_name, tmp_path / "alice"))
        bob = await tapeline_deployment.client(bob_name, tmp_path / "bob")
        await bob.close()
        shutil.copytree(tmp_path / "bob", tmp_path / "copy")

        bob = await Client.open(tmp_path / "bob", PASSPHRASE)
        await bob._engine.device.directory.ensure(1 + await bob._engine.prekeys.publish())
        await bob.close()

        restored = await stack.enter_async_context(await Client.open(tmp_path / "copy", PASSPHRASE))

        async def has_recovered() -> bool:
            await restored._engine.device.directory.refresh()
            return [one.prekey.prekey_id for one in restored._engine.device.fact.prekeys] == [1, 2, 3]

        await until(has_recovered)
        assert [one.rule for one in await restored.alarms()] == ["StoreIsOlder"]
        await alice._engine.device.directory.refresh()
        conversation = await alice.create_conversation([restored.user])
        await conversation.send("can you hear me?")
        assert [message.text for message in await texts(restored, 1)] == ["can you hear me?"]
        assert len(await restored.alarms()) == 1
