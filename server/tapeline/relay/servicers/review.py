"""Review: what reviewers, custodians and auditors get."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any

import grpc.aio
from sqlalchemy.ext.asyncio import AsyncEngine

from tapeline.base.errors import Unavailable
from tapeline.base.times import Clock
from tapeline.governance.case import Case
from tapeline.relay.services.approved import approved_case
from tapeline.relay.services.ledger import Ledger
from tapeline.relay.services.manifests import Manifests
from tapeline.relay.services.need import of_case
from tapeline.relay.services.salts import salts_of
from tapeline.relay.services.syncing import DirectoryPages, prove_all
from tapeline.relay.services.warranted import Warranted
from tapeline.relay.storage.entries import read_entries
from tapeline.relay.storage.review import read_sessions_by_hash
from tapeline.rpc.principal import caller
from tapeline.tlog.publisher import LogPublisher
from tapeline.transparency.cosigned import CosignedCheckpoint
from tapeline.wire.v1.relay_pb2 import (
    ArchivedObject,
    CaseDirectoryRequest,
    CiphertextRequest,
    ManifestRequest,
    ManifestResponse,
    RecordsRequest,
    RecordsResponse,
    SaltsRequest,
    SaltsResponse,
    SyncPage,
    SyncRequest,
)
from tapeline.wire.v1.relay_pb2_grpc import ReviewServicer

Context = grpc.aio.ServicerContext[Any, Any]

ANSWER_BYTES = 1536 * 1024
"""With one record more, at most 2 MiB, an answer stays below gRPC's default limit of 4 MiB."""
EXPORT_PAGE = 256


class Review(ReviewServicer):
    """For people with a role."""

    def __init__(
        self,
        ledger: Ledger,
        engine: AsyncEngine,
        log: LogPublisher,
        manifests: Manifests,
        warranted: Warranted,
        clock: Clock,
    ) -> None:
        self._ledger, self._engine, self._log = ledger, engine, log
        self._manifests, self._warranted, self._clock = manifests, warranted, clock
        self._pages = DirectoryPages(engine, ledger)

    async def FreezeManifest(self, request: ManifestRequest, context: Context) -> ManifestResponse:  # noqa: N802
        """Return the signed list of the sessions in an approved case's scope."""
        del context
        frozen = await self._manifests.freeze(self._note(), caller().firm, request.case_dsse, request.approvals)
        return ManifestResponse(manifest=frozen)

    async def GetRecords(self, request: RecordsRequest, context: Context) -> RecordsResponse:  # noqa: N802
        """Return records with proofs, in log order, as many as fit: whoever misses some asks for those again.

        Records that are not below the answer's checkpoint yet are left out too.
        """
        del context
        note = self._note()
        async with self._engine.connect() as conn:
            stored = await conn.run_sync(read_sessions_by_hash, list(request.record_hashes), note.size)
            fitting, size = 0, 0
            while fitting < len(stored) and size < ANSWER_BYTES:
                size += len(stored[fitting].record)
                fitting += 1
            kept = stored[:fitting]
            proofs = await conn.run_sync(prove_all, [one.leaf_index for one in kept], note.size)
        records = [
            ArchivedObject(index=one.leaf_index, leaf=one.leaf, object=one.record, proof=proof)
            for one, proof in zip(kept, proofs, strict=True)
        ]
        return RecordsResponse(note=note.raw, records=records)

    async def GetSalts(self, request: SaltsRequest, context: Context) -> SaltsResponse:  # noqa: N802
        """Open the salts of the people and conversations that an approved case names."""
        del context
        return salts_of(self._approved(request.case_dsse, request.approvals), self._ledger)

    async def SyncCase(self, request: CaseDirectoryRequest, context: Context) -> SyncPage:  # noqa: N802
        """Return a page of the directory, with the memberships that an approved case needs."""
        del context
        need = of_case(self._approved(request.case_dsse, request.approvals), self._ledger.conversations)
        return await self._pages.page(self._log.latest(), SyncRequest(since=request.since), need)

    async def GetCiphertext(  # noqa: N802
        self, request: CiphertextRequest, context: Context
    ) -> AsyncIterator[ArchivedObject]:
        """Stream the messages that a warrant covers."""
        del context
        async for message in self._warranted.messages(caller().firm, request.warrant_package):
            yield message

    async def ExportArchive(self, request: SyncRequest, context: Context) -> AsyncIterator[ArchivedObject]:  # noqa: N802
        """Stream every object below the newest cosigned checkpoint, from leaf index `since` on."""
        del context
        since, below = request.since, self._note().size
        left = request.limit or below
        while left > 0 and since < below:
            async with self._engine.connect() as conn:
                page = await conn.run_sync(read_entries, since, below, min(left, EXPORT_PAGE))
            if not page:
                return
            for entry in page:
                yield ArchivedObject(index=entry.index, leaf=entry.leaf, object=entry.object)
            since, left = page[-1].index + 1, left - len(page)

    def _approved(self, case_dsse: bytes, approvals: Sequence[bytes]) -> Case:
        return approved_case(self._ledger.directory, caller().firm, case_dsse, approvals, self._clock())

    def _note(self) -> CosignedCheckpoint:
        latest = self._log.latest()
        if latest is None:
            raise Unavailable("No checkpoint is cosigned yet.", "Ask again in a moment.")
        return latest
