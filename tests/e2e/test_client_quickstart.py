"""The fifteen lines that the README shows, run against a real deployment."""

from __future__ import annotations

from pathlib import Path

from tapeline.testing.background import BackgroundDeployment


async def test_fifteen_lines(tapeline_deployment: BackgroundDeployment, tmp_path: Path) -> None:
    code, relay, enroller = tapeline_deployment.code("alice"), tapeline_deployment.relay, tapeline_deployment.enroller
    async with await tapeline_deployment.client("bob", tmp_path / "bob") as bob:
        # --- from here on, the README ---
        from tapeline.client import Client

        async with await Client.enrol(
            code, relay=relay, enroller=enroller, store=tmp_path / "alice", passphrase="a long passphrase"
        ) as alice:
            conversation = await alice.create_conversation(["bob"])
            receipt = await conversation.send("hello")
            await receipt.logged()
        # --- to here ---
        async for message in bob.messages():
            if message.text == "hello":
                assert (message.sender, message.message_hash) == ("alice", receipt.message_hash)
                break
