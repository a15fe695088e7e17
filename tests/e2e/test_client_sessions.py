"""When a session ends and another begins: members, devices, the own prekey; what a late device can read."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from client_kit import bodies, event, texts, until

from tapeline.base.seam import system_clock, system_rng
from tapeline.base.times import DAY, HOUR
from tapeline.client import Client, ClientOptions
from tapeline.client.content import RecordingDisclosure
from tapeline.client.errors import StoreProblem
from tapeline.client.events import Withheld
from tapeline.client.store import outbox, prekeys
from tapeline.client.store.folder import open_store
from tapeline.client.store.keys import StoreKey
from tapeline.testing.background import CHEAP, PASSPHRASE, BackgroundDeployment


@pytest.fixture
async def clients(tapeline_deployment: BackgroundDeployment, tmp_path: Path):
    """Makes clients by user and device; they are closed at the end."""
    async with AsyncExitStack() as stack:

        async def make(user: str, device: str = "laptop", options: ClientOptions | None = None) -> Client:
            name, store = f"{user}-{tmp_path.name}"[:60], tmp_path / f"{user}-{device}"
            client = await tapeline_deployment.client(name, store, device_name=device, options=options)
            return await stack.enter_async_context(client)

        yield make


async def test_a_fresh_prekey_of_the_sender_ends_its_session(clients) -> None:
    alice, bob = await asyncio.gather(clients("alice"), clients("bob"))
    conversation = await alice.create_conversation([bob.user])
    first = await conversation.send("under the first prekey")
    assert (await conversation.send("same session")).record_hash == first.record_hash
    index = await alice._engine.prekeys.publish()
    await alice._device.directory.ensure(index + 1)
    second = await conversation.send("under the second prekey")
    assert second.record_hash != first.record_hash
    assert len(await texts(bob, 3)) == 3


async def test_a_new_device_of_a_member_ends_the_session_and_reads_from_there(clients) -> None:
    alice, bob = await asyncio.gather(clients("alice"), clients("bob"))
    conversation = await alice.create_conversation([bob.user])
    first = await conversation.send("before the phone")
    phone = await clients("bob", "phone")

    async def known() -> bool:
        return len(alice._device.directory.state.devices_of(bob.firm, bob.user)[-1].prekeys) == 1

    await until(known)  # told by the relay, and fetched without being refused
    second = await conversation.send("with the phone")
    assert second.record_hash != first.record_hash
    assert [message.text for message in await texts(phone, 1)] == ["with the phone"]
    # What was sealed before is not silently absent: the phone knows that it exists.
    withheld = await event(phone, Withheld)
    assert isinstance(withheld, Withheld)
    assert withheld.record_hash == first.record_hash
    await phone.conversation(conversation.id).send("from the phone")
    assert [message.text for message in await texts(bob, 3)][-1] == "from the phone"
    assert await phone.alarms() == []


async def test_an_old_prekey_half_goes_a_day_after_its_successor_and_not_before(clients) -> None:
    alice = await clients("alice")
    keeper, database = alice._engine.prekeys, alice._device.database
    await alice._device.directory.ensure(await keeper.publish() + 1)

    async def kept() -> list[bool]:
        return [one.secret is not None for one in await database.run(prekeys.load_all)]

    await keeper.forget_old(system_clock() + DAY)
    assert await kept() == [True, True]
    await keeper.forget_old(system_clock() + DAY + HOUR)
    assert await kept() == [False, True]
    assert keeper.secret((await database.run(prekeys.load_all))[0].prekey_hash) is None


async def test_a_crash_between_genesis_and_disclosure_leaves_no_line_undisclosed(
    tapeline_deployment: BackgroundDeployment, clients, tmp_path: Path
) -> None:
    bob = await clients("bob")
    key = StoreKey.new(PASSPHRASE, system_rng, CHEAP)
    alice = await tapeline_deployment.client(f"alice-{tmp_path.name}"[:60], tmp_path / "alice", secret=key)
    identifier = await alice._members.create([bob.user])
    await alice.close()  # before anything was said
    async with await Client.open(tmp_path / "alice", key) as again:
        await asyncio.gather(*(again.conversation(identifier).send(text) for text in ("one", "two")))
        heard = [message.body for message in await bodies(bob, 3)]
    assert isinstance(heard[0], RecordingDisclosure)
    assert not any(isinstance(body, RecordingDisclosure) for body in heard[1:])


async def test_a_store_that_holds_a_device_is_not_enrolled_again(
    tapeline_deployment: BackgroundDeployment, clients, tmp_path: Path
) -> None:
    alice = await clients("alice")
    await alice.close()
    with pytest.raises(StoreProblem, match="already"):
        await Client.enrol(
            tapeline_deployment.code("mallory"),
            relay=tapeline_deployment.relay,
            enroller=tapeline_deployment.enroller,
            store=tmp_path / "alice-laptop",
            passphrase=PASSPHRASE,
        )


async def test_nothing_of_a_message_is_readable_in_the_stores_files(
    tapeline_deployment: BackgroundDeployment, clients, tmp_path: Path
) -> None:
    alice, bob = await asyncio.gather(clients("alice"), clients("bob"))
    conversation = await alice.create_conversation([bob.user])
    await conversation.send("a sentence that nobody else must read")
    await texts(bob, 1)

    async def sent() -> bool:
        return not await alice._device.database.run(outbox.load_all)

    await until(sent)
    await asyncio.gather(alice.close(), bob.close())
    for store in ("alice-laptop", "bob-laptop"):
        for path in (tmp_path / store).iterdir():
            assert b"nobody else must read" not in path.read_bytes()
    database = await open_store(tmp_path / "bob-laptop", PASSPHRASE)
    await database.close()
