"""Messages: accepted in order, acknowledged, delivered, acknowledged again, or refused alone."""

from __future__ import annotations

import asyncio

import pytest
from relay_device_kit import Line, enrol, pair, resign
from relay_kit import Deployment, RunningRelay, until
from sqlalchemy import select

from tapeline.base.errors import MalformedInput
from tapeline.base.rules import Refused, Rule
from tapeline.base.seam import system_clock
from tapeline.crypto.ack import verify_ack
from tapeline.crypto.limits import JOIN_GRACE_MS, SESSION_MESSAGES
from tapeline.crypto.message.verify import parse_message
from tapeline.relay.storage.schema import evidence
from tapeline.wire.v1.objects_pb2 import Leaf, Message


async def refusal(line: Line, name: str, data: bytes) -> Refused:
    with pytest.raises(Refused) as caught:
        await line.send(name, data)
    return caught.value


async def test_messages_are_acknowledged_and_delivered_in_order(relay: RunningRelay) -> None:
    ann, ben, conversation = await pair(relay)
    async with ann.line() as mine, ben.line() as theirs:
        created, chain = ann.seal(conversation)
        acks = [await mine.send("record", created.record)]
        futures = await mine.post(*(("message", ann.message(chain, f"line {n}")) for n in range(10)))
        acks += [await future for future in futures]
        for ack in acks:
            verify_ack(ann.state.relay_key, "archive.example", ack)
        got = await theirs.delivered(12)
        leaves = [Leaf.FromString(delivery.ack.leaf) for delivery in got]
        assert [leaf.conversation_sequence for leaf in leaves] == list(range(12))
        assert [delivery.WhichOneof("item") for delivery in got] == ["membership", "record_view", *["message"] * 10]
        assert sorted(leaf.relay_time_ms for leaf in leaves) == [leaf.relay_time_ms for leaf in leaves]
        own = await mine.delivered(12)
        assert (own[1].WhichOneof("item"), own[1].record_view) == ("record_view", b"")


async def test_record_and_messages_may_come_in_one_batch(relay: RunningRelay) -> None:
    ann, _, conversation = await pair(relay)
    async with ann.line() as line:
        created, chain = ann.seal(conversation)
        items = [("record", created.record), *(("message", ann.message(chain)) for _ in range(3))]
        indices = [(await future).index for future in await line.post(*items)]
        assert indices == list(range(indices[0], indices[0] + 4))


async def test_the_same_bytes_are_acknowledged_again_even_after_the_session_ended(relay: RunningRelay) -> None:
    ann, _, conversation = await pair(relay)
    async with ann.line() as line:
        created, chain = ann.seal(conversation, lasts_ms=1500)
        first = await line.send("record", created.record)
        message = ann.message(chain)
        ack = await line.send("message", message)
        await _pass(first, 1600)
        assert await line.send("message", message) == ack
        assert await line.send("record", created.record) == first
        twice = await line.post(("message", message), ("message", message))
        assert [await future for future in twice] == [ack, ack]


async def test_the_same_new_bytes_twice_in_a_batch_are_one_leaf(relay: RunningRelay) -> None:
    ann, _, conversation = await pair(relay)
    async with ann.line() as line:
        chain = await ann.open(line, conversation)
        message = ann.message(chain)
        first, second = await line.post(("message", message), ("message", message))
        assert await first == await second


@pytest.mark.rule(Rule.MSG_FORK)
async def test_a_second_ciphertext_at_a_used_index_is_refused_and_kept(relay: RunningRelay) -> None:
    ann, _, conversation = await pair(relay)
    async with ann.line() as line:
        created, chain = ann.seal(conversation)
        _, fork_chain = ann.seal(conversation)
        await line.send("record", created.record)
        await line.send("message", ann.message(chain, "as agreed"))
        fork = resign(ann, ann.message(fork_chain, "never agreed"), created.record_hash)
        assert (await refusal(line, "message", fork)).rule is Rule.MSG_FORK
        async with relay.relay._engine.connect() as conn:  # type: ignore[union-attr]
            rows = (await conn.execute(select(evidence.c.object, evidence.c.message_hash))).all()
        assert [(row.object, row.message_hash) for row in rows] == [(fork, parse_message(fork).message_hash)]


@pytest.mark.rule(Rule.MSG_FORK)
async def test_of_many_forks_one_an_index_is_kept(relay: RunningRelay, monkeypatch: pytest.MonkeyPatch) -> None:
    """One convicts the device; the others would only fill the disk, also after the relay has forgotten the session."""
    monkeypatch.setattr("tapeline.relay.storage.sessions.FORKS_OF_DEVICE", 2)
    ann, _, conversation = await pair(relay)
    async with ann.line() as line:
        created, chain = ann.seal(conversation)
        await line.send("record", created.record)
        for number in range(3):
            await line.send("message", ann.message(chain, f"as agreed {number}"))
        for _ in range(4):
            fork_chain = ann.seal(conversation)[1]
            for _ in range(3):
                fork = resign(ann, ann.message(fork_chain, "never agreed"), created.record_hash)
                assert (await refusal(line, "message", fork)).rule is Rule.MSG_FORK
            relay.relay._ledger.sessions.clear()  # type: ignore[union-attr]
        async with relay.relay._engine.connect() as conn:  # type: ignore[union-attr]
            assert sorted((await conn.execute(select(evidence.c.index))).scalars()) == [0, 1]


@pytest.mark.rule(Rule.MSG_SIGNATURE)
async def test_a_fork_that_the_device_did_not_sign_is_no_evidence(relay: RunningRelay) -> None:
    ann, _, conversation = await pair(relay)
    async with ann.line() as line:
        created, chain = ann.seal(conversation)
        _, fork_chain = ann.seal(conversation)
        await line.send("record", created.record)
        await line.send("message", ann.message(chain))
        fork = Message.FromString(resign(ann, ann.message(fork_chain), created.record_hash))
        fork.signature = bytes(64)
        assert (await refusal(line, "message", fork.SerializeToString())).rule is Rule.MSG_SIGNATURE
        async with relay.relay._engine.connect() as conn:  # type: ignore[union-attr]
            assert (await conn.execute(select(evidence))).all() == []


@pytest.mark.rule(Rule.MSG_SESSION)
async def test_a_message_of_an_unknown_session_is_refused(relay: RunningRelay) -> None:
    ann, _, conversation = await pair(relay)
    async with ann.line() as line:
        _, chain = ann.seal(conversation)
        refused = await refusal(line, "message", ann.message(chain))
        assert (refused.rule, refused.retryable) == (Rule.MSG_SESSION, True)


@pytest.mark.rule(Rule.MSG_SESSION)
async def test_a_message_of_another_devices_session_is_refused(relay: RunningRelay) -> None:
    ann, ben, conversation = await pair(relay)
    async with ann.line() as mine, ben.line() as theirs:
        chain = await ann.open(mine, conversation)
        assert (await refusal(theirs, "message", ann.message(chain))).rule is Rule.MSG_SESSION


@pytest.mark.rule(Rule.MSG_SESSION)
async def test_a_session_ends_with_its_time(relay: RunningRelay) -> None:
    ann, _, conversation = await pair(relay)
    async with ann.line() as line:
        created, chain = ann.seal(conversation, lasts_ms=1000)
        await _pass(await line.send("record", created.record), 1100)
        assert (await refusal(line, "message", ann.message(chain))).rule is Rule.MSG_SESSION


@pytest.mark.rule(Rule.MSG_SESSION)
async def test_a_session_ends_with_its_256th_message(relay: RunningRelay) -> None:
    ann, _, conversation = await pair(relay)
    async with ann.line() as line:
        created, chain = ann.seal(conversation)
        await line.send("record", created.record)
        messages = [ann.message(chain) for _ in range(SESSION_MESSAGES)]
        for start in range(0, SESSION_MESSAGES, 64):
            for future in await line.post(*(("message", one) for one in messages[start : start + 64])):
                await future
        last = Message.FromString(messages[-1])
        beyond = resign(ann, messages[-1], created.record_hash, index=SESSION_MESSAGES)
        assert last.header != Message.FromString(beyond).header
        assert (await refusal(line, "message", beyond)).rule is Rule.MSG_SESSION


@pytest.mark.rule(Rule.MSG_SESSION)
async def test_a_session_ends_with_a_change_of_members_and_the_refusal_carries_the_newer_leaf(
    relay: RunningRelay,
) -> None:
    ann, ben, conversation = await pair(relay)
    await enrol(relay, "cid")
    await ann.sync()
    async with ann.line() as line:
        chain = await ann.open(line, conversation)
        await line.send("message", ann.message(chain))
        await ben.sync()
        people = (("acme", "ann"), ("acme", "ben"), ("acme", "cid"))
        await ben.converse(*people, previous=ben.state.membership(conversation))
        refused = await refusal(line, "message", ann.message(chain))
        assert refused.rule is Rule.MSG_SESSION
        newer = refused.newer  # type: ignore[attr-defined]
        verify_ack(ann.state.relay_key, "archive.example", newer)
        assert Leaf.FromString(newer.leaf).object_hash == ben.state.membership(conversation).statement_hash


@pytest.mark.rule(Rule.MSG_SESSION)
@pytest.mark.parametrize("change", ["device", "revoked device", "prekey", "epoch"])
async def test_a_session_ends_with_a_change_of_devices_prekey_or_epoch(
    town: Deployment, relay: RunningRelay, change: str
) -> None:
    ann, ben, conversation = await pair(relay)
    async with ann.line() as line:
        chain = await ann.open(line, conversation)
        await line.send("message", ann.message(chain))
        if change == "device":
            await enrol(relay, "ben", number=2)
            await line.send("message", ann.message(chain))  # under way, or sealed before the sender could know
            town.clock.advance(JOIN_GRACE_MS)
        elif change == "revoked device":
            await relay.revoke("device", ben.device.entry_hash.hex())
        elif change == "prekey":
            await ann.renew()
        else:
            await relay.certify(epoch=2)
        assert (await refusal(line, "message", ann.message(chain))).rule is Rule.MSG_SESSION


async def test_a_session_goes_on_when_others_change(relay: RunningRelay) -> None:
    ann, ben, conversation = await pair(relay)
    async with ann.line() as line:
        chain = await ann.open(line, conversation)
        await line.send("message", ann.message(chain))
        await enrol(relay, "cid")
        await ben.renew()
        await line.send("message", ann.message(chain))


@pytest.mark.rule(Rule.MSG_INDEX)
async def test_one_refused_item_does_not_take_the_batch_with_it(relay: RunningRelay) -> None:
    ann, ben, conversation = await pair(relay)
    await ben.sync()
    async with ann.line() as mine, ben.line() as theirs:
        chain, other = await ann.open(mine, conversation), await ben.open(theirs, conversation)
        first, lost, gap = (ann.message(chain) for _ in range(3))
        futures = await mine.post(("message", first), ("message", b"\xff"), ("message", gap), ("message", lost))
        results = await asyncio.gather(*futures, return_exceptions=True)
        assert isinstance(results[1], MalformedInput)
        assert isinstance(results[2], Refused)
        assert results[2].rule is Rule.MSG_INDEX
        assert results[3].index > results[0].index  # type: ignore[union-attr]
        await theirs.send("message", ben.message(other))
        await mine.send("message", gap)


async def _pass(ack: object, milliseconds: int) -> None:
    """Wait until the relay's clock is so far beyond a leaf."""
    over_ms = Leaf.FromString(ack.leaf).relay_time_ms + milliseconds  # type: ignore[attr-defined]
    await until(lambda: system_clock() > over_ms)
