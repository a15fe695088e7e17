"""A grpc.aio server with the guard, health and reflection, that drains before it stops."""

from __future__ import annotations

import resource
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

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


class RpcPort:
    """A port that is ours and serves nobody yet: a service takes it before it pins or writes anything.

    gRPC has no other way to hold a port than by the server itself; callers wait in its queue until `RpcServer.start`.
    """

    def __init__(self, host: str, port: int, limits: ServerLimits | None = None) -> None:
        """Listen, without TLS and therefore on loopback only; port 0 takes a free one.

        Raises:
            StateError: no loopback address.
            Unavailable: the port is taken.
        """
        self.limits = limits or ServerLimits()
        shown = f"[{host}]" if ":" in require_loopback(host) else host
        self._door = _Door()
        self._server = grpc.aio.server(interceptors=[self._door], options=_options(self.limits))
        try:
            bound = self._server.add_insecure_port(f"{shown}:{port}")
        except RuntimeError:
            bound = 0
        if bound == 0:
            raise Unavailable(f"The address {shown}:{port} is taken.", "Choose another port.")
        self.address = f"{shown}:{bound}"

    def open(self, guard: Guard) -> grpc.aio.Server:
        """Return the server, whose calls pass the guard from now on."""
        self._door.guard = guard
        return self._server

    async def close(self) -> None:
        """Give the port back; harmless where the server was stopped."""
        await self._server.stop(None)


class _Door(grpc.aio.ServerInterceptor):
    """Stands where gRPC demands an interceptor before there is a guard; nothing passes without one."""

    guard: Guard | None = None

    async def intercept_service(self, continuation: Any, details: Any) -> Any:
        if self.guard is None:
            raise AssertionError("a call came before the server was started")
        return await self.guard.intercept_service(continuation, details)


class RpcServer:
    """One server on one port.

    Args:
        services: what it offers.
        table: a row for each RPC of them; health and reflection are added.
        port: taken before; its limits are gRPC's own.
        who_is, tokens: how callers are known.
    """

    def __init__(
        self,
        services: Sequence[Service],
        table: RpcTable,
        *,
        port: RpcPort,
        who_is: WhoIs,
        tokens: TokenStore,
        clock: Clock,
    ) -> None:
        self._port = port
        self._server = port.open(Guard({**PLUMBING_RULES, **table}, who_is=who_is, tokens=tokens, clock=clock))
        for service in services:
            service.add(self._server)
        self._health = health.aio.HealthServicer()
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        names = [service.name for service in services]
        reflection.enable_server_reflection([*names, health.SERVICE_NAME, reflection.SERVICE_NAME], self._server)
        self._names = ["", *names]

    async def start(self) -> str:
        """Take calls; return `host:port`."""
        await self._server.start()
        await self._set_health(health_pb2.HealthCheckResponse.SERVING)
        return self._port.address

    async def stop(self) -> None:
        """Tell health checks, refuse new calls, give the running ones a few seconds, then cancel them."""
        await self._health.enter_graceful_shutdown()
        await self._server.stop(self._port.limits.drain_seconds)

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
