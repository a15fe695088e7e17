"""Reservations go to the vault unread."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import grpc.aio
import pytest
from relay_device_kit import Device, enrol
from relay_kit import Deployment, refusals

from tapeline.base.errors import NotFound, Unavailable
from tapeline.wire.v1.escrow_pb2 import OpaqueResponse
from tapeline.wire.v1.escrow_pb2_grpc import VaultServicer, add_VaultServicer_to_server
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
