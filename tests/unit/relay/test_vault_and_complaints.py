"""Reservations go to the vault unread; complaints are kept, and name only what their device has seen."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import grpc.aio
import pytest
from relay_device_kit import Device, enrol, pair
from relay_kit import Deployment, RunningRelay, refusals
from sqlalchemy import select

from tapeline.base.errors import NotFound, PermissionRefused, Unavailable
from tapeline.base.rules import Refused, Rule
from tapeline.base.seam import system_clock
from tapeline.crypto.message.verify import parse_message
from tapeline.crypto.objects import seal_object
from tapeline.crypto.wire import encode
from tapeline.relay.storage.schema import complaint
from tapeline.wire.v1.escrow_pb2 import OpaqueResponse
from tapeline.wire.v1.escrow_pb2_grpc import VaultServicer, add_VaultServicer_to_server
from tapeline.wire.v1.objects_pb2 import Ack, Complaint, SignedObject
from tapeline.wire.v1.relay_pb2 import ReserveRequest
from tapeline.wire.v1.relay_pb2_grpc import MessagingStub


class Vault(VaultServicer):
    """Answers with what it got; the real vault is the escrow party's and has its own tests."""

    async def GetReceipt(self, request, context):  # type: ignore[no-untyped-def]
        if request.opaque == b"refuse me":
            await context.abort(grpc.StatusCode.FAILED_PRECONDITION, "the vault's own words")
        return OpaqueResponse(opaque=b"receipt for " + request.opaque)


@asynccontextmanager
async def vault() -> AsyncIterator[str]:
    server = grpc.aio.server()
    add_VaultServicer_to_server(Vault(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    yield f"127.0.0.1:{port}"
    await server.stop(None)


async def reserve(device: Device, firm: str, opaque: bytes) -> bytes:
    async with refusals():
        request = ReserveRequest(firm=firm, opaque=opaque)
        return (await MessagingStub(device.relay.channel).Reserve(request, metadata=device.metadata)).opaque


async def test_a_reservation_is_passed_on_as_it_is(town: Deployment) -> None:
    async with vault() as address, town.relay(vaults={"acme": address}) as relay:
        ann = await enrol(relay, "ann", prekey=False)
        assert await reserve(ann, "acme", b"\x00\xff opaque") == b"receipt for \x00\xff opaque"
        with pytest.raises(NotFound):
            await reserve(ann, "bolt", b"opaque")


async def test_whatever_fails_at_the_vault_gets_one_answer(town: Deployment) -> None:
    async with vault() as address, town.relay(vaults={"acme": address, "bolt": "127.0.0.1:1"}) as relay:
        ann = await enrol(relay, "ann", prekey=False)
        causes = []
        for firm, opaque in (("acme", b"refuse me"), ("bolt", b"nobody listens")):
            with pytest.raises(Unavailable) as caught:
                await reserve(ann, firm, opaque)
            causes.append(caught.value.cause)
        assert causes == ["The vault gave no receipt."] * 2


async def complain(device: Device, record_hash: bytes, message_hash: bytes = b"", **changes: bytes) -> Ack:
    values: dict[str, object] = {
        "deployment": device.device.deployment,
        "device_entry": device.device.entry_hash,
        "record_hash": record_hash,
        "message_hash": message_hash,
        "rule": "REC-9",
        "time_ms": system_clock(),
        **changes,
    }
    signed = seal_object(device.key, "complaint", encode(Complaint(**values)))  # type: ignore[arg-type]
    stub = MessagingStub(device.relay.channel)
    async with refusals():
        return await stub.Complain(SignedObject.FromString(signed), metadata=device.metadata)


async def test_a_complaint_is_kept_and_answered_with_the_leaf_complained_of(relay: RunningRelay) -> None:
    ann, ben, conversation = await pair(relay)
    eve = await enrol(relay, "eve")
    async with ann.line() as line:
        created, chain = ann.seal(conversation)
        about_record = await line.send("record", created.record)
        message = ann.message(chain)
        about_message = await line.send("message", message)
    assert await complain(ben, created.record_hash) == about_record
    assert await complain(ben, created.record_hash, parse_message(message).message_hash) == about_message
    async with relay.relay._engine.connect() as conn:  # type: ignore[union-attr]
        rows = (await conn.execute(select(complaint.c.leaf_index, complaint.c.rule))).all()
    assert {tuple(row) for row in rows} == {(about_record.index, "REC-9"), (about_message.index, "REC-9")}
    for device, record_hash, message_hash in (
        (eve, created.record_hash, b""),
        (ben, b"r" * 64, b""),
        (ben, created.record_hash, b"m" * 64),
    ):
        with pytest.raises(NotFound):
            await complain(device, record_hash, message_hash)


async def test_a_complaint_in_anothers_name_is_refused(relay: RunningRelay) -> None:
    ann, ben, conversation = await pair(relay)
    async with ann.line() as line:
        created, _ = ann.seal(conversation)
        await line.send("record", created.record)
    with pytest.raises(PermissionRefused):
        await complain(ben, created.record_hash, device_entry=ann.device.entry_hash)


@pytest.mark.rule(Rule.SIGNATURE)
async def test_a_complaint_that_its_device_did_not_sign_is_refused(relay: RunningRelay) -> None:
    ann, ben, conversation = await pair(relay)
    async with ann.line() as line:
        created, _ = ann.seal(conversation)
        await line.send("record", created.record)
    ben.number = 9  # signs with another key from here on
    with pytest.raises(Refused) as caught:
        await complain(ben, created.record_hash)
    assert caught.value.rule is Rule.SIGNATURE
