"""Adversary: a member who discloses again and again, so that everybody's client answers each time."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

from client_kit import bodies, event, until

from tapeline.client import Client
from tapeline.client.content import DisclosureAck, RecordingDisclosure, Text
from tapeline.client.events import Disclosure
from tapeline.testing.background import BackgroundDeployment

FLOOD = 20


async def test_each_member_acknowledges_once_whatever_is_disclosed(
    tapeline_deployment: BackgroundDeployment, tmp_path: Path
) -> None:
    async with AsyncExitStack() as stack:

        async def client(user: str) -> Client:
            made = await tapeline_deployment.client(f"{user}-{tmp_path.name}"[:60], tmp_path / user)
            return await stack.enter_async_context(made)

        mallory, ann, ben = await asyncio.gather(client("mallory"), client("ann"), client("ben"))
        room = await mallory.create_conversation([ann.user, ben.user])
        await asyncio.gather(*(room.say(RecordingDisclosure("bank", f"again {n}", "7y")) for n in range(FLOOD)))
        await room.send("done")
        heard = [one.body for one in await bodies(ann, FLOOD + 2 + 1)]  # the genesis' own, the text, and ben's answer
        assert sum(isinstance(body, RecordingDisclosure) for body in heard) == FLOOD + 1

        async def answered() -> bool:
            return sum(isinstance(one.body, DisclosureAck) for one in await room.history()) >= 2

        await until(answered)
        # Each says one thing more, after which nothing of theirs can still be under way before it.
        for one in (ann, ben):
            await one.conversation(room.id).send("seen")

        async def seen() -> bool:
            said = [one for one in await room.history(limit=1000) if isinstance(one.body, Text)]
            return len(said) == 3

        await until(seen)
        acks = [one.sender for one in await room.history(limit=1000) if isinstance(one.body, DisclosureAck)]
        assert sorted(acks) == sorted([ann.user, ben.user])


async def test_who_is_added_later_hears_that_the_line_is_recorded_from_its_own_client(
    tapeline_deployment: BackgroundDeployment, tmp_path: Path
) -> None:
    async with AsyncExitStack() as stack:

        async def client(user: str) -> Client:
            made = await tapeline_deployment.client(f"{user}-{tmp_path.name}"[:60], tmp_path / user)
            return await stack.enter_async_context(made)

        mallory, ann, cid = await asyncio.gather(client("mallory"), client("ann"), client("cid"))
        room = await mallory.create_conversation([ann.user])
        await room.send("before")
        # A modified client adds somebody and says nothing of recording.
        await mallory._device.directory.refresh()
        await mallory._members.change(mallory.membership(room.id), [cid.user], [])
        await room.send("just between us")
        told = await event(cid, Disclosure)
        assert isinstance(told, Disclosure)
        assert (told.conversation, told.by, told.of) == (room.id, cid.user, b"")
        assert "recorded" in told.text
        (first,) = await bodies(cid, 1)
        own = await cid.own_disclosure(first)
        assert own is not None
        assert "recorded" in own.text

        # An unmodified one says it, and the archive holds that it was heard.
        dora = await client("dora")
        await room.add([dora.user])
        (said,) = await bodies(dora, 1)
        assert isinstance(said.body, RecordingDisclosure)
        assert await dora.own_disclosure(said) is None

        async def acknowledged() -> bool:
            told = await room.history(limit=1000)
            return dora.user in {one.sender for one in told if isinstance(one.body, DisclosureAck)}

        await until(acknowledged)
