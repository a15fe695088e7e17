"""What is declared of each RPC, in one table per server: who may call, how large and how often."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tapeline.rpc.fields import Field, Fields
from tapeline.rpc.principal import ANONYMOUS, Auth

KIB = 1024
HASH = Field(64)
SIGNED_SMALL = Field(inside={"body": Field(8 * KIB), "signature": Field(64)})


@dataclass(frozen=True, slots=True)
class RpcRule:
    """One RPC's row: `per_minute` counts calls of one key, or of one address where the call is anonymous."""

    auth: Auth
    request_bytes: int = 16 * KIB
    fields: Fields = field(default_factory=dict)
    per_minute: int = 6000


RpcTable = Mapping[str, RpcRule]
"""By full method name, such as `/tapeline.wire.v1.Login/Prove`; an RPC that is not listed is refused."""

LOGIN_RULES: RpcTable = {
    "/tapeline.wire.v1.Login/GetChallenge": RpcRule(ANONYMOUS, 256, {"key": Field(32)}, per_minute=1200),
    "/tapeline.wire.v1.Login/Prove": RpcRule(
        ANONYMOUS, 4 * KIB, {"login": Field(inside={"body": Field(2 * KIB), "signature": Field(64)})}, per_minute=1200
    ),
}

PLUMBING_RULES: RpcTable = {
    "/grpc.health.v1.Health/Check": RpcRule(ANONYMOUS, 256, {"service": Field(128)}),
    "/grpc.health.v1.Health/Watch": RpcRule(ANONYMOUS, 256, {"service": Field(128)}),
    "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo": RpcRule(
        ANONYMOUS,
        KIB,
        {
            name: Field(256, inside={"containing_type": Field(256)})
            for name in (
                "host",
                "file_by_filename",
                "file_containing_symbol",
                "file_containing_extension",
                "all_extension_numbers_of_type",
                "list_services",
            )
        },
    ),
}
