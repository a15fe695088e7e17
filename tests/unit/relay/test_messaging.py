"""Sessions and messages: accepted, ordered, acknowledged, delivered."""

from __future__ import annotations

from relay_device_kit import pair
from relay_kit import RunningRelay

from tapeline.crypto.ack import verify_ack
from tapeline.wire.v1.objects_pb2 import Leaf


async def test_a_message_is_acknowledged_and_delivered_in_order(relay: RunningRelay) -> None:
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
        own = await mine.delivered(12)
        assert own[1].WhichOneof("item") == "record_view"
        assert own[1].record_view == b""
