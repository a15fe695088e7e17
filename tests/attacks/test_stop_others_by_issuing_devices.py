"""Adversary: an enrolled user with a modified client issues devices, to end everybody's sessions and fill records."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from client_kit import texts
from relay_device_kit import enrol, pair
from relay_kit import Deployment, RunningRelay, deployment

from tapeline.base.errors import LimitExceeded
from tapeline.base.rules import Refused, Rule
from tapeline.base.seam import system_rng
from tapeline.base.times import SECOND
from tapeline.client import Client, Conversation
from tapeline.client.send.outgoing import Receipt
from tapeline.client.transport.methods import PUBLISH
from tapeline.crypto.device import VerifiedDevice, issue_device_entry, parse_device_entry
from tapeline.crypto.limits import JOIN_GRACE_MS
from tapeline.crypto.prekey_secret import make_prekey
from tapeline.crypto.record.parse import parse_header, parse_record
from tapeline.crypto.signing import SigningKey
from tapeline.testing.background import BackgroundDeployment
from tapeline.wire.v1.objects_pb2 import DeviceEntry, LeafType, SignedObject
from tapeline.wire.v1.relay_pb2 import PublishRequest

STORM = 9
STORM_SECONDS = 0.2
LINES = 12


async def issue_ghost(mallory: Client, number: int) -> None:
    """Issue a device of the own user and give it a prekey: from then on every record must have a row for it."""
    own, ghost = mallory._device.entry, SigningKey.generate(system_rng)
    entry = issue_device_entry(
        mallory._device.key,
        DeviceEntry(
            deployment=own.deployment,
            firm=own.firm,
            user=own.user,
            user_salt=own.user_salt,
            device_key=ghost.public,
            device_name=f"ghost {number}",
            not_before_ms=own.not_before_ms,
            not_after_ms=own.not_after_ms,
            issuer=own.entry_hash,
        ),
    )
    await publish(mallory, LeafType.LEAF_TYPE_DEVICE, entry)
    parsed = parse_device_entry(entry)
    device = VerifiedDevice(
        parsed.entry_hash, own.deployment, own.firm, own.user, own.user_salt, ghost.public, f"ghost {number}",
        own.not_before_ms, own.not_after_ms,
    )  # fmt: skip
    prekey, _ = make_prekey(ghost, device, 1, own.not_before_ms + 20 * 24 * 3600 * SECOND, system_rng)
    await publish(mallory, LeafType.LEAF_TYPE_PREKEY, prekey)


async def publish(mallory: Client, kind: LeafType, obj: bytes) -> None:
    await mallory._device.caller.call(PUBLISH, PublishRequest(type=kind, object=SignedObject.FromString(obj)))


async def storm(mallory: Client) -> list[object]:
    """Issue nine devices in 200 ms; return what came of each."""

    async def one(number: int) -> None:
        await asyncio.sleep(number * STORM_SECONDS / STORM)
        await issue_ghost(mallory, number)

    return await asyncio.gather(*(one(number) for number in range(STORM)), return_exceptions=True)


async def say_lines(conversation: Conversation, who: str) -> list[Receipt]:
    """Send line after line, as a person would, through the storm."""
    receipts = []
    for number in range(LINES):
        receipts.append(await conversation.send(f"{who} {number}"))
        await asyncio.sleep(STORM_SECONDS / LINES)
    return receipts


async def test_a_storm_of_devices_loses_nobodys_message(
    tapeline_deployment: BackgroundDeployment, tmp_path: Path
) -> None:
    async with AsyncExitStack() as stack:

        async def client(user: str) -> Client:
            made = await tapeline_deployment.client(f"{user}-{tmp_path.name}"[:60], tmp_path / user)
            return await stack.enter_async_context(made)

        ann, ben, mallory = await asyncio.gather(client("ann"), client("ben"), client("mallory"))
        room = await ann.create_conversation([ben.user, mallory.user])
        await room.send("calm")
        assert [message.text for message in await texts(ben, 1)] == ["calm"]
        async with asyncio.timeout(60):
            issued, from_ann, from_ben = await asyncio.gather(
                storm(mallory), say_lines(room, "ann"), say_lines(ben.conversation(room.id), "ben")
            )
        refused = [one for one in issued if one is not None]
        assert [type(one) for one in refused] == [
            LimitExceeded,
            LimitExceeded,
        ]  # seven more make eight
        assert (len(from_ann), len(from_ben)) == (LINES, LINES)
        heard = [message.text for message in await texts(ben, LINES)]
        assert heard == [f"ann {number}" for number in range(LINES)]
        assert [message.text for message in await texts(ann, LINES)] == [f"ben {number}" for number in range(LINES)]
        assert [await ann.alarms(), await ben.alarms()] == [[], []]


@pytest.fixture
async def town(tmp_path: Path):
    async with deployment(tmp_path / "relay") as made:
        yield made


@pytest.fixture
async def relay(town: Deployment):
    async with town.relay() as running:
        yield running


@pytest.mark.rule(Rule.MSG_SESSION)
async def test_devices_that_join_end_a_session_a_minute_later_and_one_that_is_revoked_at_once(
    town: Deployment, relay: RunningRelay
) -> None:
    ann, ben, conversation = await pair(relay)
    async with ann.line() as line:
        chain = await ann.open(line, conversation)
        phones = [await enrol(relay, "ben", number=number) for number in (2, 3)]
        await line.send("message", ann.message(chain))
        town.clock.advance(JOIN_GRACE_MS - 5 * SECOND)
        await line.send("message", ann.message(chain))
        town.clock.advance(5 * SECOND)
        with pytest.raises(Refused, match="devices have changed") as refused:
            await line.send("message", ann.message(chain))
        assert refused.value.retryable
        await ann.sync(phones[-1].since - 1)
        chain = await ann.open(line, conversation)
        await line.send("message", ann.message(chain))
        await relay.revoke("device", ben.device.entry_hash.hex())
        with pytest.raises(Refused, match="revoked"):
            await line.send("message", ann.message(chain))


async def test_a_record_whose_note_is_older_than_a_device_is_taken_and_lasts_for_the_grace_alone(
    town: Deployment, relay: RunningRelay
) -> None:
    ann, _, conversation = await pair(relay)
    created, chain = ann.seal(conversation)
    assert len(parse_record(created.record).rows) == 1
    await enrol(relay, "ben", number=2)  # joins between the record's note and its leaf
    async with ann.line() as line:
        await line.send("record", created.record)
        await line.send("message", ann.message(chain))
        town.clock.advance(JOIN_GRACE_MS)
        with pytest.raises(Refused, match="devices have changed"):
            await line.send("message", ann.message(chain))


async def test_a_record_whose_note_knows_the_device_must_have_its_row(relay: RunningRelay) -> None:
    ann, _, conversation = await pair(relay)
    phone = await enrol(relay, "ben", number=2)
    await ann.sync(phone.since - 1)
    created, _ = ann.seal(conversation)
    assert len(parse_record(created.record).rows) == 2
    hidden, _ = ann.seal(conversation, without={phone.device.entry_hash})
    async with ann.line() as line:
        with pytest.raises(Refused) as refused:
            await line.send("record", hidden.record)
        assert refused.value.rule is Rule.REC_MISSING_ROW
        await line.send("record", created.record)


async def test_a_device_that_joined_within_the_grace_is_told_that_the_session_is_not_for_it(
    relay: RunningRelay,
) -> None:
    ann, _, conversation = await pair(relay)
    async with ann.line() as line:
        created, chain = ann.seal(conversation)
        phone = await enrol(relay, "ben", number=2)
        await line.send("record", created.record)
        await line.send("message", ann.message(chain))
        async with phone.line() as theirs:
            deliveries = await theirs.delivered(3)
            assert [one.WhichOneof("item") for one in deliveries] == ["membership", "withheld", "message"]
            assert parse_header(deliveries[1].withheld).record_hash == created.record_hash
