"""The relay process."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from typing import Any

from tapeline.base.errors import MalformedInput
from tapeline.base.seam import system_clock, system_rng
from tapeline.base.times import Clock, Rng
from tapeline.local.folder import FolderLock
from tapeline.relay.app import open_relay
from tapeline.relay.config import RelayConfig
from tapeline.relay.keys import load_keys
from tapeline.relay.storage.engine import migrate, open_engine
from tapeline.rpc.roster_file import read_founding_roster
from tapeline.rpc.signals import StopSignal, until_stopped
from tapeline.tlog.ports import taken_ports


async def serve(
    config: RelayConfig,
    *,
    ready: Callable[[Mapping[str, Any]], None],
    clock: Clock = system_clock,
    rng: Rng = system_rng,
) -> None:
    """Serve until SIGTERM or SIGINT, then drain.

    Args:
        config: folder, rosters, addresses.
        ready: called once with {"grpc", "http", "pid"} when calls are taken.
        clock: unix milliseconds.
        rng: source of randomness for tokens and challenges.

    Raises:
        MalformedInput: rosters of several firms.
        StateError: no keys, another process on the folder, a log inconsistent with its last checkpoint, an address
            that is no loopback.
    """
    _require_one_firm(config)
    async with AsyncExitStack() as stack:
        stack.enter_context(FolderLock.hold(config.data))
        keys = load_keys(config.data)
        ports = await stack.enter_async_context(
            taken_ports(config.host, config.grpc_port, config.http_port, config.server)
        )
        engine = open_engine(config.database)
        stack.push_async_callback(engine.dispose)
        await migrate(engine)
        relay = await open_relay(config, keys, engine, ports, clock=clock, rng=rng)
        with StopSignal() as stopping:
            addresses = await relay.start([read_founding_roster(path) for path in config.rosters])
            ready({**addresses, "pid": os.getpid()})
            try:
                await until_stopped(stopping, relay.publishing)
            finally:
                await relay.stop()


def _require_one_firm(config: RelayConfig) -> None:
    """Refuse a second firm's roster: with one, no client can enrol, and roles would reach across firms."""
    if len(config.rosters) > 1:
        raise MalformedInput(
            "This version serves one firm on a relay; conversations between firms are not built yet.",
            "Give --roster once, and start a relay of its own for each firm.",
        )
