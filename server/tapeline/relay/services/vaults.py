"""Passing reservations on to the firms' vaults, as opaque bytes."""

from __future__ import annotations

from collections.abc import Mapping

import grpc.aio

from tapeline.base.errors import NotFound, Unavailable
from tapeline.rpc.address import loopback_target
from tapeline.wire.v1.escrow_pb2 import OpaqueRequest
from tapeline.wire.v1.escrow_pb2_grpc import VaultStub

TIMEOUT_S = 10.0


class Vaults:
    """One channel to each firm's vault, opened when first needed."""

    def __init__(self, addresses: Mapping[str, str]) -> None:
        for address in addresses.values():
            loopback_target(address)
        self._addresses = dict(addresses)
        self._channels: dict[str, grpc.aio.Channel] = {}

    async def reserve(self, firm: str, opaque: bytes) -> bytes:
        """Return the vault's answer.

        Raises:
            NotFound: no vault of that firm is configured.
            Unavailable: one answer for every failure; the vault tells its reasons to nobody.
        """
        address = self._addresses.get(firm)
        if address is None:
            raise NotFound("The relay knows no vault of that firm.", "Check the firm's name.")
        if firm not in self._channels:
            self._channels[firm] = grpc.aio.insecure_channel(address)
        try:
            answer = await VaultStub(self._channels[firm]).GetReceipt(OpaqueRequest(opaque=opaque), timeout=TIMEOUT_S)
        except grpc.aio.AioRpcError:
            raise Unavailable("The vault gave no receipt.", "Reserve again later.") from None
        return bytes(answer.opaque)

    async def close(self) -> None:
        """Close the channels."""
        for channel in self._channels.values():
            await channel.close()
