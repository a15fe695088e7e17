"""The service's way to its vault, a process of its own on the same machine."""

from __future__ import annotations

import asyncio
from typing import TypeVar

import grpc
from google.protobuf.message import Message
from grpc import aio

from tapeline.base.errors import StateError, Unavailable
from tapeline.base.remote import TRAILER, error_from_bytes
from tapeline.crypto.login import VAULT
from tapeline.crypto.signing import SigningKey
from tapeline.rpc.address import loopback_target
from tapeline.rpc.session import log_in
from tapeline.wire.v1 import escrow_pb2 as wire

Q = TypeVar("Q", bound=Message)
A = TypeVar("A", bound=Message)
MAX_MESSAGE = 64 * 1024 * 1024
OPTIONS = [("grpc.max_receive_message_length", MAX_MESSAGE), ("grpc.max_send_message_length", MAX_MESSAGE)]
TIMEOUT_S = 120.0
_CONNECT_S = 1.0


class VaultClient:
    """Calls the vault, logged in with the service's key.

    Args:
        address: host:port; without one, every call says so.
        key: the service's, which the roster names.
        origin: of the audit log, which the vault's challenges are of.
    """

    def __init__(self, address: str | None, key: SigningKey, origin: str) -> None:
        self._key, self._origin = key, origin
        self._metadata: tuple[tuple[str, str], ...] = ()
        if address is not None:
            loopback_target(address)
        self._channel = None if address is None else aio.insecure_channel(address, options=OPTIONS)

    async def make_key(self, request: wire.VaultKeyRequest) -> wire.VaultKeyResponse:
        """Return V of an epoch and class, with its attestation."""
        return await self._ask("MakeKey", request, wire.VaultKeyResponse)

    async def release(self, request: wire.VaultReleaseRequest) -> wire.VaultReleaseResponse:
        """Return the vault's release for a warrant, with its sealed bundle."""
        return await self._ask("Release", request, wire.VaultReleaseResponse)

    async def learn(self, statements: wire.VaultUpdate) -> None:
        """Tell the vault of rosters and certificates."""
        await self._ask("Learn", statements, wire.VaultUpdated)

    async def why_away(self) -> str:
        """Return a sentence where the vault cannot be connected to within a second; empty where it can."""
        try:
            async with asyncio.timeout(_CONNECT_S):
                if self._channel is not None:
                    await self._channel.channel_ready()
        except TimeoutError:
            return "The vault does not answer."
        return ""

    async def close(self) -> None:
        """Close the connection."""
        if self._channel is not None:
            await self._channel.close()

    async def _ask(self, method: str, request: Q, answer: type[A]) -> A:
        if self._channel is None:
            raise StateError("The escrow service was started without a vault.", "Start it with --vault ADDRESS.")
        stub = self._channel.unary_unary(
            f"/tapeline.wire.v1.Vault/{method}",
            request_serializer=type(request).SerializeToString,
            response_deserializer=answer.FromString,
        )
        try:
            try:
                return await stub(request, metadata=await self._login(), timeout=TIMEOUT_S)
            except aio.AioRpcError as error:
                if error.code() is not grpc.StatusCode.UNAUTHENTICATED:
                    raise
            self._metadata = ()  # the token has expired, or the vault was started anew
            return await stub(request, metadata=await self._login(), timeout=TIMEOUT_S)
        except aio.AioRpcError as error:
            raise _told(error) from None

    async def _login(self) -> tuple[tuple[str, str], ...]:
        if not self._metadata and self._channel is not None:
            self._metadata = await log_in(self._channel, self._key, origin=self._origin, audience=VAULT)
        return self._metadata


def _told(error: aio.AioRpcError) -> Exception:
    trailer = dict(error.trailing_metadata() or ()).get(TRAILER)
    if isinstance(trailer, bytes):
        return error_from_bytes(trailer)
    if error.code() is grpc.StatusCode.UNAVAILABLE:
        return Unavailable("The vault does not answer.", "Start the vault process.")
    return StateError("The vault failed.", "Look at the vault's log.")
