"""Writing to a stream that the relay has just ended is an unreachable relay, never a fault of the client."""

from __future__ import annotations

from typing import Any

import grpc
import grpc.aio
import pytest

from tapeline.client.errors import RelayUnreachable
from tapeline.client.transport.link import write_frame
from tapeline.wire.v1.relay_pb2 import ClientFrame, ServerFrame


async def end_at_once(requests: Any, context: Any) -> None:
    """End the stream without an answer."""


async def test_a_frame_after_the_end_says_that_the_relay_is_away() -> None:
    server = grpc.aio.server()
    handler = grpc.stream_stream_rpc_method_handler(end_at_once)
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("t.Relay", {"Connect": handler}),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            stream = channel.stream_stream(
                "/t.Relay/Connect",
                request_serializer=ClientFrame.SerializeToString,
                response_deserializer=ServerFrame.FromString,
            )()
            await stream.code()
            with pytest.raises(RelayUnreachable):
                await write_frame(stream, ClientFrame())
    finally:
        await server.stop(None)
