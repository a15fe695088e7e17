"""The enroller process."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from tapeline.base.seam import system_clock, system_rng
from tapeline.base.times import Clock, Rng
from tapeline.enroller.config import EnrollerConfig, load_roster, require_enroller
from tapeline.enroller.keys import load_key
from tapeline.enroller.rpc import ENROLLER_TABLE, Enroller
from tapeline.enroller.service import EnrollerService
from tapeline.enroller.store import open_store
from tapeline.rpc.logs import configure_logs
from tapeline.rpc.server import RpcServer, Service
from tapeline.rpc.signals import StopSignal
from tapeline.rpc.tokens import TokenStore
from tapeline.wire.v1.enroller_pb2_grpc import add_EnrollerServicer_to_server


async def serve(
    config: EnrollerConfig,
    *,
    ready: Callable[[dict[str, str]], None],
    clock: Clock = system_clock,
    rng: Rng = system_rng,
) -> None:
    """Serve until SIGTERM or SIGINT, then drain.

    Args:
        config: folder, roster, address.
        ready: called once with {"grpc"} when calls are taken.
        clock: unix milliseconds.
        rng: source of randomness.

    Raises:
        StateError: no key, a roster that does not name it, or an address that is no loopback.
    """
    configure_logs()
    roster, key = load_roster(config.roster), load_key(config.data)
    require_enroller(roster, key)
    engine = await open_store(config.database)
    try:
        service = EnrollerService(key, roster, engine, clock, rng, device_ms=config.device_ms)
        server = RpcServer(
            [Service("tapeline.wire.v1.Enroller", partial(add_EnrollerServicer_to_server, Enroller(service)))],
            ENROLLER_TABLE,
            who_is=lambda _: None,
            tokens=TokenStore(clock, rng),
            clock=clock,
        )
        with StopSignal() as stopping:
            ready({"grpc": await server.start(config.host, config.port)})
            await stopping.wait()
        await server.stop()
    finally:
        await engine.dispose()
