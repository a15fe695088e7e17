"""HTTP connections end: half-open ones, those that never finish, those beyond the cap; and small answers go at once."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from tapeline.tlog.connections import HttpLimits
from tapeline.tlog.listen import HttpPort, HttpServer

HELLO = b"GET / HTTP/1.1\r\nHost: here\r\n\r\n"
Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Site:
    """A running server, and the raw connections that a test opens to it."""

    def __init__(self, limits: HttpLimits) -> None:
        self.held = asyncio.Event()
        app = Starlette(
            routes=[
                Route("/", self._hello, methods=["GET"]),
                Route("/held", self._wait, methods=["GET"]),
                Route("/big", self._big, methods=["GET"]),
                Route("/body", self._body, methods=["POST"]),
            ]
        )
        self.server = HttpServer(app, HttpPort("127.0.0.1", 0), limits=limits)
        self.port = 0

    async def _hello(self, _: Request) -> Response:
        return PlainTextResponse("hello")

    async def _wait(self, _: Request) -> Response:
        await self.held.wait()
        return PlainTextResponse("late")

    async def _big(self, _: Request) -> Response:
        return Response(bytes(32 * 1024 * 1024))

    async def _body(self, request: Request) -> Response:
        return PlainTextResponse(str(len(await request.body())))

    async def connect(self) -> Stream:
        return await asyncio.open_connection("127.0.0.1", self.port, limit=1024)

    @property
    def connections(self) -> int:
        return len(self.server._server.server_state.connections)


@asynccontextmanager
async def site(**limits: float) -> AsyncIterator[Site]:
    made = Site(HttpLimits(**limits))  # type: ignore[arg-type]
    url = await made.server.start()
    made.port = int(url.rpartition(":")[2])
    try:
        yield made
    finally:
        made.held.set()
        await made.server.stop()


async def ended(reader: asyncio.StreamReader) -> bytes:
    """Read until the server ends the connection."""
    async with asyncio.timeout(10):
        try:
            return await reader.read(-1)
        except ConnectionResetError:
            return b""


async def answered(stream: Stream, request: bytes = HELLO) -> bytes:
    reader, writer = stream
    writer.write(request)
    async with asyncio.timeout(10):
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        return head.partition(b"\r\n")[0] + b" " + await reader.readexactly(length)


async def test_an_accepted_connection_sends_small_answers_at_once() -> None:
    async with site() as here:
        stream = await here.connect()
        assert await answered(stream) == b"HTTP/1.1 200 OK hello"
        (protocol,) = here.server._server.server_state.connections
        accepted = protocol.transport.get_extra_info("socket")
        assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) != 0
        stream[1].close()


@pytest.mark.parametrize(
    "begun",
    [
        b"",
        b"GET / HT",
        b"GET / HTTP/1.1\r\nHost: here\r\n",
        b"POST /body HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\n1",
        HELLO.replace(b"\r\n\r\n", b"\r\nContent-Length: 9\r\n\r\n1"),
    ],
)
async def test_a_request_that_does_not_arrive_in_whole_ends(begun: bytes) -> None:
    async with site(request_s=0.3) as here:
        reader, writer = await here.connect()
        writer.write(begun)
        await ended(reader)
        assert here.connections == 0


@pytest.mark.parametrize("first", [b"", HELLO])
async def test_a_trickle_wins_no_time(first: bytes) -> None:
    async with site(request_s=0.5) as here:
        stream = await here.connect()
        if first:
            await answered(stream, first)
        reader, writer = stream

        async def trickle() -> None:
            for byte in b"GET / HTTP/1.1\r\n" + b"X-Slow: 1\r\n" * 100:
                writer.write(bytes([byte]))
                await asyncio.sleep(0.02)

        slow = asyncio.create_task(trickle())
        async with asyncio.timeout(5):
            await ended(reader)
        slow.cancel()
        assert here.connections == 0


async def test_a_reader_that_takes_no_answer_ends() -> None:
    async with site(answer_s=0.5) as here:
        _, writer = await here.connect()
        writer.write(HELLO.replace(b"/ ", b"/big "))
        await until(lambda: here.connections == 1)
        await until(lambda: here.connections == 0)
        writer.close()


async def test_half_open_connections_leave_room_for_others() -> None:
    async with site(connections=8) as here:
        half_open = [await here.connect() for _ in range(20)]
        assert here.connections <= 8
        assert await answered(await here.connect()) == b"HTTP/1.1 200 OK hello"
        assert await answered(await here.connect()) == b"HTTP/1.1 200 OK hello"
        for _, writer in half_open:
            writer.close()


async def test_a_request_at_hand_is_never_cut_for_a_new_connection() -> None:
    async with site(connections=4) as here:
        busy = [await here.connect() for _ in range(4)]
        for _, writer in busy:
            writer.write(HELLO.replace(b"/ ", b"/held "))
        await until(lambda: len(here.server._server.server_state.tasks) == 4)
        refused, _ = await here.connect()
        assert await ended(refused) == b""
        here.held.set()
        for reader, _ in busy:
            assert (await reader.readuntil(b"\r\n")) == b"HTTP/1.1 200 OK\r\n"


async def test_requests_in_a_row_and_at_once_are_all_answered() -> None:
    async with site(request_s=0.3) as here:
        stream = await here.connect()
        for _ in range(5):
            assert await answered(stream) == b"HTTP/1.1 200 OK hello"
        stream[1].write(HELLO * 3)
        for _ in range(3):
            assert await answered(stream, b"") == b"HTTP/1.1 200 OK hello"


async def until(holds: Callable[[], bool] | Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(10):
        while not holds():  # noqa: ASYNC110 (a count that no event tells)
            await asyncio.sleep(0.01)
