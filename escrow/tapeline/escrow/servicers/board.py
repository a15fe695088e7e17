"""The Board service."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from grpc import aio

from tapeline.base.errors import NotFound, StateError
from tapeline.escrow.board import Board
from tapeline.escrow.bundles import post_bundle
from tapeline.escrow.vault_client import VaultClient
from tapeline.escrow.warrants import issue_warrant
from tapeline.rpc.principal import caller
from tapeline.tlog.publisher import LogPublisher
from tapeline.transparency.cosigned import CosignedCheckpoint
from tapeline.wire.v1 import common_pb2 as common
from tapeline.wire.v1 import escrow_pb2 as wire
from tapeline.wire.v1.escrow_pb2_grpc import BoardServicer

Context = aio.ServicerContext[Any, Any]
PUBLISH_SECONDS = 10.0
"""How long an acknowledgement waits for the witnesses; ten checkpoint intervals."""


class BoardService(BoardServicer):
    """Answers from the board and its log's publisher."""

    def __init__(self, board: Board, publisher: LogPublisher, vault: VaultClient) -> None:
        self._board = board
        self._publisher = publisher
        self._vault = vault

    async def Post(self, request: wire.PostRequest, context: Context) -> wire.AuditAck:  # noqa: N802
        """Take a statement."""
        del context
        return await self._published(await self._board.post(request.kind, request.dsse))

    async def Sync(self, request: wire.AuditSync, context: Context) -> wire.AuditPage:  # noqa: N802
        """Return a page of the log below the newest cosigned checkpoint."""
        del context
        cosigned = self._publisher.latest()
        if cosigned is None:
            return wire.AuditPage(next=request.since)
        items = await self._board.page(request.since, request.limit, cosigned.size, caller().roles)
        return wire.AuditPage(note=cosigned.raw, items=items, next=request.since + len(items))

    async def Prove(self, request: common.ProofRequest, context: Context) -> common.ProofResponse:  # noqa: N802
        """Return inclusion proofs; a size asks for the earliest kept checkpoint of at least that size."""
        del context
        cosigned = await self._checkpoint(request.size)
        proofs = [
            common.InclusionProof(index=index, hashes=await self._publisher.proof(index, cosigned.size))
            for index in request.indices
        ]
        return common.ProofResponse(note=cosigned.raw, proofs=proofs)

    async def ProveConsistency(  # noqa: N802
        self, request: common.ConsistencyRequest, context: Context
    ) -> common.ConsistencyResponse:
        """Return the proof that one size of the log extends another."""
        del context
        latest = self._publisher.latest()
        if latest is None or request.new_size > latest.size:
            raise NotFound("No checkpoint of that size is cosigned.", "Ask with a cosigned checkpoint's size.")
        hashes = await self._publisher.consistency(request.old_size, request.new_size)
        return common.ConsistencyResponse(hashes=hashes)

    async def IssueWarrant(self, request: wire.WarrantRequest, context: Context) -> wire.AuditAck:  # noqa: N802
        """Log manifest and warrant of an approved case."""
        del context
        return await self._published(await issue_warrant(self._board, request.case_hash, request.manifest))

    async def PostBundle(self, request: wire.BundlePost, context: Context) -> wire.AuditAck:  # noqa: N802
        """Log a custodian's release with its bundle."""
        del context
        return await self._published(await post_bundle(self._board, request.release, request.sealed_bundle))

    async def GetBundles(self, request: wire.BundleQuery, context: Context) -> wire.BundleList:  # noqa: N802
        """Return a case's sealed bundles."""
        del context
        return wire.BundleList(bundles=await self._board.bundles(request.case_hash))

    async def AskVault(self, request: wire.VaultReleaseRequest, context: Context) -> wire.AuditAck:  # noqa: N802
        """Pass a warrant's package on to the vault, and log what it releases."""
        del context
        answer = await self._vault.release(request)
        return await self._published(await post_bundle(self._board, answer.release, answer.sealed_bundle))

    async def _published(self, ack: wire.AuditAck) -> wire.AuditAck:
        """Return the acknowledgement once a cosigned checkpoint holds its leaf, so that whoever comes next reads it.

        The statement is durable either way: where no witnesses answer, the acknowledgement is late, not lost.
        """
        with suppress(StateError):
            await self._publisher.wait_for(ack.index + 1, timeout_s=PUBLISH_SECONDS)
        return ack

    async def _checkpoint(self, size: int) -> CosignedCheckpoint:
        cosigned = self._publisher.latest()
        if cosigned is not None and size:  # beyond the latest one there is nothing to look for
            cosigned = await self._publisher.first_with(size - 1) if size <= cosigned.size else None
        if cosigned is None:
            raise StateError("No cosigned checkpoint of that size is there yet.", "Wait a moment.", retryable=True)
        return cosigned
