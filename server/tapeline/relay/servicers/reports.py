"""Reports: complaints for the escrow service, forks for the auditor."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import grpc.aio
from sqlalchemy.ext.asyncio import AsyncEngine

from tapeline.relay.services.complaints import Complaints
from tapeline.relay.storage.reports import read_forks
from tapeline.rpc.principal import caller
from tapeline.wire.v1.relay_pb2 import (
    ComplaintLogged,
    ComplaintNoted,
    FiledComplaints,
    ForkEvidence,
    ReportsRequest,
)
from tapeline.wire.v1.relay_pb2_grpc import ReportsServicer

Context = grpc.aio.ServicerContext[Any, Any]
PAGE = 64
LAST = 2**62
"""Behind every row; a database counts no further than 2^63."""


class Reports(ReportsServicer):
    """What went wrong and was reported."""

    def __init__(self, engine: AsyncEngine, complaints: Complaints) -> None:
        self._engine, self._complaints = engine, complaints

    async def ListComplaints(self, request: ReportsRequest, context: Context) -> FiledComplaints:  # noqa: N802
        """Return complaints that the audit log does not hold yet."""
        del context
        return FiledComplaints(complaints=await self._complaints.unlogged(min(request.since, LAST), request.limit))

    async def ConfirmComplaint(self, request: ComplaintLogged, context: Context) -> ComplaintNoted:  # noqa: N802
        """Keep the escrow service's word that a complaint is logged."""
        del context
        await self._complaints.confirm(caller().firm, request.complaint, request.logged)
        return ComplaintNoted()

    async def ExportForks(self, request: ReportsRequest, context: Context) -> AsyncIterator[ForkEvidence]:  # noqa: N802
        """Stream the second messages that devices signed for one place, in the order of their arrival."""
        del context
        skip = min(request.since, LAST)
        while True:
            async with self._engine.connect() as conn:
                page = await conn.run_sync(read_forks, skip, PAGE)
            for fork in page:
                yield ForkEvidence(record_hash=fork.record_hash, message=fork.object, received_ms=fork.received_ms)
            if len(page) < PAGE:
                return
            skip += len(page)
