"""gRPC channels of a process, shared by any number of clients."""

from __future__ import annotations

import ipaddress

import grpc
import grpc.aio

from tapeline.base.address import parse_address
from tapeline.base.errors import MalformedInput

MIB = 1024 * 1024
_STREAMS_EACH = 24
_OPTIONS = (
    ("grpc.max_receive_message_length", 16 * MIB),
    ("grpc.max_send_message_length", 8 * MIB),
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    # gRPC's own backoff must not outlast ours: ours is the one that is jittered and told to the application.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 2_000),
)


class Transport:
    """Channels by address; a server bounds the streams of one connection, so many clients get several."""

    def __init__(self) -> None:
        self._channels: dict[tuple[str, int], grpc.aio.Channel] = {}
        self._users: dict[str, int] = {}

    def channel(self, address: str) -> grpc.aio.Channel:
        """Return a channel for one more client of `host:port`.

        Raises:
            MalformedInput: no loopback address; this version speaks no TLS.
        """
        _require_loopback(address)
        users = self._users.get(address, 0)
        self._users[address] = users + 1
        key = (address, users // _STREAMS_EACH)
        if key not in self._channels:
            # Without a pool of its own, a second channel to an address would share the first one's connection.
            options = (*_OPTIONS, ("grpc.use_local_subchannel_pool", 1))
            self._channels[key] = grpc.aio.insecure_channel(address, options=options)
        return self._channels[key]

    async def close(self) -> None:
        """Close every channel; calls on them end."""
        for channel in self._channels.values():
            await channel.close()
        self._channels.clear()


def _require_loopback(address: str) -> None:
    host = parse_address(address).host
    try:
        loopback = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        loopback = False
    if not loopback:
        raise MalformedInput(
            "This version connects without TLS, so only to loopback addresses.",
            "Use 127.0.0.1:port, or a TLS proxy on this machine.",
        )
