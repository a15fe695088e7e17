"""A grpc.aio server with the guard, health and reflection, that drains before it stops."""

from __future__ import annotations

import resource
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import grpc.aio
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from tapeline.base.errors import Unavailable
from tapeline.base.times import Clock
from tapeline.rpc.address import require_loopback
from tapeline.rpc.guard import Guard
from tapeline.rpc.principal import WhoIs
from tapeline.rpc.rules import PLUMBING_RULES, RpcTable
from tapeline.rpc.tokens import TokenStore

MIB = 1024 * 1024


@dataclass(frozen=True)
class Service:
    """A servicer with the generated function that adds it, and its full name for health and reflection."""

    name: str
    add: Callable[[grpc.aio.Server], None]


@dataclass(frozen=True)
class ServerLimits:
    """Limits that gRPC itself enforces, before any of our code runs."""

    receive_bytes: int = 8 * MIB
    send_bytes: int = 16 * MIB
    streams_per_connection: int = 64
    connections: int = 1024
    greeting_ms: int = 10_000
    """How long a connection may take for its first exchange of HTTP/2."""
    idle_ms: int = 300_000
    """How long a connection without a call is kept; a client opens another by itself."""
    drain_seconds: float = 5.0


class RpcServer:
    """One server on one port.

    Args:
        services: what it offers.
        table: a row for each RPC of them; health and reflection are added.
        who_is, tokens: how callers are known.
    """

    def __init__(
        self,
        services: Sequence[Service],
        table: RpcTable,
        *,
        who_is: WhoIs,
        tokens: TokenStore,
        clock: Clock,
        limits: ServerLimits | None = None,
    ) -> None:
        self._limits = limits or ServerLimits()
        guard = Guard({**PLUMBING_RULES, **table}, who_is=who_is, tokens=tokens, clock=clock)
        self._server = grpc.aio.server(interceptors=[guard], options=_options(self._limits))
        for service in services:
            service.add(self._server)
        self._health = health.aio.HealthServicer()
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        names = [service.name for service in services]
        reflection.enable_server_reflection([*names, health.SERVICE_NAME, reflection.SERVICE_NAME], self._server)
        self._names = ["", *names]

    async def start(self, host: str, port: int) -> str:
        """Listen, without TLS and therefore on loopback only; return `host:port`, the port chosen where 0 was asked.

        Raises:
            StateError: no loopback address.
            Unavailable: the port is taken.
        """
        shown = f"[{host}]" if ":" in require_loopback(host) else host
        try:
            bound = self._server.add_insecure_port(f"{shown}:{port}")
        except RuntimeError:
            bound = 0
        if bound == 0:
            raise Unavailable(f"The address {shown}:{port} is taken.", "Choose another port.")
        await self._server.start()
        await self._set_health(health_pb2.HealthCheckResponse.SERVING)
        return f"{shown}:{bound}"

    async def stop(self) -> None:
        """Tell health checks, refuse new calls, give the running ones a few seconds, then cancel them."""
        await self._health.enter_graceful_shutdown()
        await self._server.stop(self._limits.drain_seconds)

    async def _set_health(self, status: health_pb2.HealthCheckResponse.ServingStatus) -> None:
        for name in self._names:
            await self._health.set(name, status)


def _options(limits: ServerLimits) -> list[tuple[str, int]]:
    return [
        ("grpc.max_receive_message_length", limits.receive_bytes),
        ("grpc.max_send_message_length", limits.send_bytes),
        ("grpc.max_concurrent_streams", limits.streams_per_connection),
        ("grpc.max_metadata_size", 16 * 1024),
        ("grpc.max_allowed_incoming_connections", min(limits.connections, _connections_by_file_limit())),
        ("grpc.server_handshake_timeout_ms", limits.greeting_ms),
        ("grpc.http2.settings_timeout", limits.greeting_ms),
        ("grpc.max_connection_idle_ms", limits.idle_ms),
        # Two servers on one port would share the callers between them at random.
        ("grpc.so_reuseport", 0),
    ]


def _connections_by_file_limit() -> int:
    """Return how many connections leave this process the files that it needs itself: databases, HTTP, witnesses."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return max(16, (soft - 256) * 3 // 4) if soft != resource.RLIM_INFINITY else 2**31 - 1
