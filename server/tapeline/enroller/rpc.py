"""The Enroller service: one call, for anybody who has a code."""

from __future__ import annotations

from typing import Any

import grpc.aio

from tapeline.enroller.archive import ArchiveCheck
from tapeline.enroller.service import EnrolAttempt, EnrollerService
from tapeline.rpc.fields import Field
from tapeline.rpc.guard import connection_of
from tapeline.rpc.principal import ANONYMOUS
from tapeline.rpc.rules import RpcRule, RpcTable
from tapeline.wire.v1.enroller_pb2 import EnrolRequest, EnrolResponse
from tapeline.wire.v1.enroller_pb2_grpc import EnrollerServicer
from tapeline.wire.v1.objects_pb2 import SignedObject

ENROLLER_TABLE: RpcTable = {
    "/tapeline.wire.v1.Enroller/Enrol": RpcRule(
        ANONYMOUS,
        1024,
        {"code": Field(64), "device_key": Field(32), "device_name": Field(64), "possession": Field(64)},
        per_minute=6000,
    ),
}


class Enroller(EnrollerServicer):
    """Thin: decodes, asks the service, encodes."""

    def __init__(self, service: EnrollerService, archive: ArchiveCheck | None = None) -> None:
        self._service = service
        self._archive = archive

    async def Enrol(  # noqa: N802
        self, request: EnrolRequest, context: grpc.aio.ServicerContext[Any, Any]
    ) -> EnrolResponse:
        """Return the signed entry for a code and a device key."""
        if self._archive is not None:
            self._archive.require_current()
        attempt = EnrolAttempt(
            code=request.code,
            device_key=request.device_key,
            device_name=request.device_name,
            possession=request.possession,
            connection=connection_of(context.peer()),
        )
        entry = await self._service.enrol(attempt)
        return EnrolResponse(entry=SignedObject.FromString(entry))
