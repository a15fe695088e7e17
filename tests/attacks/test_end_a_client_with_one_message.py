"""A user with a modified client wants others' clients dead: one delivery that the software cannot bear.

Whatever goes wrong while one delivery is taken, told, or judged again costs that delivery, at most its session. Here
every step raises in turn, for one conversation, and what stands behind it, in others and after a restart, is read.
"""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from inspect import iscoroutinefunction
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from client_kit import altering, event, texts, until

from tapeline.base.rules import Rule
from tapeline.base.seam import system_rng
from tapeline.client import Client, ClientOptions
from tapeline.client.alarms import Alarms
from tapeline.client.bus import EventBus
from tapeline.client.conversation import Conversation
from tapeline.client.engine import Engine
from tapeline.client.events import Alarm
from tapeline.client.proofs import Proofs
from tapeline.client.receive import receiver, records, taking
from tapeline.client.receive.batch import Batch
from tapeline.client.receive.reading import Reading
from tapeline.client.receive.receiver import Receiver
from tapeline.client.receive.records import RecordReader
from tapeline.client.receive.settling import Settler
from tapeline.client.receive.taking import Taker
from tapeline.client.session.prekeys import PrekeyKeeper
from tapeline.client.store import alarms, history, inbox
from tapeline.client.store.inbox import SessionState
from tapeline.client.store.keys import KdfCost, StoreKey
from tapeline.client.verdicts import SharedVerdicts
from tapeline.crypto.message.chain import ReceivingChain
from tapeline.testing.background import BackgroundDeployment
from tapeline.wire.v1 import objects_pb2 as pb
from tapeline.wire.v1.objects_pb2 import LEAF_TYPE_MESSAGE, Leaf
from tapeline.wire.v1.relay_pb2 import ServerFrame

pytestmark = pytest.mark.asyncio(loop_scope="module")

TAKING = {
    "the acknowledgement": (SharedVerdicts, "ack"),
    "the leaf": (receiver, "parse_leaf"),
    "the leaf's date": (receiver, "require_not_backdated"),
    "the conversation's cursor": (Receiver, "_row_for"),
    "the next sequence": (Receiver, "_require_next"),
    "moving the cursor": (Receiver, "_move"),
    "taking": (Taker, "take"),
    "the leaf's object": (taking, "require_leaf_of"),
    "a statement": (Taker, "_take_membership"),
    "parsing a statement": (taking, "parse_statement"),
    "a record": (Taker, "_take_record"),
    "reading a record": (RecordReader, "read"),
    "parsing a view": (SharedVerdicts, "view"),
    "the directory's facts": (RecordReader, "_facts"),
    "fetching the directory": (RecordReader, "_ensure"),
    "judging a record": (SharedVerdicts, "record"),
    "the prekey's secret": (PrekeyKeeper, "secret"),
    "opening a record": (records, "open_as_recipient"),
    "a message": (Taker, "_take_message"),
    "parsing a message": (SharedVerdicts, "parsed"),
    "verifying a message": (Taker, "_read"),
    "the session's end": (Reading, "require_open"),
    "the message's place": (SharedVerdicts, "message"),
    "moving past a message": (Reading, "advance"),
    "opening a message": (ReceivingChain, "open"),
    "decoding a content": (taking, "decode_content"),
    "keeping a content": (Taker, "_open"),
    "dropping": (Taker, "leave_out"),
}
"""Every step between a delivery's arrival and the batch that is stored."""

STORING: dict[str, tuple[Any, str, Callable[[Any, bytes], bool]]] = {
    "storing a cursor": (inbox, "put_conversation", lambda row, conversation: row.conversation == conversation),
    "storing a session": (inbox, "put_session", lambda row, conversation: row.conversation == conversation),
    "storing a message": (history, "add", lambda row, conversation: row.conversation == conversation),
    "storing an alarm": (alarms, "add", lambda row, conversation: row.conversation == conversation),
    "storing the batch": (Batch, "store", lambda batch, conversation: conversation in batch.conversations),
}
TELLING = {
    "keeping leaves to prove": (Proofs, "add"),
    "telling an alarm": (Alarms, "tell"),
    "publishing an event": (EventBus, "publish"),
    "waking the application": (Engine, "_stored"),
    "confirming a statement": (Engine, "_confirm_membership"),
}
BESIDE = {
    "following notes": (Proofs, "on_note"),
    "judging again": (Settler, "settle"),
    "renewing the prekey": (Engine, "_renew_prekey"),
    "looking for overdue leaves": (Proofs, "check_overdue"),
}
UNPLACED = {"the acknowledgement", "the leaf", "the leaf's date", "moving the cursor", "storing a cursor"}
"""What a cursor cannot move past, since a place is not known or cannot be kept: that conversation stands still."""

KEY = StoreKey.new("passphrase", system_rng, KdfCost(passes=1, memory_kib=8, lanes=1))


@dataclass
class Stage:
    """Alice's two conversations with bob, of whom nothing was delivered yet; `store` is bob's, to be copied."""

    alice: Client
    store: Path
    hostile: Conversation
    honest: Conversation
    said: int = 0

    async def say(self) -> str:
        self.said += 1
        await self.honest.send(f"honest {self.said}")
        return f"honest {self.said}"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(
    tapeline_deployment: BackgroundDeployment, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Stage]:
    folder = tmp_path_factory.mktemp("one-message")
    bob = await tapeline_deployment.client(f"bob-{folder.name}", folder / "bob", secret=KEY)
    await bob.close()
    alice = await tapeline_deployment.client(f"alice-{folder.name}", folder / "alice")
    async with alice:
        made = Stage(
            alice,
            folder / "bob",
            await alice.create_conversation([bob.user]),
            await alice.create_conversation([bob.user]),
        )
        for number in range(3):
            await made.hostile.send(f"hostile {number}")
        await made.say()
        yield made


@asynccontextmanager
async def bob_at(store: Path) -> AsyncIterator[Client]:
    client = await Client.open(store, KEY, options=ClientOptions(acknowledge_disclosures=False))
    async with client:
        yield client


async def heard(client: Client, text: str) -> None:
    """Wait until the honest conversation's text was read; a client that ended raises here."""

    async def found() -> bool:
        if client._engine.inlet._failure is not None:
            raise client._engine.inlet._failure
        return bool(
            await client._device.database.run(
                lambda db: db.execute("SELECT 1 FROM messages WHERE instr(content, ?)", (text.encode(),)).fetchone()
            )
        )

    await until(found)


def breaking(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, strikes: Callable[..., bool]) -> None:
    """Let a step raise, before it does anything, where `strikes` says so of its arguments."""
    original = getattr(owner, name)

    def broken(*arguments: Any, **named: Any) -> Any:
        if strikes(*arguments, **named):
            raise OverflowError("Python int too large to convert to SQLite INTEGER")
        return original(*arguments, **named)

    async def broken_later(*arguments: Any, **named: Any) -> Any:
        return await broken(*arguments, **named)

    monkeypatch.setattr(owner, name, broken_later if iscoroutinefunction(original) else broken)


def mark_deliveries(monkeypatch: pytest.MonkeyPatch, stage: Stage) -> Callable[..., bool]:
    """Return what tells whether the delivery at hand, of any receiver but alice's, is of the hostile conversation."""
    at_hand: ContextVar[bytes] = ContextVar("at_hand", default=b"")
    alices = stage.alice._engine.receiver
    for name in ("_one", "_drop", "_skip", "_halt"):
        original = getattr(Receiver, name)

        def marking(self: Receiver, delivery: Any, *rest: Any, original: Any = original) -> Any:
            at_hand.set(b"" if self is alices else delivery.conversation)
            return original(self, delivery, *rest)

        monkeypatch.setattr(Receiver, name, marking)
    return lambda *_, **__: at_hand.get() == stage.hostile.id


async def survive(stage: Stage, folder: Path, *, alarms_told: bool, durable: bool) -> None:
    """Open a fresh copy of bob's store with a step broken: the honest conversation is read, now and after a restart."""
    store = Path(shutil.copytree(stage.store, folder / "bob"))
    async with bob_at(store) as bob:
        await heard(bob, await stage.say())
        told = len(await bob.alarms())
        assert bool(told) or not alarms_told
        cursors = bob._engine.inbox.conversations
        assert (stage.hostile.id in cursors) == durable
    async with bob_at(store) as bob:
        await heard(bob, await stage.say())
        if durable:
            assert len(await bob.alarms()) == told, "what was dropped is not met again"


@pytest.mark.parametrize("step", TAKING)
async def test_every_step_of_taking_a_delivery_may_fail(
    stage: Stage, step: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    owner, name = TAKING[step]
    strikes = mark_deliveries(monkeypatch, stage)
    breaking(monkeypatch, owner, name, strikes)
    if step == "dropping":
        breaking(monkeypatch, Taker, "take", strikes)
    await survive(stage, tmp_path, alarms_told=True, durable=step not in UNPLACED)


@pytest.mark.parametrize("step", STORING)
async def test_every_step_of_storing_it_may_fail(
    stage: Stage, step: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    owner, name, concerns = STORING[step]

    def strikes(first: Any, *rest: Any, **named: Any) -> bool:
        row = first if isinstance(first, Batch) else [*rest, *named.values()][0]
        return concerns(row, stage.hostile.id)

    breaking(monkeypatch, owner, name, strikes)
    if step == "storing an alarm":
        breaking(monkeypatch, Taker, "take", mark_deliveries(monkeypatch, stage))
    durable = step not in UNPLACED | {"storing an alarm", "storing the batch"}
    await survive(stage, tmp_path, alarms_told=step != "storing an alarm", durable=durable)


@pytest.mark.parametrize("step", TELLING)
async def test_every_step_of_telling_it_may_fail(
    stage: Stage, step: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    owner, name = TELLING[step]
    engine = stage.alice._engine
    alices = {engine, engine.alarms, engine.bus, engine.proofs}

    def strikes(self: Any, *rest: Any) -> bool:
        return self not in alices and (step != "publishing an event" or hasattr(rest[0], "conversation"))

    breaking(monkeypatch, owner, name, strikes)
    if step == "telling an alarm":
        breaking(monkeypatch, Taker, "take", mark_deliveries(monkeypatch, stage))
    await survive(stage, tmp_path, alarms_told=step == "telling an alarm", durable=True)


@pytest.mark.parametrize("step", BESIDE)
async def test_every_job_beside_it_may_fail_and_says_so_once(
    stage: Stage, step: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    owner, name = BESIDE[step]
    engine = stage.alice._engine
    breaking(monkeypatch, owner, name, lambda self, *_, **__: self not in {engine, engine.proofs, engine.settler})
    store = Path(shutil.copytree(stage.store, tmp_path / "bob"))
    async with bob_at(store) as bob:
        for _ in range(2):
            await heard(bob, await stage.say())

        async def told() -> bool:
            return bool(await bob.alarms())

        await until(told)
        (alarm,) = await bob.alarms()
        assert "OverflowError" in alarm.cause
        assert "SQLite" not in alarm.cause, "what an exception says may quote a message"


@pytest.mark.rule(Rule.WIRE_SIZE)
async def test_an_absurd_time_costs_its_message_and_its_session(
    tapeline_deployment: BackgroundDeployment, tmp_path: Path
) -> None:
    """The relay refuses such a message itself (`test_bounds`); one that colludes meets the readers."""
    alice = await tapeline_deployment.client(f"alice-{tmp_path.name}", tmp_path / "alice")
    bob = await tapeline_deployment.client(f"bob-{tmp_path.name}", tmp_path / "bob", secret=KEY)
    async with alice, bob:
        conversation, other = [await alice.create_conversation([bob.user]) for _ in range(2)]
        await conversation.send("before")
        await texts(bob, 1)

        def alter(frame: ServerFrame) -> None:
            for delivery in frame.deliveries:
                if Leaf.FromString(delivery.ack.leaf).type == LEAF_TYPE_MESSAGE:
                    message = pb.Message.FromString(delivery.message)
                    header = pb.MessageHeader.FromString(message.header)
                    header.client_time_ms = 2**63
                    message.header = header.SerializeToString(deterministic=True)
                    delivery.message = message.SerializeToString(deterministic=True)

        async with altering(bob, alter):
            await conversation.send("a time beyond every database")
            told = await event(bob, Alarm)
            assert isinstance(told, Alarm)
            assert told.rule == Rule.WIRE_SIZE.id
        await other.send("elsewhere")
        assert [message.text for message in await texts(bob, 1)] == ["elsewhere"]
    async with bob_at(tmp_path / "bob") as bob:
        assert bob._engine.inbox.readings
        assert SessionState.DROPPED not in {one.row.state for one in bob._engine.inbox.readings.values()}
