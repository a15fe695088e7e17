"""What survives: the relay killed, the client killed, the receiver away, the store altered."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest
from client_kit import event, texts, until

from tapeline.base.seam import system_rng
from tapeline.client import Client
from tapeline.client.content import Text
from tapeline.client.errors import ClientClosed, StoreProblem
from tapeline.client.events import Connected, Disconnected
from tapeline.client.store import outbox
from tapeline.client.store.folder import open_store
from tapeline.client.store.keys import StoreKey
from tapeline.testing.background import CHEAP, PASSPHRASE, BackgroundDeployment

_CHILD = """
import asyncio, sys
from tapeline.client import Client
from tapeline.client.content import Text

async def main(mode, store, passphrase, argument):
    client = await Client.open(store, passphrase)
    if mode == "send":
        conversation = client.conversation(bytes.fromhex(argument))
        for number in range(10_000):
            asyncio.ensure_future(conversation.send(str(number)))
            await asyncio.sleep(0)
            print(number, flush=True)
    async for message in client.messages():
        if isinstance(message.body, Text):
            print(message.text, flush=True)

asyncio.run(main(*sys.argv[1:]))
"""


async def run_and_kill(*arguments: str, lines: int) -> list[str]:
    """Run a client of its own process until it printed so many lines, then SIGKILL it; return what it printed."""
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", _CHILD, *arguments, stdout=-1)
    assert process.stdout is not None
    printed: list[str] = []
    try:
        async with asyncio.timeout(60):
            while len(printed) < lines:
                line = await process.stdout.readline()
                assert line, "the client ended by itself"
                printed.append(line.decode().strip())
    finally:
        if process.returncode is None:
            os.kill(process.pid, signal.SIGKILL)
    rest = await process.stdout.read()
    await process.wait()
    return printed + rest.decode().split()


async def test_sending_goes_on_over_a_killed_relay(
    tapeline_own_deployment: BackgroundDeployment, tmp_path: Path
) -> None:
    deployment = tapeline_own_deployment
    alice = await deployment.client("alice", tmp_path / "alice")
    bob = await deployment.client("bob", tmp_path / "bob")
    async with alice, bob:
        conversation = await alice.create_conversation(["bob"])
        await conversation.send("before")
        await asyncio.to_thread(deployment.stop_relay, kill=True)
        assert isinstance(await event(alice, Disconnected), Disconnected)
        sending = [asyncio.ensure_future(conversation.send(f"while away {number}")) for number in range(5)]
        await asyncio.to_thread(deployment.start_relay)
        assert isinstance(await event(alice, Connected), Connected)
        async with asyncio.timeout(30):
            await asyncio.gather(*sending)
        await conversation.send("after")
        heard = [message.text for message in await texts(bob, 7)]
        assert heard == ["before", *(f"while away {number}" for number in range(5)), "after"]


async def test_a_closed_client_sends_its_outbox_when_opened_again(
    tapeline_own_deployment: BackgroundDeployment, tmp_path: Path
) -> None:
    deployment = tapeline_own_deployment
    key = StoreKey.new(PASSPHRASE, system_rng, CHEAP)
    alice = await deployment.client("alice", tmp_path / "alice", secret=key)
    bob = await deployment.client("bob", tmp_path / "bob")
    async with bob:
        conversation = await alice.create_conversation(["bob"])
        await conversation.send("before")
        await asyncio.to_thread(deployment.stop_relay)
        # In the open session: a finished ciphertext, repeated byte for byte; what follows waits behind it.
        waiting = [asyncio.ensure_future(conversation.send(text)) for text in ("kept 1", "kept 2")]
        database = alice._device.database

        async def kept() -> bool:
            return len([row for row in await database.run(outbox.load_all) if row.sealed]) == 2

        await until(kept)
        sealed = [row.sealed for row in await database.run(outbox.load_all)]
        await alice.close()
        for one in waiting:
            with pytest.raises(ClientClosed):
                await one
        database = await open_store(tmp_path / "alice", key)
        assert [row.sealed for row in await database.run(outbox.load_all)] == sealed
        await database.close()
        await asyncio.to_thread(deployment.start_relay)
        async with await Client.open(tmp_path / "alice", key) as again:
            await again.conversation(conversation.id).send("new session")
            heard = [message.text for message in await texts(bob, 4)]
            assert heard == ["before", "kept 1", "kept 2", "new session"]

            async def empty() -> bool:
                return not await again._device.database.run(outbox.load_all)

            await until(empty)


async def test_a_sender_killed_at_any_moment_loses_and_doubles_nothing(
    tapeline_deployment: BackgroundDeployment, tmp_path: Path
) -> None:
    names = [f"{name}-{tmp_path.name}"[:60] for name in ("alice", "bob")]
    alice = await tapeline_deployment.client(names[0], tmp_path / "alice", secret=PASSPHRASE)
    bob = await tapeline_deployment.client(names[1], tmp_path / "bob")
    async with bob:
        conversation = await alice.create_conversation([bob.user])
        await alice.close()
        arguments = ("send", str(tmp_path / "alice"), PASSPHRASE, conversation.id.hex())
        printed = await run_and_kill(*arguments, lines=400)
        async with await Client.open(tmp_path / "alice", PASSPHRASE) as again:
            await again.conversation(conversation.id).send("end")
            heard: list[str] = []
            while "end" not in heard:
                heard += [message.text for message in await texts(bob, 1)]
            numbers = heard[: heard.index("end")]
            # What reached the store is sent, in order, once: a prefix of what the application gave.
            assert numbers == [str(number) for number in range(len(numbers))]
            assert 0 < len(numbers) <= len(printed) + 1


async def test_a_receiver_killed_at_any_moment_gets_each_message_once(
    tapeline_deployment: BackgroundDeployment, tmp_path: Path
) -> None:
    names = [f"{name}-{tmp_path.name}"[:60] for name in ("alice", "bob")]
    alice = await tapeline_deployment.client(names[0], tmp_path / "alice")
    bob = await tapeline_deployment.client(names[1], tmp_path / "bob", secret=PASSPHRASE)
    await bob.close()  # away while alice writes: it catches up
    async with alice:
        conversation = await alice.create_conversation([names[1]])
        await asyncio.gather(*(conversation.send(str(number)) for number in range(500)))
    heard: list[str] = []
    for lines in (100, 120):
        printed = await run_and_kill("receive", str(tmp_path / "bob"), PASSPHRASE, "", lines=lines)
        heard += printed[1:] if heard and printed[0] == heard[-1] else printed
    async with await Client.open(tmp_path / "bob", PASSPHRASE) as again:
        rest: list[str] = []
        async for message in again.messages():
            if isinstance(message.body, Text):
                rest.append(message.text)
            if message.text == "499":
                break
        # Only the message whose handling had not ended when the process died may come a second time.
        heard += rest[1:] if rest[0] == heard[-1] else rest
    assert heard == [str(number) for number in range(500)]


async def test_a_wrong_passphrase_and_an_altered_store_do_not_open(
    tapeline_deployment: BackgroundDeployment, tmp_path: Path
) -> None:
    key = StoreKey.new(PASSPHRASE, system_rng, CHEAP)
    client = await tapeline_deployment.client(f"eve-{tmp_path.name}"[:60], tmp_path / "eve", secret=key)
    await client.close()
    with pytest.raises(StoreProblem) as wrong:
        await Client.open(tmp_path / "eve", "another passphrase")
    assert "another passphrase" not in str(wrong.value)
    path = tmp_path / "eve" / "store.db"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(StoreProblem):
        await use(tmp_path / "eve", key)


async def use(store: Path, key: StoreKey) -> None:
    """Open a store and read of it."""
    async with await Client.open(store, key) as opened:
        await opened.alarms()
        await opened.history(b"", 0, 10)


async def test_an_opened_client_waits_for_its_relay(
    tapeline_own_deployment: BackgroundDeployment, tmp_path: Path
) -> None:
    deployment = tapeline_own_deployment
    key = StoreKey.new(PASSPHRASE, system_rng, CHEAP)
    alice = await deployment.client("alice", tmp_path / "alice", secret=key)
    async with await deployment.client("bob", tmp_path / "bob") as bob:
        conversation = await alice.create_conversation(["bob"])
        await alice.close()
        await asyncio.to_thread(deployment.stop_relay)
        async with await Client.open(tmp_path / "alice", key) as again:
            sending = asyncio.ensure_future(again.conversation(conversation.id).send("from the outbox"))
            assert isinstance(await event(again, Disconnected), Disconnected)
            await asyncio.to_thread(deployment.start_relay)
            await asyncio.wait_for(sending, 30)
            assert [message.text for message in await texts(bob, 1)] == ["from the outbox"]
