"""What README and developer's guide show in Python, run as a newcomer would: in a process, against real services."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

from docs_kit import PROJECT, blocks

from tapeline.client import Client
from tapeline.testing.background import BackgroundDeployment

PASSPHRASE = "a long passphrase"
GUIDE = PROJECT / "docs/guides/developer.md"


def program(deployment: BackgroundDeployment) -> str:
    """Return the README's one block with this deployment's addresses in place of the fixed ports."""
    (block,) = blocks(PROJECT / "README.md", "python")
    assert len([line for line in block.splitlines() if line.strip()]) <= 15
    addresses = (("127.0.0.1:7001", deployment.relay), ("127.0.0.1:7006", deployment.enroller))
    for shown, real in addresses:
        assert block.count(shown) == 1
        block = block.replace(shown, real)
    return block


async def run(folder: Path, source: str, *arguments: str, typed: str = "") -> str:
    """Run a program in a folder and return what it printed."""
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", source, *arguments, cwd=folder,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    try:
        out, err = await asyncio.wait_for(child.communicate(typed.encode()), 120)
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()
    assert child.returncode == 0, err.decode()
    return out.decode()


async def heard(client: Client, text: str) -> str:
    """Return who sent a text."""
    async with asyncio.timeout(60):
        async for message in client.messages():
            if message.text == text:
                return message.sender
    raise AssertionError("the client was closed")


async def test_the_readme_and_the_synchronous_client(tapeline_deployment: BackgroundDeployment, tmp_path: Path) -> None:
    async with await tapeline_deployment.client("bob", tmp_path / "bob") as bob:
        code = await asyncio.to_thread(tapeline_deployment.code, "alice")
        await run(tmp_path, program(tapeline_deployment), typed=code + "\n")
        assert await heard(bob, "hello") == "alice"
        (conversation,) = bob.conversations()
        await conversation.send("welcome \x1b[2J")
    told = await run(tmp_path, blocks(GUIDE, "python")[2], "alice-store", PASSPHRASE)
    assert told.splitlines()[-1] == "bob welcome \\x1b[2J"


async def test_the_guides_bot_answers(tapeline_deployment: BackgroundDeployment, tmp_path: Path) -> None:
    bot = await tapeline_deployment.client("bot", tmp_path / "bot", secret=PASSPHRASE)
    await bot.close()
    async with await tapeline_deployment.client("asker", tmp_path / "asker") as asker:
        source = blocks(GUIDE, "python")[0]
        arguments = (str(tmp_path / "bot"), PASSPHRASE)
        child = await asyncio.create_subprocess_exec(sys.executable, "-c", source, *arguments)
        try:
            await (await asker.create_conversation(["bot"])).send("ping")
            assert await heard(asker, "pong") == "bot"
        finally:
            child.kill()
            await child.wait()


async def test_the_guides_test_passes(tmp_path: Path) -> None:
    (tmp_path / "test_hello.py").write_text(blocks(GUIDE, "python")[1])
    told = await run(tmp_path, "import pytest, sys; sys.exit(pytest.main(['-q', '-p', 'no:cacheprovider']))")
    assert "1 passed" in told
