"""The enroller process."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from functools import partial
from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.applications import Starlette

from tapeline.agent.relay import RelayClient
from tapeline.agent.remote import Remote
from tapeline.base.seam import system_clock, system_rng
from tapeline.base.times import Clock, Rng
from tapeline.crypto.device import EnrollerView
from tapeline.crypto.login import RELAY
from tapeline.crypto.signing import SigningKey
from tapeline.enroller.archive import ArchiveCheck
from tapeline.enroller.config import EnrollerConfig, load_roster, require_enroller
from tapeline.enroller.keys import load_key
from tapeline.enroller.rpc import ENROLLER_TABLE, Enroller
from tapeline.enroller.service import EnrollerService
from tapeline.enroller.store import answers, open_store
from tapeline.governance.roster import Roster
from tapeline.local.folder import FolderLock
from tapeline.rpc.health import Check, Readiness
from tapeline.rpc.server import RpcServer, Service
from tapeline.rpc.signals import StopSignal
from tapeline.rpc.tokens import TokenStore
from tapeline.tlog.listen import HttpServer
from tapeline.tlog.ports import taken_ports
from tapeline.wire.v1.enroller_pb2_grpc import add_EnrollerServicer_to_server


async def serve(
    config: EnrollerConfig,
    *,
    ready: Callable[[Mapping[str, Any]], None],
    clock: Clock = system_clock,
    rng: Rng = system_rng,
) -> None:
    """Serve until SIGTERM or SIGINT, then drain.

    Args:
        config: folder, roster, address.
        ready: called once with {"grpc", "http", "pid"} when calls are taken.
        clock: unix milliseconds.
        rng: source of randomness.

    Raises:
        StateError: no key, a roster that does not name it, or an address that is no loopback.
    """
    async with AsyncExitStack() as stack:
        # `tapeline enroller code` works beside the service, through transactions: it takes no lock.
        stack.enter_context(FolderLock.hold(config.data))
        roster, key = load_roster(config.roster), load_key(config.data)
        require_enroller(roster, key)
        ports = await stack.enter_async_context(taken_ports(config.host, config.port, config.http_port))
        engine = await open_store(config.database)
        stack.push_async_callback(engine.dispose)
        service = EnrollerService(key, roster, engine, clock, rng, device_ms=config.device_ms)
        remote = _relay(config, roster, key)
        archive = None if remote is None else _archive_check(config, roster, key, engine, remote)
        enroller = Enroller(service, archive)
        server = RpcServer(
            [Service("tapeline.wire.v1.Enroller", partial(add_EnrollerServicer_to_server, enroller))],
            ENROLLER_TABLE,
            port=ports.rpc,
            who_is=lambda _: None,
            tokens=TokenStore(clock, rng),
            clock=clock,
        )
        checks: dict[str, Check] = {"database": partial(answers, engine)}
        if archive is not None:
            checks |= {"relay": archive.why_away, "memory": archive.why_older}
        http = HttpServer(Starlette(routes=Readiness(checks).routes()), ports.http)
        with StopSignal() as stopping:
            ready({"grpc": await server.start(), "http": await http.start(), "pid": os.getpid()})
            comparing = asyncio.create_task(archive.run(stopping)) if archive is not None else None
            await stopping.wait()
        await server.stop()
        await http.stop()
        if comparing is not None and remote is not None:
            remote.close()  # ends a call that waits for the relay
            await comparing


def _relay(config: EnrollerConfig, roster: Roster, key: SigningKey) -> Remote | None:
    if config.relay is None:
        return None
    return Remote(config.relay, key, origin=roster.archive_origin, audience=RELAY, timeout_s=10.0)


def _archive_check(
    config: EnrollerConfig, roster: Roster, key: SigningKey, engine: AsyncEngine, remote: Remote
) -> ArchiveCheck:
    view = EnrollerView(roster.deployment, roster.organisation, key.public)
    return ArchiveCheck(RelayClient(remote), view, engine, accept_older=config.accept_older)
