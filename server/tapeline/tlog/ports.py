"""Both ports of a service, taken before it pins or writes anything: if one is not free, the folder stays as it was."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from tapeline.rpc.server import RpcPort, ServerLimits
from tapeline.tlog.listen import HttpPort


@dataclass(frozen=True)
class Ports:
    """One for gRPC, one for HTTP."""

    rpc: RpcPort
    http: HttpPort

    @property
    def addresses(self) -> dict[str, str]:
        """Where they listen, as the ready line says it."""
        return {"grpc": self.rpc.address, "http": self.http.url}


@asynccontextmanager
async def taken_ports(
    host: str, grpc_port: int, http_port: int, limits: ServerLimits | None = None, *, http_host: str = ""
) -> AsyncIterator[Ports]:
    """Hold both ports for the block, then give them back.

    Args:
        host, http_host: loopback addresses; the second is the first where it is left out.
        grpc_port, http_port: 0 takes a free one.
        limits: of gRPC.

    Raises:
        StateError, Unavailable: no loopback address, or a port is taken; then neither is held.
    """
    http = HttpPort(http_host or host, http_port)
    try:
        rpc = RpcPort(host, grpc_port, limits)
    except BaseException:
        http.close()
        raise
    try:
        yield Ports(rpc, http)
    finally:
        await rpc.close()
        http.close()
