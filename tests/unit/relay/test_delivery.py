"""Who gets what, in which order: members only, from their first leaf to their last."""

from __future__ import annotations

import asyncio

import grpc
import pytest
from relay_device_kit import Device, Line, enrol, pair
from relay_kit import Deployment, RunningRelay, until

from tapeline.base.errors import LimitExceeded
from tapeline.base.remote import TRAILER, error_from_bytes
from tapeline.base.rules import Refused, Rule
from tapeline.base.seam import system_clock
from tapeline.base.times import HOUR
from tapeline.crypto.message.chain import ReceivingChain
from tapeline.crypto.message.verify import parse_message, verify_message
from tapeline.crypto.record.open import open_as_recipient
from tapeline.crypto.record.parse import parse_header, parse_view
from tapeline.crypto.record.verify import verify_record
from tapeline.relay.delivery import source
from tapeline.relay.delivery.streams import STREAMS_PER_DEVICE
from tapeline.wire.v1 import objects_pb2 as pb
from tapeline.wire.v1.relay_pb2 import Delivery

ANN, BEN, CID = (("acme", user) for user in ("ann", "ben", "cid"))


def sequences(line: Line, conversation: bytes) -> list[int]:
    ours = [delivery for delivery in line.deliveries if delivery.conversation == conversation]
    return [pb.Leaf.FromString(delivery.ack.leaf).conversation_sequence for delivery in ours]


def kinds(line: Line) -> list[str | None]:
    return [delivery.WhichOneof("item") for delivery in line.deliveries]


async def test_the_view_that_is_delivered_verifies_and_opens(relay: RunningRelay) -> None:
    ann, ben, conversation = await pair(relay)
    async with ann.line() as mine, ben.line() as theirs:
        chain = await ann.open(mine, conversation)
        await mine.send("message", ann.message(chain, "in clear only here"))
        _, record, message = await theirs.delivered(3)
    await ben.sync(record.ack.index)
    view, leaf = parse_view(record.record_view), pb.Leaf.FromString(record.ack.leaf)
    facts = ben.state.facts_of(view, leaf_index=record.ack.index, leaf_time_ms=leaf.relay_time_ms)
    verified = verify_record(view, facts, own=ben.state.device(ben.device.entry_hash))
    opened = ReceivingChain(open_as_recipient(view, verified, ben.prekeys[0]), verified.record_hash)
    judged = verify_message(
        parse_message(message.message),
        sender_key=ann.key.public,
        record_hash=verified.record_hash,
        expected_index=0,
        expected_previous=verified.record_hash,
    )
    assert opened.open(judged) == b"in clear only here"


async def test_a_reader_continues_at_its_cursor(relay: RunningRelay) -> None:
    ann, ben, conversation = await pair(relay)
    async with ann.line() as mine:
        chain = await ann.open(mine, conversation)
        for _ in range(5):
            await mine.send("message", ann.message(chain))
        async with ben.line(subscribe=False) as theirs:
            await theirs.subscribe((conversation, 4))
            await theirs.delivered(3)
            await asyncio.wait_for(theirs.caught_up.wait(), 10)
            await mine.send("message", ann.message(chain))
            await theirs.delivered(4)
            assert sequences(theirs, conversation) == [4, 5, 6, 7]


async def test_what_memory_lacks_comes_from_the_database(relay: RunningRelay, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "MAX_ENTRIES", 3)
    ann, ben, conversation = await pair(relay)
    async with ann.line() as mine:
        chain = await ann.open(mine, conversation)
        for future in await mine.post(*(("message", ann.message(chain)) for _ in range(64))):
            await future
        for future in await mine.post(*(("message", ann.message(chain)) for _ in range(36))):
            await future
        async with ben.line() as theirs:
            await theirs.delivered(102)
            assert sequences(theirs, conversation) == list(range(102))
            assert max(len(frame.deliveries) for frame in theirs.frames) <= 64
            await asyncio.wait_for(theirs.caught_up.wait(), 10)
            assert sum(frame.caught_up for frame in theirs.frames) == 1


async def test_a_member_sees_the_leaf_that_adds_to_the_leaf_that_removes(relay: RunningRelay) -> None:
    ann, _, conversation = await pair(relay)
    cid = await enrol(relay, "cid")
    await ann.sync()
    async with ann.line() as mine, cid.line() as late:
        await _say(ann, mine, conversation)
        await ann.converse(ANN, BEN, CID, previous=ann.state.membership(conversation))
        await _say(ann, mine, conversation)
        await ann.converse(ANN, BEN, previous=ann.state.membership(conversation))
        await _say(ann, mine, conversation)
        await mine.delivered(9)
        await until(lambda: len(late.deliveries) >= 4)
        assert sequences(late, conversation) == [3, 4, 5, 6]
        assert kinds(late) == ["membership", "record_view", "message", "membership"]
        await ann.converse(ANN, BEN, CID, previous=ann.state.membership(conversation))
        await late.delivered(5)
        assert sequences(late, conversation) == [3, 4, 5, 6, 9]
        async with cid.line() as again:
            await again.delivered(5)
            assert sequences(again, conversation) == [3, 4, 5, 6, 9]
        async with cid.line(subscribe=False) as greedy:
            await greedy.subscribe((conversation, 7))
            await greedy.delivered(1)
            assert sequences(greedy, conversation) == [9]


async def test_a_device_without_a_row_is_told_what_is_withheld(relay: RunningRelay) -> None:
    ann, _, conversation = await pair(relay)
    async with ann.line() as mine:
        chain = await ann.open(mine, conversation)
        await mine.send("message", ann.message(chain))
        second = await enrol(relay, "ben", number=2)
        async with second.line() as theirs:
            record: Delivery = (await theirs.delivered(3))[1]
            assert record.WhichOneof("item") == "withheld"
            assert parse_header(record.withheld).record_hash == pb.Leaf.FromString(record.ack.leaf).object_hash


async def test_nobody_else_gets_anything(relay: RunningRelay) -> None:
    ann, _, conversation = await pair(relay)
    eve = await enrol(relay, "eve")
    async with ann.line() as mine, eve.line(subscribe=False) as theirs:
        await theirs.subscribe((conversation, 0))
        await _say(ann, mine, conversation)
        await mine.delivered(3)
        await asyncio.wait_for(theirs.caught_up.wait(), 10)
        assert theirs.deliveries == []


async def test_a_newer_checkpoint_is_announced(relay: RunningRelay) -> None:
    ann, _, conversation = await pair(relay)
    async with ann.line() as mine:
        chain = await ann.open(mine, conversation)
        ack = await mine.send("message", ann.message(chain))
        sizes = lambda: [ann.state.verify_archive_note(frame.note).size for frame in mine.frames if frame.note]  # noqa: E731
        await until(lambda: max(sizes(), default=0) > ack.index)
        assert sizes() == sorted(sizes())


async def test_those_who_talk_with_a_user_are_told_of_its_devices(relay: RunningRelay) -> None:
    ann, ben, _ = await pair(relay)
    eve = await enrol(relay, "eve")
    sizes = lambda line: [frame.directory_size for frame in line.frames if frame.directory_size]  # noqa: E731
    async with ann.line() as mine, eve.line() as hers:
        await asyncio.wait_for(mine.caught_up.wait(), 10)
        await asyncio.wait_for(hers.caught_up.wait(), 10)
        await ben.renew()  # nobody needs to know at once
        phone = await enrol(relay, "ben", number=2)
        await until(lambda: len(sizes(mine)) == 1)
        revoked = await relay.revoke("device", phone.device.entry_hash.hex())
        await until(lambda: sizes(mine)[1:] == [revoked.index + 1])
        assert sizes(hers) == []


async def test_a_device_has_few_streams(relay: RunningRelay) -> None:
    ann, _, _ = await pair(relay)
    lines = [ann.line() for _ in range(STREAMS_PER_DEVICE)]
    opened = [await line.__aenter__() for line in lines]
    for line in opened:
        await asyncio.wait_for(line.caught_up.wait(), 10)
    async with ann.line() as one_more:
        await asyncio.wait_for(one_more.ended.wait(), 10)
        assert await one_more.call.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert isinstance(await _error(one_more), LimitExceeded)
    for line in lines:
        await line.__aexit__(None, None, None)


@pytest.mark.rule(Rule.REC_REVOKED)
async def test_a_revoked_device_is_out_at_once(relay: RunningRelay) -> None:
    ann, ben, conversation = await pair(relay)
    await ben.sync()
    async with ann.line() as mine, ben.line() as theirs:
        await asyncio.wait_for(mine.caught_up.wait(), 10)
        created, _ = ben.seal(conversation)
        await relay.revoke("device", ann.device.entry_hash.hex())
        with pytest.raises(Refused) as caught:
            await theirs.send("record", created.record)
        assert caught.value.rule is Rule.REC_REVOKED
        await asyncio.wait_for(mine.ended.wait(), 10)
        assert await mine.call.code() is grpc.StatusCode.UNAUTHENTICATED


async def test_a_device_that_expires_is_out_though_nothing_else_happens(relay: RunningRelay) -> None:
    ann, _, _ = await pair(relay)
    phone = await enrol(relay, "ann", number=2, prekey=False, not_after_ms=system_clock() + 2500)
    async with ann.line() as mine, phone.line() as theirs:
        await asyncio.wait_for(theirs.caught_up.wait(), 10)
        await asyncio.wait_for(theirs.ended.wait(), 10)
        assert system_clock() >= phone.device.not_after_ms
        assert await theirs.call.code() is grpc.StatusCode.UNAUTHENTICATED
        assert not mine.ended.is_set()


async def test_a_clock_that_moves_on_ends_a_stream_at_its_next_frame(town: Deployment, relay: RunningRelay) -> None:
    ann, _, conversation = await pair(relay)
    phone = await enrol(relay, "ben", number=2, prekey=False, not_after_ms=town.clock() + HOUR)
    await ann.sync()
    async with ann.line() as mine, phone.line() as theirs:
        await asyncio.wait_for(theirs.caught_up.wait(), 10)
        chain = await ann.open(mine, conversation, lasts_ms=3 * HOUR)
        seen = len(await theirs.delivered(2))
        town.clock.advance(HOUR)
        await mine.send("message", ann.message(chain))
        await asyncio.wait_for(theirs.ended.wait(), 10)
        assert await theirs.call.code() is grpc.StatusCode.UNAUTHENTICATED
        assert len(theirs.deliveries) == seen  # nothing after its end


async def _say(device: Device, line: Line, conversation: bytes) -> None:
    chain = await device.open(line, conversation)
    await line.send("message", device.message(chain))


async def _error(line: Line) -> Exception:
    trailers = dict(await line.call.trailing_metadata())
    return error_from_bytes(trailers[TRAILER])  # type: ignore[arg-type]
