"""An HTTP server that starts on a free port, says where, and drains when told to."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Iterator

import uvicorn
from starlette.types import ASGIApp

from tapeline.base.errors import StateError
from tapeline.rpc.address import require_loopback
from tapeline.tlog.connections import HttpLimits, protocol_with

_BACKLOG = 2048


class _Quiet(uvicorn.Server):
    """uvicorn without its signal handlers: the process that composes the servers decides when to stop."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.is_up = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        try:
            await super().startup(sockets)
        finally:
            self.is_up.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class HttpPort:
    """A port that is ours and serves nobody yet: a service takes it before it pins or writes anything."""

    def __init__(self, host: str, port: int) -> None:
        """Listen, without TLS and therefore on loopback only; port 0 takes a free one.

        Raises:
            StateError: no loopback address, or the address is not free.
        """
        require_loopback(host)
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        # With its protocol named, asyncio sets TCP_NODELAY on what it accepts; without, every answer waits for an ACK.
        self.socket = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            self.socket.bind((host, port))
            self.socket.listen(_BACKLOG)  # a port that is bound only, another process could still take
        except OSError as error:
            self.socket.close()
            raise StateError(
                "The address is taken or not this machine's.", "Choose another --host or --port."
            ) from error
        shown = f"[{host}]" if family == socket.AF_INET6 else host
        self.url = f"http://{shown}:{self.socket.getsockname()[1]}"

    def close(self) -> None:
        """Give the port back."""
        self.socket.close()


class HttpServer:
    """Serves one application on a port taken before."""

    def __init__(self, app: ASGIApp, port: HttpPort, *, drain_s: int = 10, limits: HttpLimits | None = None) -> None:
        config = uvicorn.Config(
            app,
            http=protocol_with(limits or HttpLimits()),
            log_config=None,
            access_log=False,
            server_header=False,
            lifespan="off",
            timeout_graceful_shutdown=drain_s,
        )
        self._server = _Quiet(config)
        self._port = port
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> str:
        """Take requests; return the URL, such as `http://127.0.0.1:40123`."""
        self._task = asyncio.create_task(self._server.serve(sockets=[self._port.socket]))
        await self._server.is_up.wait()
        return self._port.url

    async def stop(self) -> None:
        """Take no more requests, finish those at hand, then return."""
        self._server.should_exit = True
        if self._task is not None:
            await self._task
