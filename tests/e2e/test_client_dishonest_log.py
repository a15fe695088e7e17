"""A relay that breaks the log's own rules: it takes messages after a session's end, misdates leaves, swaps records.

The relay runs in this process, so that its judgement can be turned off, and its key is at hand for forged promises.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from typing import Any
from weakref import WeakKeyDictionary

import pytest
import pytest_asyncio
from client_kit import altering, until

from tapeline.base.rules import Refused, Rule
from tapeline.base.times import MINUTE
from tapeline.client import Client, ClientOptions
from tapeline.client.session.opener import SessionOpener
from tapeline.client.store.inbox import SessionState
from tapeline.client.verdicts import SharedVerdicts
from tapeline.crypto.ack import sign_ack
from tapeline.crypto.signing import SigningKey
from tapeline.crypto.wire import encode
from tapeline.relay.keys import load_keys
from tapeline.relay.services import judge_message
from tapeline.relay.services.draft import Draft
from tapeline.testing.background import BackgroundDeployment
from tapeline.testing.clock import ManualClock
from tapeline.testing.deployment import ARCHIVE
from tapeline.wire.v1.objects_pb2 import LEAF_TYPE_MESSAGE, Leaf
from tapeline.wire.v1.relay_pb2 import Delivery, ServerFrame

pytestmark = pytest.mark.asyncio(loop_scope="module")

Pair = tuple[Client, Client, ManualClock]


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BackgroundDeployment]:
    with BackgroundDeployment.started(tmp_path_factory.mktemp("dishonest"), relay_process=False) as made:
        yield made


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def pair(town: BackgroundDeployment, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Pair]:
    """Alice, and bob on a clock that can be moved; each test has conversations of its own."""
    folder, clock = tmp_path_factory.mktemp("pair"), ManualClock()
    alice = await town.client("alice", folder / "alice")
    bob = await town.client("bob", folder / "bob", options=ClientOptions(clock=clock))
    async with alice, bob:
        yield alice, bob, clock


_SEEN: WeakKeyDictionary[Client, int] = WeakKeyDictionary()


async def alarm_of(client: Client) -> str:
    """The rule of the client's next alarm after those asked for before."""

    async def came() -> bool:
        return len(await client.alarms()) > _SEEN.get(client, 0)

    await until(came)
    alarm = (await client.alarms())[_SEEN.get(client, 0)]
    _SEEN[client] = _SEEN.get(client, 0) + 1
    return alarm.rule


@pytest_asyncio.fixture(autouse=True, loop_scope="module")
async def _alarms_before(pair: Pair) -> None:
    for client in pair[:2]:
        _SEEN[client] = len(await client.alarms())


async def shown(client: Client, conversation: bytes) -> list[str]:
    return [message.text for message in await client.history(conversation, 0, 100) if message.text]


async def reads(client: Client, conversation: bytes, *wanted: str) -> None:
    """Wait until a client shows exactly these texts of a conversation."""

    async def read() -> bool:
        return await shown(client, conversation) == list(wanted)

    await until(read)


# --- after the end -----------------------------------------------------------------------------------------------


@pytest.fixture
def lenient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A relay that takes messages of ended sessions, and a sender that writes on in them."""

    async def fits(*_: object) -> bool:
        return True

    monkeypatch.setattr(judge_message, "require_open", lambda *_: None)
    monkeypatch.setattr(SessionOpener, "still_fits", fits)


async def settled(client: Client, conversation: bytes) -> None:
    async def done() -> bool:
        mine = [one for one in client._engine.inbox.readings.values() if one.row.conversation == conversation]
        return bool(mine) and all(one.row.is_settled for one in mine)

    await until(done)


@pytest.mark.rule(Rule.MSG_SESSION)
@pytest.mark.usefixtures("lenient")
async def test_a_reader_who_knows_of_the_end_refuses_what_comes_after(pair: Pair) -> None:
    alice, bob, _ = pair
    conversation = await alice.create_conversation([bob.user])
    await conversation.send("in time")
    await reads(bob, conversation.id, "in time")
    await bob._device.directory.ensure(await alice._engine.prekeys.publish() + 1)
    await conversation.send("after the sender's new prekey")
    assert await alarm_of(bob) == Rule.MSG_SESSION.id
    assert await shown(bob, conversation.id) == ["in time"]


@pytest.mark.rule(Rule.MSG_SESSION)
@pytest.mark.usefixtures("lenient")
async def test_a_reader_who_learns_of_the_end_later_reports_what_was_shown_and_reads_no_more(pair: Pair) -> None:
    alice, bob, clock = pair
    conversation = await alice.create_conversation([bob.user])
    other = await alice.create_conversation([bob.user])
    await conversation.send("in time")
    await reads(bob, conversation.id, "in time")
    await settled(bob, conversation.id)
    await bob._device.directory.refresh()
    await alice._engine.prekeys.publish()
    await conversation.send("shown before it is known")
    await reads(bob, conversation.id, "in time", "shown before it is known")
    clock.advance(2 * MINUTE)
    alice._engine.sender.lane(other.id)._session = None
    await other.send("the next note looks again")
    assert await alarm_of(bob) == Rule.MSG_SESSION.id
    await conversation.send("not read any more")
    await other.send("but this is")
    await reads(bob, other.id, "the next note looks again", "but this is")
    assert "not read any more" not in await shown(bob, conversation.id)


@pytest.mark.usefixtures("lenient")
async def test_what_was_read_in_time_is_settled_once_and_raises_nothing(pair: Pair) -> None:
    alice, bob, clock = pair
    conversation = await alice.create_conversation([bob.user])
    await conversation.send("in time")
    await reads(bob, conversation.id, "in time")
    await alice._engine.prekeys.publish()
    clock.advance(2 * MINUTE)
    await (await alice.create_conversation([bob.user])).send("a note comes")
    await settled(bob, conversation.id)
    assert len(await bob.alarms()) == _SEEN[bob]


# --- false dates -------------------------------------------------------------------------------------------------


def misdate(monkeypatch: pytest.MonkeyPatch, shift_ms: int) -> None:
    """Let the relay date leaves by another clock from now on; what it remembers of the time stays right."""
    make, commit = Draft.__init__, Draft.commit

    def made(self: Draft, *arguments: Any) -> None:
        make(self, *arguments)
        self.leaf_time_ms += shift_ms

    def committed(self: Draft) -> None:
        commit(self)
        self.ledger.last_time_ms = self.leaf_time_ms - shift_ms

    monkeypatch.setattr(Draft, "__init__", made)
    monkeypatch.setattr(Draft, "commit", committed)


@pytest.mark.rule(Rule.REC_BACKDATED)
async def test_a_back_dated_leaf_is_refused_by_reader_and_sender(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    alice, bob, _ = pair
    conversation = await alice.create_conversation([bob.user])
    await (await conversation.send("before")).logged()
    await reads(bob, conversation.id, "before")
    misdate(monkeypatch, -5 * MINUTE)
    sending = asyncio.create_task(conversation.send("said to be of five minutes ago"))
    assert await alarm_of(bob) == Rule.REC_BACKDATED.id
    assert await alarm_of(alice) == Rule.REC_BACKDATED.id
    assert not sending.done(), "such a promise is none"
    assert await shown(bob, conversation.id) == ["before"]
    sending.cancel()
    with suppress(asyncio.CancelledError):
        await sending


@pytest.mark.rule(Rule.REC_BACKDATED)
async def test_a_post_dated_leaf_is_told_once_a_note_holds_it(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    alice, bob, _ = pair
    conversation = await alice.create_conversation([bob.user])
    await (await conversation.send("before")).logged()
    misdate(monkeypatch, 20 * MINUTE)
    receipt = await conversation.send("said to be of later")
    with pytest.raises(Refused) as refused:
        await asyncio.wait_for(receipt.logged(), 20)
    assert refused.value.rule is Rule.REC_BACKDATED
    assert await alarm_of(bob) == Rule.REC_BACKDATED.id


# --- other objects, other places ---------------------------------------------------------------------------------


@pytest.mark.rule(Rule.LEAF_TAG)
async def test_another_record_than_its_leaf_names_is_none(pair: Pair) -> None:
    alice, bob, _ = pair
    views: list[bytes] = []

    def alter(frame: ServerFrame) -> None:
        for delivery in frame.deliveries:
            if delivery.WhichOneof("item") == "record_view" and delivery.record_view:
                views.append(delivery.record_view)
                delivery.record_view = views[0]

    async with altering(bob, alter):
        conversation = await alice.create_conversation([bob.user])
        await conversation.send("first session")
        await reads(bob, conversation.id, "first session")
        alice._engine.sender.lane(conversation.id)._session = None
        await conversation.send("second session, under the first one's record")
        assert await alarm_of(bob) == Rule.LEAF_TAG.id
    assert len(set(views)) == 2
    assert await shown(bob, conversation.id) == ["first session"]


def reforge(key: SigningKey, delivery: Delivery, **changes: object) -> None:
    """Change a delivered leaf and promise it anew, truly signed by the relay."""
    leaf = Leaf.FromString(delivery.ack.leaf)
    for name, value in changes.items():
        setattr(leaf, name, value)
    delivery.ack.leaf = encode(leaf)
    delivery.ack.signature = sign_ack(key, ARCHIVE, delivery.ack.index, delivery.ack.leaf)


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        pytest.param({"conversation_tag": b"t" * 16}, Rule.LEAF_TAG, marks=pytest.mark.rule(Rule.LEAF_TAG)),
        pytest.param({"conversation_sequence": 99}, Rule.LEAF_SEQUENCE, marks=pytest.mark.rule(Rule.LEAF_SEQUENCE)),
        pytest.param({"conversation_sequence": 0}, Rule.LEAF_SEQUENCE, marks=pytest.mark.rule(Rule.LEAF_SEQUENCE)),
    ],
    ids=["another tag", "a gap", "a repeat"],
)
async def test_a_leaf_out_of_place_halts_its_conversation_and_no_other(
    pair: Pair, town: BackgroundDeployment, changes: dict[str, object], rule: Rule
) -> None:
    alice, bob, _ = pair
    key = load_keys(town.deployment.folder / "relay").relay
    conversation, other = [await alice.create_conversation([bob.user]) for _ in range(2)]
    await conversation.send("before")
    await reads(bob, conversation.id, "before")

    def alter(frame: ServerFrame) -> None:
        for delivery in frame.deliveries:
            is_message = Leaf.FromString(delivery.ack.leaf).type == LEAF_TYPE_MESSAGE
            if is_message and delivery.conversation == conversation.id:
                reforge(key, delivery, **changes)

    async with altering(bob, alter):
        await conversation.send("out of place")
        assert await alarm_of(bob) == rule.id
        await other.send("elsewhere")
        await reads(bob, other.id, "elsewhere")
    assert await shown(bob, conversation.id) == ["before"]


@pytest.mark.rule(Rule.LEAF_TAG)
async def test_a_genesis_of_another_conversation_begins_none(pair: Pair) -> None:
    alice, bob, _ = pair

    def alter(frame: ServerFrame) -> None:
        for delivery in frame.deliveries:
            delivery.conversation = b"c" * 64

    async with altering(bob, alter):
        await alice.create_conversation([bob.user])
        assert await alarm_of(bob) == Rule.LEAF_TAG.id
    assert b"c" * 64 not in bob._engine.inbox.conversations


# --- final judgement ---------------------------------------------------------------------------------------------


@pytest.mark.rule(Rule.REC_REVOKED)
async def test_a_session_that_fails_the_final_judgement_is_dropped_after_all(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice, bob, _ = pair
    judge, judged = SharedVerdicts.record, set()

    def later_refused(self: SharedVerdicts, view: Any, *rest: Any) -> Any:
        if view.record_hash in judged:
            raise Refused(Rule.REC_REVOKED, "A device of the record was revoked before its leaf.")
        judged.add(view.record_hash)
        return judge(self, view, *rest)

    monkeypatch.setattr(SharedVerdicts, "record", later_refused)
    conversation = await alice.create_conversation([bob.user])
    await conversation.send("read at first")
    assert await alarm_of(bob) == Rule.REC_REVOKED.id
    readings = [one for one in bob._engine.inbox.readings.values() if one.row.conversation == conversation.id]
    (reading,) = [one for one in readings if one.row.state is not SessionState.OWN]
    assert reading.row.state is SessionState.DROPPED
    await conversation.send("not read")
    other = await alice.create_conversation([bob.user])
    await other.send("read")
    await reads(bob, other.id, "read")
    assert "not read" not in await shown(bob, conversation.id)
