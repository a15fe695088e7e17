"""Messaging: streams, reservations, complaints."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Any

import grpc.aio

from tapeline.crypto.wire import encode
from tapeline.relay.delivery.stream import Stream, StreamParts
from tapeline.relay.delivery.streams import OpenStreams
from tapeline.relay.services.complaints import Complaints
from tapeline.relay.services.vaults import Vaults
from tapeline.rpc.principal import Principal, caller
from tapeline.wire.v1.objects_pb2 import SignedObject
from tapeline.wire.v1.relay_pb2 import ClientFrame, ComplaintReceipt, ReserveRequest, ReserveResponse, ServerFrame
from tapeline.wire.v1.relay_pb2_grpc import MessagingServicer

Context = grpc.aio.ServicerContext[Any, Any]


class Messaging(MessagingServicer):
    """For devices."""

    def __init__(self, parts: StreamParts, vaults: Vaults, complaints: Complaints) -> None:
        self._parts, self._vaults, self._complaints = parts, vaults, complaints
        self._open = OpenStreams(parts.metrics)

    async def Connect(  # noqa: N802
        self, request_iterator: AsyncIterator[ClientFrame], context: Context
    ) -> AsyncGenerator[ServerFrame]:
        """Take submissions and deliver, until the client closes its side."""
        del context
        who = caller()
        device = _device(who)
        with self._open.one_more(device):
            # Closed at once when the call ends, not when the garbage collector finds it.
            async with aclosing(Stream(self._parts, who, device).frames(request_iterator)) as frames:
                async for frame in frames:
                    yield frame

    async def Reserve(self, request: ReserveRequest, context: Context) -> ReserveResponse:  # noqa: N802
        """Pass a reservation to the firm's vault, unread."""
        del context
        return ReserveResponse(opaque=await self._vaults.reserve(request.firm, request.opaque))

    async def Complain(self, request: SignedObject, context: Context) -> ComplaintReceipt:  # noqa: N802
        """Keep a complaint, and tell whether the audit log holds it by now."""
        del context
        return await self._complaints.file(_device(caller()), encode(request))


def _device(who: Principal) -> bytes:
    assert who.device_entry is not None  # the table lets devices only
    return who.device_entry
