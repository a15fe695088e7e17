"""A modified sender wants one recipient to see what another never does: by a message id used before, or by junk.

The recipients are unmodified, the relay is honest; what is kept and shown is the recipient's own judgement.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest
from client_kit import texts

from tapeline.base.times import Rng
from tapeline.client import Client
from tapeline.client import client as front_door
from tapeline.client.content import Body, Text, encode_content
from tapeline.client.errors import MessageIdReused
from tapeline.testing.background import BackgroundDeployment

ID = b"i" * 16


@pytest.fixture
async def pair(tapeline_deployment: BackgroundDeployment, tmp_path: Path) -> AsyncIterator[tuple[Client, Client]]:
    alice = await tapeline_deployment.client(f"alice-{tmp_path.name}"[:60], tmp_path / "alice")
    bob = await tapeline_deployment.client(f"bob-{tmp_path.name}"[:60], tmp_path / "bob")
    async with alice, bob:
        yield alice, bob


@pytest.fixture
def modified(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sender that gives every text one id, and sends junk where the text says so."""

    def encode(body: Body, labels: Mapping[str, str], rng: Rng) -> tuple[bytes, bytes]:
        if not isinstance(body, Text):
            return encode_content(body, labels, rng)
        if body.text == "junk":
            return rng(16), b"\xff\xff\xff"
        return encode_content(body, labels, lambda _: ID)

    monkeypatch.setattr(front_door, "encode_content", encode)


@pytest.mark.usefixtures("modified")
async def test_a_used_message_id_hides_nothing_and_a_message_sent_again_is_shown_once(
    pair: tuple[Client, Client],
) -> None:
    alice, bob = pair
    conversation = await alice.create_conversation([bob.user])
    for text in ("lunch at noon?", "dump the shares", "lunch at noon?", "dump the shares", "bye"):
        await conversation.send(text)
    assert [message.text for message in await texts(bob, 3)] == ["lunch at noon?", "dump the shares", "bye"]
    told = await bob.alarms()
    assert [alarm.rule for alarm in told] == [MessageIdReused.__name__] * 2
    assert told[0].message_hash in {message.message_hash for message in await bob.history(conversation.id, 0, 9)}
    assert [reading.row.state.value for reading in bob._engine.inbox.readings.values()].count("dropped") == 0


@pytest.mark.usefixtures("modified")
async def test_junk_costs_its_message_and_what_follows_in_its_session_is_read(pair: tuple[Client, Client]) -> None:
    alice, bob = pair
    conversation = await alice.create_conversation([bob.user])
    receipts = [await conversation.send(text) for text in ("junk", "after the junk")]
    assert receipts[0].record_hash == receipts[1].record_hash
    assert [message.text for message in await texts(bob, 1)] == ["after the junk"]
    (alarm,) = await bob.alarms()
    assert (alarm.rule, alarm.message_hash) == ("MalformedInput", receipts[0].message_hash)
