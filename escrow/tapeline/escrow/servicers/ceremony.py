"""The Ceremony service."""

from __future__ import annotations

from typing import Any

from grpc import aio

from tapeline.escrow.ceremonies import CeremonyBoard
from tapeline.escrow.vault_client import VaultClient
from tapeline.wire.v1 import escrow_pb2 as wire
from tapeline.wire.v1.escrow_pb2_grpc import CeremonyServicer

Context = aio.ServicerContext[Any, Any]


class CeremonyService(CeremonyServicer):
    """Answers from the ceremonies' board."""

    def __init__(self, board: CeremonyBoard, vault: VaultClient) -> None:
        self._board = board
        self._vault = vault

    async def Open(self, request: wire.CeremonyOpen, context: Context) -> wire.CeremonyQuery:  # noqa: N802
        """Open a ceremony that an officer signed."""
        del context
        return wire.CeremonyQuery(ceremony=await self._board.open(request))

    async def List(self, request: wire.CeremonyListRequest, context: Context) -> wire.CeremonyList:  # noqa: N802
        """Return all ceremonies' ids."""
        del request, context
        return wire.CeremonyList(ceremonies=await self._board.list())

    async def Post(self, request: wire.CeremonyPost, context: Context) -> wire.CeremonyQuery:  # noqa: N802
        """Keep a custodian's message."""
        del context
        await self._board.post(request)
        return wire.CeremonyQuery(ceremony=request.ceremony)

    async def Get(self, request: wire.CeremonyQuery, context: Context) -> wire.CeremonyState:  # noqa: N802
        """Return a ceremony with its messages."""
        del context
        return await self._board.get(request.ceremony)

    async def MakeVaultKey(self, request: wire.VaultKeyRequest, context: Context) -> wire.VaultKeyResponse:  # noqa: N802
        """Pass the request on to the vault."""
        del context
        return await self._vault.make_key(request)
