"""Small parts: content, inlet, events, backoff, verdicts, leaf checks, addresses."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path

import pytest

from tapeline.base.errors import MalformedInput
from tapeline.base.rules import Refused, Rule
from tapeline.base.seam import system_rng
from tapeline.client import content
from tapeline.client.bus import EventBus
from tapeline.client.content import decode_content, encode_content
from tapeline.client.events import CaughtUp, Connected
from tapeline.client.inlet import Inlet
from tapeline.client.leafcheck import require_leaf_of
from tapeline.client.store import history
from tapeline.client.store.database import Database
from tapeline.client.store.history import MessageRow
from tapeline.client.store.keys import KdfCost, StoreKey
from tapeline.client.transport.backoff import Backoff
from tapeline.client.transport.channels import Transport
from tapeline.client.verdicts import Lru, SharedVerdicts
from tapeline.crypto.ack import sign_ack
from tapeline.crypto.limits import MESSAGE_BODY
from tapeline.crypto.signing import SigningKey
from tapeline.wire.v1.objects_pb2 import LEAF_TYPE_MESSAGE, LEAF_TYPE_SESSION, Ack, Leaf

HASH = b"h" * 64
BODIES = [
    content.Text("hello", action=True),
    content.Reply(HASH, "yes"),
    content.Edit(HASH, "better"),
    content.Delete(HASH),
    content.Reaction(HASH, "👍"),
    content.ReadReceipt((HASH, HASH)),
    content.RecordingDisclosure("bank", "recorded", "five-years"),
    content.DisclosureAck(HASH),
    content.Notice("topic", "lunch", "at noon"),
]


@pytest.mark.parametrize("body", BODIES, ids=lambda body: type(body).__name__)
def test_every_body_round_trips_with_labels(body: content.Body) -> None:
    message_id, encoded = encode_content(body, {"line": "7", "b": ""}, system_rng)
    said = decode_content(encoded)
    assert (said.message_id, said.body, dict(said.labels)) == (message_id, body, {"line": "7", "b": ""})


def test_content_has_limits() -> None:
    with pytest.raises(MalformedInput):
        encode_content(content.Text("x" * MESSAGE_BODY), {}, system_rng)
    with pytest.raises(MalformedInput):
        encode_content(content.Text("x"), {str(n): "" for n in range(33)}, system_rng)
    with pytest.raises(MalformedInput):
        encode_content(content.Text("x"), {"long": "x" * 257}, system_rng)
    with pytest.raises(MalformedInput):
        encode_content(content.Unknown("poll"), {}, system_rng)


def test_content_without_a_message_id_is_refused() -> None:
    with pytest.raises(Refused):
        decode_content(b"")


def row(number: int, device: bytes = b"other") -> MessageRow:
    _, encoded = encode_content(content.Text(str(number)), {}, system_rng)
    unique = number.to_bytes(64, "big")
    return MessageRow(b"c", number, b"r", number, unique, "f", "u", device, unique[-16:], encoded, number, 1, 1)


@pytest.fixture
async def database(tmp_path: Path):
    opened = await Database.open(tmp_path / "db", StoreKey.new("p", system_rng, KdfCost(1, 8, 1)))
    yield opened
    await opened.close()


async def test_the_inlet_gives_each_message_once_and_marks_it_when_the_next_is_asked_for(database: Database) -> None:
    for number in range(1, 6):
        await database.run(partial(history.add, row=row(number, b"own" if number == 3 else b"other")))
    inlet = Inlet(database, b"own")
    taken = []
    async for message in inlet.messages():
        taken.append(message.text)
        if len(taken) == 3:
            break
    assert taken == ["1", "2", "4"]  # 3 is the device's own
    assert await database.run(history.handled) == 2  # the handling of 4 was not seen to end
    again = Inlet(database, b"own")
    again.close()
    assert [message.text async for message in again.messages()] == ["4", "5"]
    assert await database.run(history.handled) == 5


async def test_an_own_cursor_leaves_the_stores_alone(database: Database) -> None:
    for number in range(1, 4):
        await database.run(partial(history.add, row=row(number)))
    inlet = Inlet(database, b"own")
    inlet.close()
    assert [message.text async for message in inlet.messages(after=1)] == ["2", "3"]
    assert await database.run(history.handled) == 0


async def test_the_inlet_waits_for_news_and_tells_why_it_ended(database: Database) -> None:
    inlet = Inlet(database, b"own")
    waiting = asyncio.ensure_future(anext(inlet.batches()))
    await asyncio.sleep(0)
    await database.run(partial(history.add, row=row(1)))
    inlet.notify()
    assert [message.text for message in await asyncio.wait_for(waiting, 5)] == ["1"]
    inlet.close(RuntimeError("the client failed"))
    with pytest.raises(RuntimeError, match="failed"):
        await anext(inlet.messages(after=9))


async def test_early_events_wait_for_the_first_listener() -> None:
    bus = EventBus()
    bus.publish(Connected())
    bus.publish(CaughtUp())
    bus.close()
    assert [event async for event in bus.listen()] == [Connected(), CaughtUp()]


async def test_a_slow_listener_loses_the_oldest() -> None:
    bus = EventBus()
    listener = bus.listen()
    bus.publish(Connected())
    assert await anext(listener) == Connected()
    for _ in range(5000):
        bus.publish(CaughtUp())
    bus.close()
    assert 0 < len([event async for event in listener]) <= 1024


def test_backoff_grows_to_its_bound_with_jitter_and_starts_again() -> None:
    backoff = Backoff(lambda count: b"\xff" * count, first=1.0, last=8.0)
    assert [round(backoff.next_delay()) for _ in range(6)] == [1, 2, 4, 8, 8, 8]
    backoff.reset()
    assert backoff.next_delay() < 1.01
    assert Backoff(bytes, first=1.0).next_delay() == 0.25


def test_shared_verdicts_answer_exactly_what_was_verified() -> None:
    key, verdicts = SigningKey.generate(system_rng), SharedVerdicts()
    ack = Ack(index=3, leaf=b"leaf", signature=sign_ack(key, "log", 3, b"leaf"))
    for _ in range(2):
        verdicts.ack(key.public, "log", ack)
    for other in (
        Ack(index=4, leaf=b"leaf", signature=ack.signature),
        Ack(index=3, leaf=b"l", signature=ack.signature),
    ):
        with pytest.raises(Refused) as refused:
            verdicts.ack(key.public, "log", other)
        assert refused.value.rule is Rule.ACK_SIGNATURE
    with pytest.raises(Refused):
        verdicts.ack(key.public, "another log", ack)


def test_the_memory_of_verdicts_is_bounded() -> None:
    memory: Lru[int, str] = Lru(2)
    memory.put(1, "one")
    memory.put(2, "two")
    assert memory.get(1) == "one"
    memory.put(3, "three")
    assert (memory.get(1), memory.get(2), memory.get(3)) == ("one", None, "three")


def test_a_leaf_is_held_against_type_tag_and_hash() -> None:
    leaf = Leaf(type=LEAF_TYPE_MESSAGE, conversation_tag=b"t" * 16, object_hash=HASH)
    require_leaf_of(leaf, LEAF_TYPE_MESSAGE, b"t" * 16, HASH)
    for kind, tag, named in (
        (LEAF_TYPE_SESSION, b"t" * 16, HASH),
        (LEAF_TYPE_MESSAGE, b"u" * 16, HASH),
        (LEAF_TYPE_MESSAGE, b"t" * 16, b"i" * 64),
    ):
        with pytest.raises(Refused) as refused:
            require_leaf_of(leaf, kind, tag, named)
        assert refused.value.rule is Rule.LEAF_TAG


@pytest.mark.parametrize(
    ("address", "what"),
    [("10.0.0.1:7001", "loopback"), ("relay.example:7001", "loopback"), ("7001", "host:port"), ("", "host:port")],
)
async def test_without_tls_only_loopback_is_reached(address: str, what: str) -> None:
    transport = Transport()
    with pytest.raises(MalformedInput, match=what):
        transport.channel(address)
    await transport.close()


async def test_many_clients_get_several_connections() -> None:
    transport = Transport()
    channels = {id(transport.channel("127.0.0.1:1")) for _ in range(60)}
    assert len(channels) == 3
    await transport.close()
