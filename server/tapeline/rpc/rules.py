"""What is declared of each RPC, in one table per server: who may call, how large and how often."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tapeline.rpc.fields import Field, Fields
from tapeline.rpc.principal import ANONYMOUS, LOGGED_IN, Auth

KIB = 1024
HASH = Field(64)
SIGNED_SMALL = Field(inside={"body": Field(8 * KIB), "signature": Field(64)})


@dataclass(frozen=True, slots=True)
class RpcRule:
    """One RPC's row.

    Attributes:
        auth: who may call.
        request_bytes: of one request.
        fields: bounds of its fields.
        per_minute: calls of one key, or of one connection where the call is anonymous.
        weight: how many calls a request is worth, where they differ much in what they cost.
        named_key: the key that an anonymous request names: it is counted beside the connection, so that those who
            share one (behind a TLS proxy) do not lock out one another.
        per_minute_of_key: calls that name one key over one connection.
        at_once: calls of one caller that may be open.
    """

    auth: Auth
    request_bytes: int = 16 * KIB
    fields: Fields = field(default_factory=dict)
    per_minute: int = 6000
    weight: Callable[[Any], int] | None = None
    named_key: Callable[[Any], bytes] | None = None
    per_minute_of_key: int = 120
    at_once: int = 256


RpcTable = Mapping[str, RpcRule]
"""By full method name, such as `/tapeline.wire.v1.Login/Prove`; an RPC that is not listed is refused."""

_CONNECTION = 60_000
"""Anonymous calls a minute over one connection. Refusing a cheap call costs as much as answering it, so a lower limit
would save nothing, and lock out those who share the connection."""

LOGIN_RULES: RpcTable = {
    "/tapeline.wire.v1.Login/GetChallenge": RpcRule(
        ANONYMOUS, 256, {"key": Field(32)}, per_minute=_CONNECTION, named_key=lambda request: request.key
    ),
    "/tapeline.wire.v1.Login/Prove": RpcRule(
        ANONYMOUS,
        4 * KIB,
        {"login": Field(inside={"body": Field(2 * KIB), "signature": Field(64)})},
        per_minute=_CONNECTION,
    ),
}


def proofs_asked(request: Any) -> int:
    """Return what a ProofRequest is worth: each 16 proofs cost as much as a call."""
    return 1 + len(request.indices) // 16


PLUMBING_RULES: RpcTable = {
    "/grpc.health.v1.Health/Check": RpcRule(ANONYMOUS, 256, {"service": Field(128)}),
    # A watch and a reflection stay open, so that only those who say who they are may have some.
    "/grpc.health.v1.Health/Watch": RpcRule(LOGGED_IN, 256, {"service": Field(128)}, per_minute=60, at_once=4),
    "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo": RpcRule(
        LOGGED_IN,
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
        per_minute=60,
        at_once=4,
    ),
}
