"""Bootstrap: what anybody may ask before enrolling."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import grpc.aio
from sqlalchemy.ext.asyncio import AsyncEngine

from tapeline.relay.services.ledger import Ledger
from tapeline.relay.storage.entries import read_entries
from tapeline.tlog.publisher import LogPublisher
from tapeline.wire.v1.objects_pb2 import LeafType
from tapeline.wire.v1.relay_pb2 import Deployment, DeploymentRequest
from tapeline.wire.v1.relay_pb2_grpc import BootstrapServicer

MAX_ROSTERS = 1024


class Bootstrap(BootstrapServicer):
    """The rosters are checked against the pin in the enrolment code, so whoever answers can be anybody."""

    def __init__(
        self, ledger: Ledger, engine: AsyncEngine, publisher: LogPublisher, tiles_url: Callable[[], str]
    ) -> None:
        self._ledger, self._engine, self._publisher, self._tiles_url = ledger, engine, publisher, tiles_url

    async def GetDeployment(  # noqa: N802
        self, request: DeploymentRequest, context: grpc.aio.ServicerContext[Any, Any]
    ) -> Deployment:
        """Return the deployment's id, rosters in the order of the log, and newest checkpoint."""
        del request, context
        types = [LeafType.LEAF_TYPE_ROSTER]
        async with self._engine.connect() as conn:
            entries = await conn.run_sync(read_entries, 0, self._ledger.next_index, MAX_ROSTERS, types)
        latest = self._publisher.latest()
        return Deployment(
            deployment=self._ledger.directory.deployment,
            archive_origin=self._ledger.origin,
            rosters=[entry.object for entry in entries],
            note=latest.raw if latest else b"",
            tiles_url=self._tiles_url(),
        )
